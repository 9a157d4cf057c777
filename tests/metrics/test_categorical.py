import keras
import numpy as np
import pytest

from msrnn_keras import metrics
from tests.metrics.fields import NAMES, Cubed, categorical, fields, numpy

CLASSES = [metrics.POD, metrics.FAR, metrics.CSI, metrics.HSS]
SCORES = [metrics.pod, metrics.far, metrics.csi, metrics.hss]
SCALING = Cubed()


def pooled(truth, forecast, threshold, **options):
    """The four scores of metrics that are given the clips one by one."""
    results = {}
    for name, make in zip(NAMES, CLASSES, strict=True):
        metric = make(threshold, **options)
        for clip in range(len(truth)):
            metric.update_state(truth[clip][None], forecast[clip][None])
        results[name] = float(metric.result())
    return results


@pytest.mark.parametrize("threshold", [0.5, 5.0, 30.0])
def test_scores_equal_pysteps(threshold):
    truth, forecast = fields()
    rain = (SCALING.inverse(x.astype("float64")) for x in (truth, forecast))
    expected = categorical(*rain, threshold)
    result = pooled(truth, forecast, threshold, scaling=SCALING)
    for name in NAMES:
        assert result[name] == pytest.approx(expected[name.upper()], rel=1e-5)
    assert 0.2 < result["hss"] < 0.95


def test_every_lead_time_by_itself():
    truth, forecast = fields()
    for name, make in zip(NAMES, CLASSES, strict=True):
        metric = make(0.5, num_frames=3)
        metric.update_state(truth[:3], forecast[:3])
        metric.update_state(truth[3:], forecast[3:])
        curve = metric.curve()
        for time in range(3):
            expected = categorical(truth[:, [time]], forecast[:, [time]], 0.5)
            assert curve[time] == pytest.approx(
                expected[name.upper()], rel=1e-5
            )
        whole = categorical(truth, forecast, 0.5)[name.upper()]
        assert float(metric.result()) == pytest.approx(whole, rel=1e-5)


def test_counts_of_a_frame_by_hand():
    truth = np.array([0.9, 0.5, 0.2, 0.1, np.nan, np.nan, 0.7])
    forecast = np.array([0.5, 0.4, 0.6, 0.0, 0.9, 0.0, 3.0])
    clips = (x.reshape(1, 1, 7, 1, 1) for x in (truth, forecast))
    counts = numpy(metrics.frame_contingency(*clips, 0.5))
    np.testing.assert_array_equal(counts, [[[2, 1, 1, 1]]])


def test_scores_where_there_are_no_events():
    """Perfect where the denominator is zero, NaN where nothing counted."""
    nothing, missed, false, hit = (
        np.array(row, "float64")
        for row in ([0, 0, 0, 9], [0, 2, 0, 7], [0, 0, 3, 6], [9, 0, 0, 0])
    )
    expected = {
        metrics.pod: (1, 0, 1, 1),
        metrics.far: (0, 0, 1, 0),
        metrics.csi: (1, 0, 0, 1),
        metrics.hss: (1, 0, 0, 1),
    }
    counts = np.stack([nothing, missed, false, hit])
    for score, values in expected.items():
        np.testing.assert_array_equal(score(counts), values)
        assert np.isnan(score(np.zeros(4)))
    truth = np.zeros((2, 3, 4, 5, 1))
    assert list(pooled(truth, truth, 0.5).values()) == [1, 0, 1, 1]
    truth[:] = np.nan
    assert np.isnan(list(pooled(truth, truth + 1, 0.5).values())).all()


def test_missing_pixels_and_empty_frames_change_nothing():
    truth, forecast = fields()
    expected = pooled(truth, forecast, 0.5)
    wide = np.concatenate([truth, np.full_like(truth, np.nan)], axis=2)
    other = np.concatenate([forecast, np.ones_like(forecast)], axis=2)
    assert pooled(wide, other, 0.5) == expected
    empty = np.zeros_like(truth)
    more = pooled(*(np.concatenate([x, empty]) for x in (truth, forecast)), 0.5)
    for name in ("pod", "far", "csi"):
        assert more[name] == expected[name]


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


@pytest.mark.parametrize("make", CLASSES)
def test_config_and_name(make):
    metric = make(2.5, scaling=Cubed(7.0), num_frames=3, clip=False)
    assert metric.name == f"{make.__name__.lower()}_2.5"
    config = keras.saving.serialize_keras_object(metric)
    again = keras.saving.deserialize_keras_object(config)
    assert type(again) is make
    assert again.get_config() == metric.get_config()
    assert (again.threshold, again.num_frames, again.clip) == (2.5, 3, False)
    assert again.scaling.factor == 7.0


def test_errors():
    with pytest.raises(TypeError, match="Received: scaling=3"):
        metrics.CSI(0.5, scaling=3)
    with pytest.raises(ValueError, match=r"Received: y_true.shape=\(2, 3"):
        metrics.frame_contingency(np.zeros((2, 3)), np.zeros((2, 3)), 0.5)
