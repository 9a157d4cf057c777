import keras
import numpy as np
import pytest

from msrnn_keras import metrics
from tests.metrics.fields import Cubed, fields, fractions, numpy

SCALING = Cubed()


def pooled(truth, forecast, *arguments, **options):
    metric = metrics.FSS(*arguments, **options)
    for clip in range(len(truth)):
        metric.update_state(truth[clip][None], forecast[clip][None])
    return float(metric.result())


@pytest.mark.parametrize("window", [1, 2, 3, 4, 7, 20, 40])
@pytest.mark.parametrize("threshold", [0.5, 10.0])
def test_score_equals_pysteps(threshold, window):
    truth, forecast = fields((3, 2, 17, 14, 2))
    rain = (SCALING.inverse(x.astype("float64")) for x in (truth, forecast))
    expected = fractions(*rain, threshold, window)
    result = pooled(truth, forecast, threshold, window, scaling=SCALING)
    assert result == pytest.approx(expected, rel=1e-5)
    assert 0.2 < result < 1


def test_missing_pixels_are_those_of_pysteps_in_both_fields():
    truth, forecast = fields()
    truth[:, :, 3:6, 2:9] = np.nan
    truth[2, 1] = np.nan
    masked = np.where(np.isnan(truth), np.nan, forecast)
    expected = fractions(truth, masked, 0.5, 5)
    assert pooled(truth, forecast, 0.5, 5) == pytest.approx(expected, rel=1e-5)


def test_every_lead_time_by_itself():
    truth, forecast = fields()
    metric = metrics.FSS(0.5, 3, num_frames=3)
    metric.update_state(truth, forecast)
    expected = [
        fractions(truth[:, [time]], forecast[:, [time]], 0.5, 3)
        for time in range(3)
    ]
    np.testing.assert_allclose(metric.curve(), expected, rtol=1e-5)


def test_sums_of_a_frame_by_hand():
    truth = np.zeros((1, 1, 4, 4, 1))
    forecast = np.zeros_like(truth)
    truth[0, 0, 0, 0] = forecast[0, 0, 3, 3] = 1.0
    # Each event lies in four windows of 3 x 3; none holds both.
    sums = numpy(metrics.frame_fractions(truth, forecast, 0.5, 3))
    np.testing.assert_allclose(sums, [[[8 / 81, 8 / 81, 16]]], rtol=1e-6)
    assert metrics.fss(sums)[0, 0] == pytest.approx(0, abs=1e-6)


def test_score_where_there_are_no_events():
    empty = np.zeros((1, 2, 5, 5, 1))
    assert pooled(empty, empty, 0.5, 3) == 1
    assert pooled(empty, empty + 1, 0.5, 3) == 0
    assert np.isnan(pooled(empty * np.nan, empty, 0.5, 3))
    truth, forecast = fields()
    more = [np.concatenate([x, 0 * x]) for x in (truth, forecast)]
    assert pooled(*more, 0.5, 3) == pooled(truth, forecast, 0.5, 3)


def test_a_prediction_of_nan_is_not_hidden():
    truth, forecast = fields()
    forecast[3, 1, 2] = np.nan
    assert np.isnan(pooled(truth, forecast, 0.5, 3))


def test_config_name_and_errors():
    metric = metrics.FSS(2.5, 7, scaling=Cubed(7.0), num_frames=3, clip=False)
    assert metric.name == "fss_2.5_7"
    config = keras.saving.serialize_keras_object(metric)
    again = keras.saving.deserialize_keras_object(config)
    assert again.get_config() == metric.get_config()
    assert (again.threshold, again.window, again.clip) == (2.5, 7, False)
    assert again.scaling.factor == 7.0
    with pytest.raises(ValueError, match="Received: window=0"):
        metrics.FSS(0.5, 0)
    with pytest.raises(TypeError, match="Received: scaling='mm'"):
        metrics.FSS(0.5, 3, scaling="mm")
