import functools

import keras
import numpy as np
import pytest
from keras import ops

from msrnn_keras.layers.local_attention import LocalAttention
from tests.gradients import gradients, random
from tests.reference import assert_close, numpy

BACKEND = keras.backend.backend()


def maps(size=(7, 11), channels=(3, 3, 5), batch=2, seed=0):
    """Random query, key and value."""
    rng = np.random.default_rng(seed)
    shapes = [(batch, *size, count) for count in channels]
    return [rng.normal(size=shape).astype("float32") for shape in shapes]


def by_pixel(query, key, value, window):
    """Local attention one position at a time."""
    before = window // 2
    pad = (before, window - 1 - before)
    key, value = (
        np.pad(x, ((0, 0), pad, pad, (0, 0))).astype("float64")
        for x in (key, value)
    )
    out = np.zeros((*query.shape[:3], value.shape[-1]))
    for at in np.ndindex(query.shape[:3]):
        sample, row, column = at
        around = (
            sample,
            slice(row, row + window),
            slice(column, column + window),
        )
        weights = np.exp(key[around] @ query[at].astype("float64"))
        out[at] = np.tensordot(weights / weights.sum(), value[around], 2)
    return out


@pytest.mark.parametrize(
    ("window", "size"),
    [(window, (7, 11)) for window in (1, 2, 5, 6, 13, 30)]
    + [(12, size) for size in ((1, 1), (3, 20), (16, 8))],
)
def test_equals_the_loop_over_pixels(window, size):
    given = LocalAttention(window)(*maps(size))
    assert_close(given, by_pixel(*maps(size), window), atol=1e-5)


def test_size_known_only_at_run_time():
    inputs = [keras.Input((None, None, n)) for n in (3, 3, 5)]
    model = keras.Model(inputs, LocalAttention(5)(*inputs))
    assert model.output_shape == (None, None, None, 5)
    for size in ((7, 11), (4, 6)):
        given = model.predict(maps(size), verbose=0)
        expected = by_pixel(*maps(size), 5)
        assert_close(given, expected, atol=1e-5)


@pytest.mark.backend_free
@pytest.mark.parametrize(
    "size, channels, window, small",
    [
        ((16, 16), 2, 30, True),  # 256² scores, not 256 · 45²
        ((4, 4), 2, 30, True),
        ((44, 44), 2, 30, True),
        ((64, 64), 64, 30, False),
        ((512, 512), 64, 30, False),
        ((8, 8), 2, 2, False),
        ((16, 16), 2, 8, False),  # more scores than 256 · 11²
        ((16, 16), 32, 8, True),  # whose copies are 4 times as many
        ((24, 24), 32, 8, False),
    ],
)
def test_small_maps_are_not_cut(size, channels, window, small, monkeypatch):
    taken = []
    layer = LocalAttention(window)
    for name in ("whole", "tiled"):
        monkeypatch.setattr(layer, name, lambda *maps, n=name: taken.append(n))
    shape = (1, *size, channels)
    layer.call(*(np.empty(shape, "float32") for _ in range(3)))
    assert taken == ["whole" if small else "tiled"]


@pytest.mark.skipif(BACKEND != "tensorflow", reason="its graphs of any size")
def test_one_graph_takes_small_and_large_maps():
    import tensorflow as tf

    attend = tf.function(
        LocalAttention(4),
        input_signature=[
            tf.TensorSpec((None, None, None, n)) for n in (3, 3, 5)
        ],
    )
    for size in ((4, 4), (16, 16)):  # whole, in tiles
        assert_close(attend(*maps(size)), by_pixel(*maps(size), 4), atol=1e-5)


