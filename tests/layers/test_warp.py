import keras
import numpy as np
import pytest
from keras import ops

from msrnn_keras.layers.warp import Warp
from tests.gradients import gradients
from tests.reference import assert_close, assert_equal, numpy

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
    return numpy(ops.cast(result, "float32"))


def constant(u, v):
    """The same offset everywhere, for a map of two samples."""
    return np.broadcast_to(np.float32([u, v]), (2, *SIZE, 2))


@pytest.mark.parametrize("spread", [0.5, 2.0, 10.0])
def test_equals_the_reference(spread):
    x, offsets = arrays(spread=spread)
    assert_close(run(x, offsets), warp(x, offsets), atol=1e-5)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_positions_are_exact_on_wide_maps_in_low_precision(dtype):
    # Beyond 256 bfloat16 does not tell neighbouring columns apart.
    x = (np.arange(600) % 7).astype("float32").reshape(1, 1, 600, 1)
    offsets = np.zeros((1, 1, 600, 2), "float32")
    offsets[..., 0] = 1.5
    layer = Warp(dtype=dtype)
    given = layer(ops.cast(x, dtype), ops.cast(offsets, dtype))
    assert keras.backend.standardize_dtype(given.dtype) == dtype
    given = numpy(ops.cast(given, "float32"))
    assert_equal(given, warp(x, offsets))


def test_constant_offsets_move_the_map_and_leave_zeros():
    x, _ = arrays()
    assert_equal(run(x, constant(0, 0))[..., 0, :], x)
    expected = np.zeros_like(x)
    expected[:, 2:, :-1] = x[:, :-2, 1:]
    assert_equal(run(x, constant(1, -2))[..., 0, :], expected)
    given = run(x, constant(-0.25, 0))[:, :, 0, 0]
    assert_close(given, 0.75 * x[:, :, 0], atol=1e-6)
    given = run(x, constant(0, 0.25))[:, -1, :, 0]
    assert_close(given, 0.75 * x[:, -1], atol=1e-6)
    for far in (1e9, -1e9, 3e38, -3e38, np.inf, -np.inf):
        assert not run(x, constant(far, 0)).any()
        assert not run(x, constant(0, far)).any()


def test_nan_stays_where_it_is():
    x, offsets = arrays(links=1)
    clean = run(x, offsets)
    offsets[0, 1, 2, 0] = np.nan
    given = run(x, offsets)
    assert np.isnan(given[0, 1, 2]).all()
    given[0, 1, 2] = clean[0, 1, 2]
    assert_equal(given, clean)


def test_gradients_equal_differences_of_the_reference():
    x, offsets = arrays(links=2)
    parts = np.random.default_rng(1).normal(size=(2, *SIZE, 2, 3))
    given = gradients(Warp(), parts.astype("float32"), x, offsets)
    step = 1e-3  # less than any position's distance from a kink
    values = [array.astype("float64") for array in (x, offsets)]
    expected = [np.empty_like(array) for array in values]
    for n, result in enumerate(expected):
        for index in np.ndindex(result.shape):
            totals = []
            for sign in (1, -1):
                moved = [array.copy() for array in values]
                moved[n][index] += sign * step
                totals.append((parts * warp(*moved)).sum())
            result[index] = (totals[0] - totals[1]) / (2 * step)
    assert_close(given, expected, atol=1e-4)


def test_symbolic_shapes_and_refusals():
    x, links = keras.Input((12, None, 3)), keras.Input((12, None, 8))
    assert Warp()(x, links).shape == (None, 12, None, 4, 3)
    x, offsets = arrays()
    with pytest.raises(ValueError, match=r"offsets.*Received: shape=\(2, 5"):
        Warp()(x, offsets[..., :3])
