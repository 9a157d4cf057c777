"""What scores take: floats in their range, or they refuse or say NaN."""

import keras
import numpy as np
import pytest
from keras import ops

from msrnn_keras import metrics
from msrnn_keras.metrics.tallies import make_tallies
from tests.metrics.fields import Cubed
from tests.metrics.scores import CLASSES, FRAME_SCORES, clips

Y, P = clips()
THRESHOLDS = (
    metrics.CSI,
    metrics.POD,
    metrics.FAR,
    metrics.HSS,
    lambda threshold: metrics.FSS(threshold, 3),
    lambda threshold: metrics.frame_contingency(Y, P, threshold),
    lambda threshold: metrics.frame_fractions(Y, P, threshold, 3),
    lambda threshold: metrics.BalancedMSE((threshold,), (1.0, 2.0)),
    lambda threshold: metrics.frame_balanced_mae(Y, P, (threshold,), (1, 2)),
    lambda threshold: make_tallies(thresholds=[0.5, threshold]),
)


def wrong(name):
    integers = (255 * Y).astype("uint8")
    infinite = Y.copy()
    infinite[0, 0, 0, 0] = np.inf
    return {
        "uint8": (integers, TypeError, "/ 255.*Received: dtype=uint8"),
        "bool": (Y > 0.5, TypeError, "Received: dtype=bool"),
        "complex": (Y.astype("complex64"), TypeError, "dtype=complex64"),
        "inf": (infinite, ValueError, "infinite values"),
    }[name]


@pytest.mark.parametrize("kind", ["uint8", "bool", "complex", "inf"])
@pytest.mark.parametrize("key", CLASSES)
def test_wrong_frames_are_refused(key, kind):
    frames, error, message = wrong(kind)
    for y, p, name in ((frames, P, "y_true"), (Y, frames, "y_pred")):
        with pytest.raises(error, match=f"`{name}`.*{message}"):
            FRAME_SCORES[key](y, p)
        with pytest.raises(error, match=f"`{name}`.*{message}"):
            CLASSES[key]().update_state(y, p)


def test_integers_are_refused_as_tensors_too():
    with pytest.raises(TypeError, match="`y_true`.*int32"):
        metrics.frame_mse(ops.convert_to_tensor(Y.astype("int32")), P)


@pytest.mark.parametrize("key", CLASSES)
@pytest.mark.parametrize("scale", [1.01, 60.0, 255.0])
def test_truth_that_is_not_in_pixels_is_refused(key, scale):
    with pytest.raises(ValueError, match=r"within \[0, 1\].*Scaling.*Rece"):
        FRAME_SCORES[key](scale * Y, P)
    with pytest.raises(ValueError, match=r"within \[0, 1\].*Scaling.*Rece"):
        CLASSES[key]().update_state(scale * Y, P)
    metric = CLASSES[key]()
    metric.update_state(ops.convert_to_tensor(scale * Y), P)
    assert np.isnan(float(metric.result()))


def test_without_clipping_errors_are_right_at_any_scale():
    y, p = 255 * Y, 255 * P
    errors = p.astype("float64") - y.astype("float64")
    for name, error in (("mse", errors**2), ("mae", np.abs(errors))):
        expected = error.sum(axis=(2, 3, 4))
        given = FRAME_SCORES[name](y, p, clip=False)
        np.testing.assert_allclose(ops.convert_to_numpy(given), expected, 1e-5)
        metric = CLASSES[name](clip=False)
        metric.update_state(y, p)
        assert float(metric.result()) == pytest.approx(expected.mean(), 1e-5)
    for name in ("psnr", "ssim"):  # of a data range of 1
        with pytest.raises(ValueError, match=r"within \[0, 1\]"):
            FRAME_SCORES[name](y, p, clip=False)
    counts = metrics.frame_contingency(y, p, 128.0, clip=False)
    hits = ((y >= 128) & (p >= 128)).sum(axis=(2, 3, 4))
    np.testing.assert_array_equal(ops.convert_to_numpy(counts)[..., 0], hits)
    with pytest.raises(ValueError, match=r"within \[0, 1\]"):
        metrics.frame_contingency(y, p, 5.0, Cubed(), clip=False)


def test_an_infinite_prediction_has_no_score():
    p = P.copy()
    p[0, 0, 0, 0] = np.inf
    given = metrics.frame_mse(Y, ops.convert_to_tensor(p))
    given = ops.convert_to_numpy(given)
    assert np.isnan(given[0, 0]) and np.isfinite(given[1:]).all()


@pytest.mark.parametrize("make", THRESHOLDS)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_thresholds_are_finite(make, value):
    make(0.5)
    with pytest.raises(ValueError, match="finite number.*Received: thres"):
        make(value)


def test_compiled_metrics_of_unscaled_data_are_nan_in_any_model():
    inputs = keras.Input(Y.shape[1:])
    model = keras.Model(inputs, keras.layers.Identity()(inputs))
    model.compile(loss="mse", metrics=[metrics.MSE(), metrics.CSI(0.5)])
    logs = model.evaluate(255 * P, 255 * Y, verbose=0, return_dict=True)
    assert np.isnan(logs["mse"]) and np.isnan(logs["csi_0.5"])
