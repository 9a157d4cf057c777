"""POD, FAR, CSI, HSS and FSS, compared with pysteps."""

import keras
import numpy as np
import pytest

from msrnn_keras import metrics
from tests.metrics.fields import (
    NAMES,
    Cubed,
    categorical,
    fields,
    fractions,
    numpy,
)

CLASSES = [metrics.POD, metrics.FAR, metrics.CSI, metrics.HSS]
SCALING = Cubed()


def pooled(truth, forecast, threshold, window=3, **options):
    """Return all scores of metrics that get the clips one by one."""
    made = [make(threshold, **options) for make in CLASSES]
    made.append(metrics.FSS(threshold, window, **options))
    for metric in made:
        for clip in range(len(truth)):
            metric.update_state(truth[clip][None], forecast[clip][None])
    names = (*NAMES, "fss")
    return {n: float(m.result()) for n, m in zip(names, made, strict=True)}


@pytest.mark.parametrize("threshold", [0.5, 5.0, 30.0])
def test_categorical_scores_equal_pysteps(threshold):
    truth, forecast = fields()
    rain = (SCALING.inverse(x.astype("float64")) for x in (truth, forecast))
    expected = categorical(*rain, threshold)
    result = pooled(truth, forecast, threshold, scaling=SCALING)
    for name in NAMES:
        assert result[name] == pytest.approx(expected[name.upper()], rel=1e-5)
    assert 0.2 < result["hss"] < 0.95


@pytest.mark.parametrize("window", [1, 2, 3, 4, 7, 20, 40])
@pytest.mark.parametrize("threshold", [0.5, 10.0])
def test_fss_equals_pysteps(threshold, window):
    truth, forecast = fields((3, 2, 17, 14, 2))
    rain = (SCALING.inverse(x.astype("float64")) for x in (truth, forecast))
    expected = fractions(*rain, threshold, window)
    metric = metrics.FSS(threshold, window, scaling=SCALING)
    for clip in range(3):
        metric.update_state(truth[clip][None], forecast[clip][None])
    result = float(metric.result())
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


def test_counts_of_a_frame_by_hand():
    truth = np.array([0.9, 0.5, 0.2, 0.1, np.nan, np.nan, 0.7])
    forecast = np.array([0.5, 0.4, 0.6, 0.0, 0.9, 0.0, 3.0])
    clips = (x.reshape(1, 1, 7, 1, 1) for x in (truth, forecast))
    counts = numpy(metrics.CSI(0.5).frame_sums(*clips))
    np.testing.assert_array_equal(counts, [[[2, 1, 1, 1]]])


def test_fractions_of_a_frame_by_hand():
    truth = np.zeros((1, 1, 4, 4, 1))
    forecast = np.zeros_like(truth)
    truth[0, 0, 0, 0] = forecast[0, 0, 3, 3] = 1.0
    # Each event lies in four windows of 3 x 3; no window has both.
    metric = metrics.FSS(0.5, 3)
    sums = numpy(metric.frame_sums(truth, forecast))
    np.testing.assert_allclose(sums, [[[8 / 81, 8 / 81, 16]]], rtol=1e-6)
    assert metric.ratio(sums)[0, 0] == pytest.approx(0, abs=1e-6)


def test_scores_without_events():
    """The score is perfect if its denominator is zero, NaN without pixels."""
    nothing, missed, false, hit = (
        np.array(row, "float64")
        for row in ([0, 0, 0, 9], [0, 2, 0, 7], [0, 0, 3, 6], [9, 0, 0, 0])
    )
    expected = {
        metrics.POD: (1, 0, 1, 1),
        metrics.FAR: (0, 0, 1, 0),
        metrics.CSI: (1, 0, 0, 1),
        metrics.HSS: (1, 0, 0, 1),
    }
    counts = np.stack([nothing, missed, false, hit])
    for make, values in expected.items():
        np.testing.assert_array_equal(make(0.5).ratio(counts), values)
        assert np.isnan(make(0.5).ratio(np.zeros(4)))
    truth = np.zeros((2, 3, 4, 5, 1))
    assert list(pooled(truth, truth, 0.5).values()) == [1, 0, 1, 1, 1]
    assert pooled(truth, truth + 1, 0.5)["fss"] == 0
    truth[:] = np.nan
    assert np.isnan(list(pooled(truth, truth + 1, 0.5).values())).all()