def test_bfloat16_scores_are_exact():
    query, key, value = maps()
    rounded = [ops.cast(x, "bfloat16") for x in (4 * query, key, value)]
    given = LocalAttention(6, dtype="bfloat16")(*rounded)
    assert keras.backend.standardize_dtype(given.dtype) == "bfloat16"
    expected = LocalAttention(6)(*(ops.cast(x, "float32") for x in rounded))
    # The tolerance is that of the output alone.
    given = ops.cast(given, "float32")
    assert_close(given, expected, rtol=2**-8, atol=1e-4)


def unfolded(window, query, key, value):
    """Local attention with the whole window unfolded at each position."""
    before = window // 2
    pad = (before, window - 1 - before)
    rows, columns = (
        np.arange(n)[:, None] + np.arange(window) for n in query.shape[1:3]
    )
    key, value = (
        ops.take(
            ops.take(ops.pad(x, ((0, 0), pad, pad, (0, 0))), rows, axis=1),
            columns,
            axis=3,
        )
        for x in (key, value)
    )
    scores = ops.einsum("bhwc,bhiwjc->bhwij", query, key)
    weights = ops.reshape(scores, (*scores.shape[:3], -1))
    weights = ops.reshape(ops.softmax(weights, axis=-1), scores.shape)
    return ops.einsum("bhwij,bhiwjc->bhwc", weights, value)


class Whole(LocalAttention):
    call = LocalAttention.whole


class Tiled(LocalAttention):
    call = LocalAttention.tiled


@pytest.mark.parametrize("window", [1, 6, 30])
@pytest.mark.parametrize("size", [(7, 11), (1, 1)])
def test_whole_maps_equal_tiles(size, window):
    whole, tiled = (layer(window)(*maps(size)) for layer in (Whole, Tiled))
    assert_close(numpy(whole), numpy(tiled), atol=1e-5)


@pytest.mark.parametrize("attention", [Whole, Tiled])
@pytest.mark.parametrize("window", [5, 12])
def test_gradient_equals_that_of_unfolding(window, attention):
    upstream = random(2, 7, 11, 5, seed=1)
    given = gradients(attention(window), upstream, *maps())
    slow = functools.partial(unfolded, window)
    expected = gradients(slow, upstream, *maps())
    assert min(np.abs(gradient).max() for gradient in expected) > 0.1
    assert_close(given, expected, atol=2e-4)


def results(jaxpr):
    """Sizes of all that a JAX function computes."""
    for equation in jaxpr.eqns:
        yield from (result.aval.size for result in equation.outvars)
        for inner in equation.params.values():
            inner = getattr(inner, "jaxpr", inner)
            if hasattr(inner, "eqns"):
                yield from results(inner)


@pytest.mark.skipif(BACKEND != "jax", reason="reads what JAX computes")
def test_nothing_is_as_large_as_the_unfolded_keys():
    import jax

    window, size, channels = 12, (24, 24), 32
    inputs = maps(size, [channels] * 3, batch=1)

    def total(*inputs):
        return LocalAttention(window)(*inputs).sum()

    traced = jax.make_jaxpr(jax.grad(total, argnums=(0, 1, 2)))(*inputs)
    largest = max(results(traced.jaxpr))
    positions = size[0] * size[1]
    # The scores are there, more than one for each offset.
    assert positions * window**2 < largest
    assert largest < positions * window**2 * channels / 4


@pytest.mark.skipif(BACKEND != "jax", reason="reads what JAX keeps")
@pytest.mark.parametrize("attention", [Whole, Tiled])
def test_gradient_keeps_the_inputs_alone(attention):
    import jax

    inputs = maps((8, 16), (3, 3, 5))
    _, gradient = jax.vjp(attention(6), *inputs)
    leaves = jax.tree.leaves(gradient)
    kept = [x for x in leaves if x.dtype != bool and x.size > 1]
    assert sum(x.size for x in kept) <= sum(x.size for x in inputs)


def test_refuses_bad_windows():
    for window in (0, -1, 2.0, True, None):
        with pytest.raises(ValueError, match="`window`.*Received: window="):
            LocalAttention(window)
