import keras
import numpy as np
import pytest

from msrnn_keras import metrics
from tests.metrics.fields import Cubed, fields, numpy

SCALING = Cubed()
CLASSES = [(metrics.BalancedMSE, np.square), (metrics.BalancedMAE, np.abs)]


def expected(truth, forecast, power, thresholds, weights):
    """Return the scores of all frames with a looked-up weight per pixel."""
    rain = SCALING.inverse(np.nan_to_num(truth).astype("float64"))
    weight = np.asarray(weights)[np.digitize(rain, thresholds)]
    error = power(truth.astype("float64") - np.clip(forecast, 0, 1))
    total = np.nansum(weight * error, axis=(2, 3, 4))
    return total / (~np.isnan(truth)).mean(axis=(2, 3, 4))


@pytest.mark.parametrize("make, power", CLASSES)
@pytest.mark.parametrize(
    "options", [{}, {"thresholds": (1.0, 20.0), "weights": (0.5, 3.0, 7.0)}]
)
def test_score_equals_numpy(make, power, options):
    truth, forecast = fields()
    truth[1, 0, :3] = np.nan
    forecast[0, 0, 5] = 1.4
    values = expected(
        truth,
        forecast,
        power,
        options.get("thresholds", metrics.RAIN_THRESHOLDS),
        options.get("weights", (1, 1, 2, 5, 10, 30)),
    )
    metric = make(scaling=SCALING, num_frames=3, **options)
    result = numpy(metric.frame_scores(truth, forecast))
    np.testing.assert_allclose(result, values, rtol=1e-5)
    metric.update_state(truth, forecast)
    np.testing.assert_allclose(metric.curve(), values.mean(0), rtol=1e-5)


@pytest.mark.parametrize("pixel, weight", [(1.0, 30), (0.2, 1)])
def test_heavy_rain_weighs_more(pixel, weight):
    truth = np.full((1, 1, 2, 2, 1), pixel)  # 40 and 0.32 mm/h
    metric = metrics.BalancedMSE(scaling=SCALING)
    score = float(metric.frame_scores(truth, truth - 0.1)[0, 0])
    assert score == pytest.approx(4 * weight * 0.01, rel=1e-5)


@pytest.mark.parametrize("make, _", CLASSES)
def test_config_holds_every_argument(make, _):
    metric = make((1.0,), (2.0, 3.0), Cubed(7.0), 3, False, "a", "float64")
    config = keras.saving.serialize_keras_object(metric)
    again = keras.saving.deserialize_keras_object(config)
    assert again.get_config() == metric.get_config()
    assert (again.thresholds, again.weights) == ((1.0,), (2.0, 3.0))
    assert again.scaling.factor == 7.0


def test_errors():
    with pytest.raises(ValueError, match=r"Received: thresholds=\(1, 2\)"):
        metrics.BalancedMSE((1, 2), (1, 2))
    with pytest.raises(ValueError, match=r"must ascend.*Received"):
        metrics.BalancedMAE((2, 1), (1, 2, 3))
    with pytest.raises(TypeError, match="Received: scaling=1"):
        metrics.BalancedMAE(scaling=1)