def test_missing_pixels_and_empty_frames_change_nothing():
    truth, forecast = fields()
    expected = pooled(truth, forecast, 0.5)
    wide = np.concatenate([truth, np.full_like(truth, np.nan)], axis=2)
    other = np.concatenate([forecast, np.ones_like(forecast)], axis=2)
    counts = pooled(wide, other, 0.5)
    assert all(counts[name] == expected[name] for name in NAMES)
    more = pooled(*(np.concatenate([x, 0 * x]) for x in (truth, forecast)), 0.5)
    for name in ("pod", "far", "csi", "fss"):
        assert more[name] == expected[name]


def test_fss_of_missing_pixels_is_that_of_pysteps_with_nan_in_both_fields():
    truth, forecast = fields()
    truth[:, :, 3:6, 2:9] = np.nan
    truth[2, 1] = np.nan
    masked = np.where(np.isnan(truth), np.nan, forecast)
    expected = fractions(truth, masked, 0.5, 5)
    result = pooled(truth, forecast, 0.5, 5)["fss"]
    assert result == pytest.approx(expected, rel=1e-5)


def test_a_prediction_of_nan_is_not_hidden():
    truth, forecast = fields()
    forecast[3, 1, 2] = np.nan
    assert np.isnan(list(pooled(truth, forecast, 0.5).values())).all()


def test_counts_stay_exact_beyond_float32():
    truth = np.zeros((1, 1, 1000, 1000, 1), "float32")
    truth[..., :1, :1, :] = 1.0
    metric = metrics.POD(0.5)
    metric.update_state(truth, truth)
    many = 2.0**25
    metric.total.assign(np.array([many, many, 0, 0]))
    for _ in range(8):
        metric.update_state(truth, truth)
    hits, *_ = numpy(metric.total.value) - numpy(metric.rounding.value)
    assert hits == many + 8


def test_sample_weight():
    truth, forecast = fields()
    metric = metrics.CSI(0.5)
    metric.update_state(truth, forecast, sample_weight=np.array([2, 0, 1, 0]))
    rows = [0, 0, 2]
    expected = categorical(truth[rows], forecast[rows], 0.5)["CSI"]
    assert float(metric.result()) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("make", [*CLASSES, metrics.FSS])
def test_config_and_name(make):
    window = {"window": 7} if make is metrics.FSS else {}
    options = {"scaling": Cubed(7.0), "num_frames": 3, "clip": False}
    metric = make(2.5, **window, **options)
    suffix = "_7" if window else ""
    assert metric.name == f"{make.__name__.lower()}_2.5{suffix}"
    config = keras.saving.serialize_keras_object(metric)
    again = keras.saving.deserialize_keras_object(config)
    assert type(again) is make
    assert again.get_config() == metric.get_config()
    assert (again.threshold, again.num_frames, again.clip) == (2.5, 3, False)
    assert again.scaling.factor == 7.0
    assert getattr(again, "window", 7) == 7


def test_errors():
    with pytest.raises(TypeError, match="Received: scaling=3"):
        metrics.CSI(0.5, scaling=3)
    with pytest.raises(ValueError, match=r"Received: y_true.shape=\(2, 3"):
        metrics.CSI(0.5).frame_sums(np.zeros((2, 3)), np.zeros((2, 3)))
    with pytest.raises(ValueError, match="Received: window=0"):
        metrics.FSS(0.5, 0)
    with pytest.raises(ValueError, match=r"Received: windows=\[3\]"):
        metrics.threshold_metrics((), [3])
