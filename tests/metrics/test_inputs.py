"""Metrics refuse values out of range, or are NaN inside compiled steps."""

import numpy as np
import pytest
from keras import ops

from msrnn_keras import metrics
from tests.metrics.fields import Cubed, numpy
from tests.metrics.scores import CLASSES, clips, score

Y, P = clips()


def test_wrong_frames_are_refused():
    infinite = np.where(Y == Y[0, 0, 0, 0], np.inf, Y)
    integers = ops.convert_to_tensor(Y.astype("int32"))
    methods = metrics.MSE().frame_scores, metrics.SSIM().update_state
    for frames, error, message in (
        ((255 * Y).astype("uint8"), TypeError, "/ 255.*dtype=uint8"),
        (Y > 0.5, TypeError, "Received: dtype=bool"),
        (Y.astype("complex64"), TypeError, "dtype=complex64"),
        (integers, TypeError, "int32"),
        (infinite, ValueError, "infinite values"),
    ):
        for y, p, name in ((frames, P, "y_true"), (Y, frames, "y_pred")):
            for method in methods:
                with pytest.raises(error, match=f"`{name}`.*{message}"):
                    method(y, p)


@pytest.mark.parametrize("key", CLASSES)
def test_truth_outside_0_1_is_refused(key):
    metric = CLASSES[key]()
    for method in (metric.frame_scores, metric.update_state):
        with pytest.raises(ValueError, match=r"\[0, 1\].*Scaling.*Rece"):
            method(1.01 * Y, P)
    metric.update_state(ops.convert_to_tensor(255.0 * Y), P)
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


@pytest.mark.backend_free
def test_thresholds_are_finite():
    for make, *more in (
        (metrics.CSI,),
        (metrics.FSS, 3),
        (lambda value: metrics.BalancedMSE((value,), (1.0, 2.0)),),
    ):
        for value in (np.nan, -np.inf):
            with pytest.raises(ValueError, match="finite.*Received: thres"):
                make(value, *more)
