import keras
import numpy as np
import pytest
from keras import ops

from msrnn_keras.layers.local_attention import LocalAttention

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


@pytest.mark.parametrize("window", [1, 2, 5, 6, 13, 30])
def test_equals_the_loop_over_pixels(window):
    given = LocalAttention(window)(*maps())
    np.testing.assert_allclose(
        ops.convert_to_numpy(given), by_pixel(*maps(), window), atol=1e-5
    )


@pytest.mark.parametrize("size", [(1, 1), (3, 20), (16, 8)])
def test_maps_of_any_size(size):
    given = LocalAttention(12)(*maps(size))
    np.testing.assert_allclose(
        ops.convert_to_numpy(given), by_pixel(*maps(size), 12), atol=1e-5
    )


def test_size_known_only_at_run_time():
    inputs = [keras.Input((None, None, n)) for n in (3, 3, 5)]
    model = keras.Model(inputs, LocalAttention(5)(*inputs))
    assert model.output_shape == (None, None, None, 5)
    for size in ((7, 11), (4, 6)):
        given = model.predict(maps(size), verbose=0)
        expected = by_pixel(*maps(size), 5)
        np.testing.assert_allclose(given, expected, atol=1e-5)


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
        np.testing.assert_allclose(
            attend(*maps(size)), by_pixel(*maps(size), 4), atol=1e-5
        )


def test_samples_do_not_see_each_other():
    together = LocalAttention(6)(*maps())
    alone = LocalAttention(6)(*(x[1:] for x in maps()))
    np.testing.assert_allclose(
        ops.convert_to_numpy(together)[1:],
        ops.convert_to_numpy(alone),
        atol=1e-6,
    )


def test_bfloat16_scores_are_exact():
    query, key, value = maps()
    query = 4 * query
    rounded = [ops.cast(x, "bfloat16") for x in (query, key, value)]
    given = LocalAttention(6, dtype="bfloat16")(*rounded)
    assert keras.backend.standardize_dtype(given.dtype) == "bfloat16"
    expected = LocalAttention(6)(*(ops.cast(x, "float32") for x in rounded))
    np.testing.assert_allclose(
        ops.convert_to_numpy(ops.cast(given, "float32")),
        ops.convert_to_numpy(expected),
        rtol=2**-8,  # of the output alone
        atol=1e-4,
    )


@pytest.mark.skipif(BACKEND == "jax", reason="float64 is off there")
def test_float64_keeps_its_digits():
    given = LocalAttention(6, dtype="float64")(
        *(x.astype("float64") for x in maps())
    )
    np.testing.assert_allclose(
        ops.convert_to_numpy(given), by_pixel(*maps(), 6), atol=1e-12
    )


class Unfolded(keras.layers.Layer):
    """Local attention with the whole window unfolded at each position."""

    def __init__(self, window):
        super().__init__()
        self.window = window

    def call(self, query, key, value):
        key, value = self.unfolded(key), self.unfolded(value)
        scores = ops.einsum("bhwc,bhiwjc->bhwij", query, key)
        weights = ops.reshape(scores, (*scores.shape[:3], -1))
        weights = ops.reshape(ops.softmax(weights, axis=-1), scores.shape)
        return ops.einsum("bhwij,bhiwjc->bhwc", weights, value)

    def unfolded(self, x):
        before = self.window // 2
        pad = (before, self.window - 1 - before)
        offsets = np.arange(self.window)
        rows, columns = (np.arange(n)[:, None] + offsets for n in x.shape[1:3])
        x = ops.pad(x, ((0, 0), pad, pad, (0, 0)))
        return ops.take(ops.take(x, rows, axis=1), columns, axis=3)


class OfWeights(keras.layers.Layer):
    """The attention of maps that are weights, weighted by the input."""

    def __init__(self, attention):
        super().__init__()
        self.attention = attention
        self.maps = [
            self.add_weight(shape=x.shape, initializer="zeros") for x in maps()
        ]
        self.set_weights(maps())

    def call(self, x):
        return x * self.attention(*self.maps)


class Whole(LocalAttention):
    call = LocalAttention.whole


class Tiled(LocalAttention):
    call = LocalAttention.tiled


@pytest.mark.parametrize("window", [1, 6, 30])
@pytest.mark.parametrize("size", [(7, 11), (1, 1)])
def test_whole_maps_equal_tiles(size, window):
    whole, tiled = (layer(window)(*maps(size)) for layer in (Whole, Tiled))
    np.testing.assert_allclose(
        ops.convert_to_numpy(whole), ops.convert_to_numpy(tiled), atol=1e-5
    )


@pytest.mark.parametrize("attention", [Whole, Tiled])
@pytest.mark.parametrize("window", [5, 12])
def test_gradient_equals_that_of_unfolding(window, attention):
    target = np.random.default_rng(1).normal(size=(2, 7, 11, 5))
    results = []
    for layer in (attention(window), Unfolded(window)):
        model = keras.Sequential([OfWeights(layer)])
        rate = float(target.size)  # the loss is a mean
        model.compile(keras.optimizers.SGD(rate), "mse", jit_compile=False)
        model.train_on_batch(np.ones_like(target, "float32"), target)
        results.append(model.get_weights())
    for given, expected, before in zip(*results, maps(), strict=True):
        assert np.abs(given - before).max() > 0.1
        np.testing.assert_allclose(given, expected, atol=2e-4)


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


@pytest.mark.parametrize("window", [0, -1, 2.0, True, None])
def test_refuses_bad_windows(window):
    with pytest.raises(ValueError, match="`window`.*Received: window="):
        LocalAttention(window)


def test_config_round_trip():
    layer = LocalAttention(7, name="around", dtype="bfloat16")
    twin = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(layer)
    )
    assert type(twin) is LocalAttention
    assert twin.get_config() == layer.get_config()
    assert twin.window == 7
