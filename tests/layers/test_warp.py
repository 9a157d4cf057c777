import keras
import numpy as np
import pytest
from keras import ops

from msrnn_keras.layers.warp import Warp

SIZE = (5, 4)


def warp(x, offsets):
    """Every pixel of the map, weighted by how near it is to the position."""
    batch, height, width, channels = x.shape
    links = offsets.shape[-1] // 2
    out = np.zeros((batch, height, width, links, channels))
    for index in np.ndindex(batch, height, width, links):
        sample, row, column, link = index
        dx, dy = offsets[sample, row, column, 2 * link : 2 * link + 2]
        across = np.maximum(0, 1 - abs(np.arange(width) - (column + dx)))
        down = np.maximum(0, 1 - abs(np.arange(height) - (row + dy)))
        out[index] = np.einsum("h,w,hwc->c", down, across, x[sample])
    return out


def arrays(links=3, spread=2.0):
    """A map and offsets, none within 0.01 of a whole number of pixels."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, *SIZE, 3)).astype("float32")
    offsets = rng.normal(size=(2, *SIZE, 2 * links)) * spread
    whole = np.floor(offsets)
    offsets = whole + np.clip(offsets - whole, 0.01, 0.99)
    return x, offsets.astype("float32")


def run(x, offsets, **kwargs):
    result = Warp(**kwargs)(ops.convert_to_tensor(x), offsets)
    return ops.convert_to_numpy(ops.cast(result, "float32"))


def constant(u, v):
    """The same offset everywhere, for a map of two samples."""
    return np.broadcast_to(np.float32([u, v]), (2, *SIZE, 2))


@pytest.mark.parametrize("spread", [0.5, 2.0, 10.0])
def test_equals_the_reference(spread):
    x, offsets = arrays(spread=spread)
    np.testing.assert_allclose(run(x, offsets), warp(x, offsets), atol=1e-5)


def test_zero_offsets_give_the_map_itself():
    x, _ = arrays()
    given = run(x, np.zeros((2, *SIZE, 4), "float32"))
    np.testing.assert_array_equal(given[..., 0, :], x)
    np.testing.assert_array_equal(given[..., 1, :], x)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_positions_are_exact_on_wide_maps_in_low_precision(dtype):
    # Beyond 256 bfloat16 does not tell neighbouring columns apart.
    x = (np.arange(600) % 7).astype("float32").reshape(1, 1, 600, 1)
    offsets = np.zeros((1, 1, 600, 2), "float32")
    offsets[..., 0] = 1.5
    layer = Warp(dtype=dtype)
    given = layer(ops.cast(x, dtype), ops.cast(offsets, dtype))
    assert keras.backend.standardize_dtype(given.dtype) == dtype
    given = ops.convert_to_numpy(ops.cast(given, "float32"))
    np.testing.assert_array_equal(given, warp(x, offsets))


def test_whole_pixels_move_the_map_and_leave_zeros():
    x, _ = arrays()
    given = run(x, constant(1, -2))[..., 0, :]
    expected = np.zeros_like(x)
    expected[:, 2:, :-1] = x[:, :-2, 1:]
    np.testing.assert_array_equal(given, expected)


@pytest.mark.parametrize("far", [1e9, -1e9, 3e38, -3e38, np.inf, -np.inf])
def test_far_away_is_zero(far):
    x, _ = arrays()
    assert not run(x, constant(far, 0)).any()
    assert not run(x, constant(0, far)).any()


def test_just_outside_fades_out():
    x, _ = arrays()
    given = run(x, constant(-0.25, 0))[:, :, 0, 0]
    np.testing.assert_allclose(given, 0.75 * x[:, :, 0], atol=1e-6)
    given = run(x, constant(0, 0.25))[:, -1, :, 0]
    np.testing.assert_allclose(given, 0.75 * x[:, -1], atol=1e-6)


def test_nan_stays_where_it_is():
    x, offsets = arrays(links=1)
    clean = run(x, offsets)
    offsets[0, 1, 2, 0] = np.nan
    given = run(x, offsets)
    assert np.isnan(given[0, 1, 2]).all()
    given[0, 1, 2] = clean[0, 1, 2]
    np.testing.assert_array_equal(given, clean)


def test_samples_do_not_mix():
    x, offsets = arrays(spread=4.0)
    before = run(x, offsets)
    x[1] += 1
    after = run(x, offsets)
    np.testing.assert_array_equal(before[0], after[0])
    assert (before[1] != after[1]).any()


class Held(keras.layers.Layer):
    """A map and offsets as weights; the sum of the given parts of the warp."""

    def __init__(self, x, offsets):
        super().__init__()
        self.x = self.add_weight(shape=x.shape, name="x")
        self.offsets = self.add_weight(shape=offsets.shape, name="offsets")
        self.warp = Warp()
        self.warp.build(x.shape, offsets.shape)
        self.built = True
        self.set_weights([x, offsets])

    def call(self, parts):
        return ops.sum(
            parts[0] * self.warp(self.x, self.offsets), keepdims=True
        )


@pytest.mark.parametrize("name", ["x", "offsets"])
def test_gradients_equal_differences_of_the_reference(name):
    values = dict(zip(("x", "offsets"), arrays(links=2), strict=True))
    values = {key: value.astype("float64") for key, value in values.items()}
    parts = np.random.default_rng(1).normal(size=warp(**values).shape)
    held = Held(**values)
    # One at a time: TensorFlow may update a weight before it has read it for
    # the gradient of another one.
    for other in {"x", "offsets"} - {name}:
        getattr(held, other).trainable = False
    model = keras.Sequential([held])
    model.compile(keras.optimizers.SGD(1.0), loss=lambda y, total: total)
    inputs = parts[None].astype("float32")
    model.train_on_batch(inputs, np.zeros((1, 1, 1, 1, 1), "float32"))
    new = ops.convert_to_numpy(getattr(held, name))
    step = 1e-3  # less than any position's distance from a kink
    array = values[name]
    expected = np.empty_like(array)
    for index in np.ndindex(array.shape):
        totals = []
        for sign in (1, -1):
            moved = array.copy()
            moved[index] += sign * step
            totals.append((parts * warp(**{**values, name: moved})).sum())
        expected[index] = (totals[0] - totals[1]) / (2 * step)
    np.testing.assert_allclose(array - new, expected, atol=1e-4)


def test_symbolic_shapes():
    x = keras.Input((12, None, 3))
    offsets = keras.Input((12, None, 8))
    assert Warp()(x, offsets).shape == (None, 12, None, 4, 3)


def test_sizes_unknown_to_the_graph():
    x, offsets = arrays()
    inputs = keras.Input((None, None, 3)), keras.Input((None, None, 6))
    model = keras.Model(inputs, Warp()(*inputs))
    given = model.predict([x, offsets], verbose=0)
    np.testing.assert_allclose(given, warp(x, offsets), atol=1e-5)


def test_refuses_half_a_link():
    x, offsets = arrays()
    with pytest.raises(ValueError, match=r"offsets.*Received: shape=\(2, 5"):
        Warp()(x, offsets[..., :3])


def test_config_round_trip():
    layer = Warp(name="flow", dtype="bfloat16")
    twin = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(layer)
    )
    assert type(twin) is Warp
    assert twin.get_config() == layer.get_config()
