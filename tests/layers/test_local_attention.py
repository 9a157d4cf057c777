import keras
import numpy as np
import pytest
from keras import ops

from msrnn_keras.layers.local_attention import LocalAttention
from tests.gradients import gradients, random
from tests.reference import assert_close

BACKEND = keras.backend.backend()


def maps(size=(7, 11), channels=(3, 3, 5), batch=2):
    rng = np.random.default_rng(0)
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
        around = np.s_[sample, row : row + window, column : column + window]
        weights = np.exp(key[around] @ query[at].astype("float64"))
        out[at] = np.tensordot(weights / weights.sum(), value[around], 2)
    return out


class Whole(LocalAttention):
    call = LocalAttention.whole


class Tiled(LocalAttention):
    call = LocalAttention.tiled


@pytest.mark.parametrize(
    ("window", "size"),
    [(window, (7, 11)) for window in (1, 2, 5, 6, 30)]
    + [(12, (1, 1)), (12, (3, 20))],
)
def test_equals_the_loop_over_pixels(window, size):
    expected = by_pixel(*maps(size), window)
    for attention in (Whole, Tiled):
        assert_close(attention(window)(*maps(size)), expected, atol=1e-5)


@pytest.mark.skipif(BACKEND != "tensorflow", reason="its graphs of any size")
def test_one_graph_takes_small_and_large_maps():
    import tensorflow as tf

    signature = [tf.TensorSpec((None, None, None, n)) for n in (3, 3, 5)]
    attend = tf.function(LocalAttention(4), input_signature=signature)
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


@pytest.mark.parametrize("attention", [Whole, Tiled])
@pytest.mark.parametrize("window", [5, 12])
def test_gradients_equal_differences_of_the_loop(window, attention):
    arrays, upstream = maps(), random(2, 7, 11, 5, seed=1)
    given = gradients(attention(window), upstream, *arrays)
    rng, step = np.random.default_rng(2), 1e-5
    for n, gradient in enumerate(given):
        for _ in range(5):
            direction = rng.normal(size=gradient.shape)
            sides = []
            for sign in (1, -1):
                moved = [a.astype("float64") for a in arrays]
                moved[n] += sign * step * direction
                sides.append((upstream * by_pixel(*moved, window)).sum())
            expected = (sides[0] - sides[1]) / (2 * step)
            assert abs(expected) > 0.1
            assert_close((gradient * direction).sum(), expected, rtol=1e-3)


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


@pytest.mark.backend_free
def test_refuses_bad_windows():
    for window in (0, -1, 2.5, True, None):
        with pytest.raises(ValueError, match="`window`.*Received: window="):
            LocalAttention(window)
