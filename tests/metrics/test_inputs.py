"""Metrics refuse values out of range, or are NaN inside compiled steps."""

import numpy as np
import pytest
from keras import ops

from msrnn_keras import metrics
from tests.metrics.fields import Cubed, numpy
from tests.metrics.scores import CLASSES, clips, score

Y, P = clips()
INFINITE = Y.copy()
INFINITE[0, 0, 0, 0] = np.inf
WRONG = {
    "uint8": ((255 * Y).astype("uint8"), TypeError, "/ 255.*dtype=uint8"),
    "bool": (Y > 0.5, TypeError, "Received: dtype=bool"),
    "complex": (Y.astype("complex64"), TypeError, "dtype=complex64"),
    "inf": (INFINITE, ValueError, "infinite values"),
}


@pytest.mark.parametrize("kind", WRONG)
@pytest.mark.parametrize("make", [metrics.MSE, metrics.SSIM, metrics.GDL])
def test_wrong_frames_are_refused(make, kind):
    frames, error, message = WRONG[kind]
    for y, p, name in ((frames, P, "y_true"), (Y, frames, "y_pred")):
        for method in (make().frame_scores, make().update_state):
            with pytest.raises(error, match=f"`{name}`.*{message}"):
                method(y, p)


def test_integers_are_refused_as_tensors_too():
    with pytest.raises(TypeError, match="`y_true`.*int32"):
        score("mse", ops.convert_to_tensor(Y.astype("int32")), P)


@pytest.mark.parametrize("key", CLASSES)
def test_truth_outside_0_1_is_refused(key):
    for scale in (1.01, 255.0):
        for method in (
            CLASSES[key]().frame_scores,
            CLASSES[key]().update_state,
        ):
            with pytest.raises(ValueError, match=r"\[0, 1\].*Scaling.*Rece"):
                method(scale * Y, P)
        metric = CLASSES[key]()
        metric.update_state(ops.convert_to_tensor(scale * Y), P)
        assert np.isnan(float(metric.result()))


def test_without_clipping_errors_are_right_at_any_scale():
    y, p = 255 * Y, 255 * P
    errors = p.astype("float64") - y.astype("float64")
    for name, error in (("mse", errors**2), ("mae", np.abs(errors))):
        expected = error.sum(axis=(2, 3, 4))
        given = score(name, y, p, clip=False)
        np.testing.assert_allclose(given, expected, 1e-5)
        metric = CLASSES[name](clip=False)
        metric.update_state(y, p)
        assert float(metric.result()) == pytest.approx(expected.mean(), 1e-5)
    for name in ("psnr", "ssim"):  # for a data range of 1
        with pytest.raises(ValueError, match=r"within \[0, 1\]"):
            score(name, y, p, clip=False)
    counts = numpy(metrics.CSI(128.0, clip=False).frame_sums(y, p))
    hits = ((y >= 128) & (p >= 128)).sum(axis=(2, 3, 4))
    np.testing.assert_array_equal(counts[..., 0], hits)
    with pytest.raises(ValueError, match=r"within \[0, 1\]"):
        metrics.CSI(5.0, Cubed(), clip=False).frame_sums(y, p)


def test_an_infinite_prediction_has_no_score():
    p = P.copy()
    p[0, 0, 0, 0] = np.inf
    given = score("mse", Y, ops.convert_to_tensor(p))
    assert np.isnan(given[0, 0]) and np.isfinite(given[1:]).all()


@pytest.mark.parametrize(
    "make",
    [
        metrics.CSI,
        lambda threshold: metrics.FSS(threshold, 3),
        lambda threshold: metrics.BalancedMSE((threshold,), (1.0, 2.0)),
        lambda threshold: metrics.threshold_metrics([0.5, threshold]),
    ],
)
def test_thresholds_are_finite(make):
    make(0.5)
    for value in (np.nan, np.inf, -np.inf):
        with pytest.raises(ValueError, match="finite number.*Received: thres"):
            make(value)
