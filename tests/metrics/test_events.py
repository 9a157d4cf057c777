"""POD, FAR, CSI, HSS and FSS, compared with pysteps."""

import numpy as np
import pytest

from msrnn_keras import metrics
from tests.metrics.fields import Cubed, categorical, fields, fractions, numpy

CLASSES = [metrics.POD, metrics.FAR, metrics.CSI, metrics.HSS]
SCALING = Cubed()


def pooled(truth, forecast, threshold, window=3, **options):
    """Return all scores of metrics that get the clips one by one."""
    made = [make(threshold, **options) for make in CLASSES]
    made.append(metrics.FSS(threshold, window, **options))
    for metric in made:
        for clip in range(len(truth)):
            metric.update_state(truth[clip][None], forecast[clip][None])
    return {type(m).__name__: float(m.result()) for m in made}


@pytest.mark.parametrize("threshold", [0.5, 5.0, 30.0])
def test_categorical_scores_equal_pysteps(threshold):
    truth, forecast = fields()
    rain = (SCALING.inverse(x.astype("float64")) for x in (truth, forecast))
    result = pooled(truth, forecast, threshold, scaling=SCALING)
    assert 0.2 < result.pop("FSS") < 1
    assert result == pytest.approx(categorical(*rain, threshold), rel=1e-5)
    assert 0.2 < result["HSS"] < 0.95


@pytest.mark.parametrize(
    "threshold, window", [(0.5, 1), (10.0, 2), (10.0, 7), (0.5, 40)]
)
def test_fss_equals_pysteps(threshold, window):
    truth, forecast = fields((3, 2, 17, 14, 2))
    rain = (SCALING.inverse(x.astype("float64")) for x in (truth, forecast))
    expected = fractions(*rain, threshold, window)
    result = pooled(truth, forecast, threshold, window, scaling=SCALING)["FSS"]
    assert result == pytest.approx(expected, rel=1e-5)
    assert 0.2 < result < 1


def test_every_lead_time_by_itself():
    truth, forecast = fields()
    made = [make(0.5, num_frames=3) for make in CLASSES]
    made.append(metrics.FSS(0.5, 3, num_frames=3))
    for metric in made:
        metric.update_state(truth[:3], forecast[:3])
        metric.update_state(truth[3:], forecast[3:])
    for time, frames in enumerate([[0], [1], [2], slice(None)]):
        y, p = truth[:, frames], forecast[:, frames]
        expected = categorical(y, p, 0.5)
        expected["FSS"] = fractions(y, p, 0.5, 3)
        for metric in made:
            given = metric.curve()[time] if time < 3 else metric.result()
            name = type(metric).__name__
            assert float(given) == pytest.approx(expected[name], rel=1e-5)


def test_counts_and_fractions_of_a_frame_by_hand():
    truth = np.array([0.9, 0.5, 0.2, 0.1, np.nan, np.nan, 0.7])
    forecast = np.array([0.5, 0.4, 0.6, 0.0, 0.9, 0.0, 3.0])
    clips = (x.reshape(1, 1, 7, 1, 1) for x in (truth, forecast))
    counts = numpy(metrics.CSI(0.5).frame_sums(*clips))
    np.testing.assert_array_equal(counts, [[[2, 1, 1, 1]]])
    truth, forecast = np.zeros((2, 1, 1, 4, 4, 1))
    truth[0, 0, 0, 0] = forecast[0, 0, 3, 3] = 1.0
    # Each event lies in four windows of 3 x 3; no window has both.
    metric = metrics.FSS(0.5, 3)
    sums = numpy(metric.frame_sums(truth, forecast))
    np.testing.assert_allclose(sums, [[[8 / 81, 8 / 81, 16]]], rtol=1e-6)
    assert metric.ratio(sums)[0, 0] == pytest.approx(0, abs=1e-6)


def test_scores_without_events():
    """The score is perfect if its denominator is zero, NaN without pixels."""
    # Nothing, missed, false, hit.
    counts = np.array([[0, 0, 0, 9], [0, 2, 0, 7], [0, 0, 3, 6], [9, 0, 0, 0]])
    for make, values in (
        (metrics.POD, (1, 0, 1, 1)),
        (metrics.FAR, (0, 0, 1, 0)),
        (metrics.CSI, (1, 0, 0, 1)),
        (metrics.HSS, (1, 0, 0, 1)),
    ):
        np.testing.assert_array_equal(make(0.5).ratio(counts), values)
        assert np.isnan(make(0.5).ratio(np.zeros(4)))
    truth = np.zeros((2, 3, 4, 5, 1))
    assert list(pooled(truth, truth, 0.5).values()) == [1, 0, 1, 1, 1]
    assert pooled(truth, truth + 1, 0.5)["FSS"] == 0
    truth[:] = np.nan
    assert np.isnan(list(pooled(truth, truth + 1, 0.5).values())).all()


def test_missing_pixels_and_empty_frames_change_nothing():
    truth, forecast = fields()
    expected = pooled(truth, forecast, 0.5)
    more = pooled(*(np.concatenate([x, 0 * x]) for x in (truth, forecast)), 0.5)
    for name in ("POD", "FAR", "CSI", "FSS"):
        assert more[name] == expected[name]
    truth[:, :, 3:6, 2:9] = truth[2, 1] = np.nan
    missing = np.isnan(truth)
    result = pooled(truth, np.where(missing, 1, forecast), 0.5, 5)
    # As pysteps with NaN in both fields.
    expected = categorical(truth[~missing], forecast[~missing], 0.5)
    masked = np.where(missing, np.nan, forecast)
    expected["FSS"] = fractions(truth, masked, 0.5, 5)
    assert result == pytest.approx(expected, rel=1e-5)
    forecast[3, 1, 2] = np.nan  # is not hidden
    assert np.isnan(list(pooled(truth, forecast, 0.5).values())).all()


@pytest.mark.backend_free
def test_errors():
    with pytest.raises(TypeError, match="Received: scaling=3"):
        metrics.CSI(0.5, scaling=3)
    with pytest.raises(ValueError, match=r"Received: y_true.shape=\(2, 3"):
        metrics.CSI(0.5).frame_sums(np.zeros((2, 3)), np.zeros((2, 3)))
    with pytest.raises(ValueError, match="Received: window=0"):
        metrics.FSS(0.5, 0)
    with pytest.raises(ValueError, match=r"Received: windows=\(3,\)"):
        metrics.threshold_metrics((), [3])
