import keras
import numpy as np
import pytest

from msrnn_keras.losses import FrameL1L2Loss
from tests.reference import assert_close, clips

Y, P = clips(seed=1), clips(seed=2)


def per_frame(y, p):
    error = y - p
    return (error**2 + np.abs(error)).sum(axis=(2, 3, 4))


def test_is_the_mean_over_frames_of_sums_over_valid_pixels():
    expected = per_frame(Y, P)
    assert_close(FrameL1L2Loss()(Y, P), expected.mean(), rtol=1e-5)
    holes = Y.copy()
    holes[0, :, 3:] = np.nan
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


@pytest.mark.backend_free
def test_frames_are_floats_and_not_broadcast():
    loss = FrameL1L2Loss()
    for shape in ((16, 16, 1), (2, 7, 16, 16, 3), (7, 16, 16, 1)):
        other = np.zeros(shape, "float32")
        for pair in ((other, P), (Y, other)):
            with pytest.raises(ValueError, match="same shape.*Received: y_tr"):
                loss(*pair)
    for dtype in ("uint8", "bool", "complex64"):
        message = f".*/ 255.*dtype={dtype}"
        with pytest.raises(TypeError, match="`y_true`" + message):
            loss((255 * Y).astype(dtype), P)
        with pytest.raises(TypeError, match="`y_pred`" + message):
            loss(Y, (255 * P).astype(dtype))


def test_sizes_that_are_not_known_are_legal():
    inputs = keras.Input((None, None, None, 1))
    model = keras.Model(inputs, keras.layers.Identity()(inputs))
    model.compile(loss=FrameL1L2Loss())
    expected = per_frame(Y, P).mean()
    assert model.evaluate(P, Y, verbose=0) == pytest.approx(expected, 1e-5)
