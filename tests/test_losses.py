import keras
import numpy as np
import pytest

from msrnn_keras.losses import FrameL1L2Loss
from tests.reference import assert_close, clips

Y, P = clips(seed=1), clips(seed=2)


def per_frame(y, p):
    error = y - p
    return (error**2 + np.abs(error)).sum(axis=(2, 3, 4))


def test_is_the_mean_over_frames_of_sums_over_pixels():
    expected = per_frame(Y, P)
    assert_close(FrameL1L2Loss()(Y, P), expected.mean(), rtol=1e-5)
    assert_close(FrameL1L2Loss(reduction=None)(Y, P), expected, rtol=1e-5)


def test_missing_pixels_carry_no_loss():
    holes = Y.copy()
    holes[0, :, 3:] = np.nan
    expected = per_frame(Y, P)
    expected[0] = per_frame(Y[:1, :, :3], P[:1, :, :3])
    given = FrameL1L2Loss(reduction=None)(holes, P)
    assert_close(given, expected, rtol=1e-5)


@pytest.mark.parametrize("shape", [(2,), (2, 1), (2, 7)])
def test_sample_weights(shape):
    weights = np.arange(1, 1 + np.prod(shape), dtype="float32").reshape(shape)
    full = weights[:, None] if len(shape) == 1 else weights
    given = FrameL1L2Loss()(Y, P, sample_weight=weights)
    assert_close(given, (per_frame(Y, P) * full).mean(), rtol=1e-5)


def test_config_round_trip():
    loss = FrameL1L2Loss(reduction="sum", name="other", dtype="float64")
    twin = keras.losses.deserialize(keras.losses.serialize(loss))
    assert isinstance(twin, FrameL1L2Loss)
    assert twin.get_config() == loss.get_config()
    assert (twin.reduction, twin.name) == ("sum", "other")


@pytest.mark.parametrize(
    "shape", [(16, 16, 1), (1, 7, 16, 16, 1), (2, 7, 16, 16, 3), (7, 16, 16, 1)]
)
def test_shapes_are_not_broadcast(shape):
    with pytest.raises(ValueError, match="same shape.*Received: y_true.sha"):
        FrameL1L2Loss()(np.zeros(shape, "float32"), P)
    with pytest.raises(ValueError, match="same shape.*Received: y_true.sha"):
        FrameL1L2Loss()(Y, np.zeros(shape, "float32"))


@pytest.mark.parametrize("dtype", ["uint8", "bool", "complex64"])
def test_frames_are_floats(dtype):
    with pytest.raises(TypeError, match=f"`y_true`.*/ 255.*dtype={dtype}"):
        FrameL1L2Loss()((255 * Y).astype(dtype), P)
    with pytest.raises(TypeError, match=f"`y_pred`.*/ 255.*dtype={dtype}"):
        FrameL1L2Loss()(Y, (255 * P).astype(dtype))


def test_sizes_that_are_not_known_are_legal():
    inputs = keras.Input((None, None, None, 1))
    model = keras.Model(inputs, keras.layers.Identity()(inputs))
    model.compile(loss=FrameL1L2Loss())
    expected = per_frame(Y, P).mean()
    assert model.evaluate(P, Y, verbose=0) == pytest.approx(expected, 1e-5)
