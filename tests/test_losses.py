import keras
import numpy as np
import pytest
from keras import ops

from msrnn_keras.losses import AlmostFairCRPS, FrameL1L2Loss
from tests.metrics.ensembles import crps, ensembles
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


@pytest.mark.parametrize("members", [3, 4])
def test_almost_fair_crps_is_a_mean_of_fair_and_plain_crps(members):
    truth, pred = ensembles(members=members)
    fair, plain = (crps(truth, pred, kind) for kind in ("fair", "ecdf"))
    for alpha in (0.0, 0.95, 1.0):
        pixels = np.nan_to_num(alpha * fair + (1 - alpha) * plain)
        frames = pixels.mean(axis=(2, 3, 4))
        given = AlmostFairCRPS(alpha, reduction=None)(truth, pred)
        assert_close(given, frames, rtol=1e-6, atol=1e-7)
        weights = np.array([1, 2], "float32")
        given = AlmostFairCRPS(alpha)(truth, pred, sample_weight=weights)
        assert_close(given, (frames * weights[:, None]).mean(), rtol=1e-6)


def test_almost_fair_crps_is_exact_far_from_zero_and_in_half_precision():
    truth, pred = ensembles(holes=False)
    near = AlmostFairCRPS()(truth, pred)
    assert_close(AlmostFairCRPS()(truth + 64, pred + 64), near, rtol=1e-4)
    half = ops.cast(pred, "bfloat16")
    given = AlmostFairCRPS()(truth, half)
    assert keras.backend.standardize_dtype(given.dtype) == "float32"
    exact = AlmostFairCRPS()(truth, ops.cast(half, "float32"))
    assert_close(given, exact, rtol=1e-6)


def test_almost_fair_crps_trains_with_missing_pixels():
    """One weight for each of two members; the targets are both of them."""
    truth = np.array([0.0, 1.0, np.nan], "float32").reshape(1, 1, 3, 1, 1)
    inputs = keras.Input((2, 1, 3, 1, 1))
    weight = keras.layers.EinsumDense(
        "bmthwc,m->bmthwc", (2, 1, 3, 1, 1), kernel_initializer="ones"
    )
    model = keras.Model(inputs, weight(inputs))
    model.compile(keras.optimizers.SGD(1.0), AlmostFairCRPS(1.0))
    start = np.array([0.25, 0.5], "float32").reshape(1, 2, 1, 1, 1, 1)
    model.fit(np.repeat(start, 3, axis=3), truth, verbose=0)
    # Both pixels pull one member each way; only the distance has a gradient.
    moved = ops.convert_to_numpy(model.weights[0]).ravel()
    expected = 1 + np.array([-1, 1]) / 3 * start.ravel()
    np.testing.assert_allclose(moved, expected, rtol=1e-5)


@pytest.mark.backend_free
def test_almost_fair_crps_needs_members_and_keeps_its_config():
    truth, pred = ensembles()
    loss = AlmostFairCRPS(0.9, reduction="sum", name="other")
    twin = keras.losses.deserialize(keras.losses.serialize(loss))
    assert isinstance(twin, AlmostFairCRPS)
    assert twin.get_config() == loss.get_config()
    assert (twin.alpha, twin.reduction) == (0.9, "sum")
    with pytest.raises(ValueError, match="2 members.*Received: 1 members"):
        loss(truth, pred[:, :1])
    for p in (truth, pred[:, :, :1], pred[:1]):
        with pytest.raises(ValueError, match="`y_pred`.*Received: y_true.shap"):
            loss(truth, p)
    with pytest.raises(TypeError, match="`y_pred`.*dtype=uint8"):
        loss(truth, pred.astype("uint8"))
    for alpha in (-0.1, 1.1):
        with pytest.raises(ValueError, match=f"Received: alpha={alpha}"):
            AlmostFairCRPS(alpha)
