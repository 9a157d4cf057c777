import numpy as np
import pytest

from msrnn_keras import metrics
from tests.metrics.fields import Cubed, fields, numpy

SCALING = Cubed()
CLASSES = [(metrics.BalancedMSE, np.square), (metrics.BalancedMAE, np.abs)]


def expected(truth, forecast, power, thresholds, weights):
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
    thresholds = options.get("thresholds", metrics.RAIN_THRESHOLDS)
    weights = options.get("weights", (1, 1, 2, 5, 10, 30))
    values = expected(truth, forecast, power, thresholds, weights)
    metric = make(scaling=SCALING, num_frames=3, **options)
    result = numpy(metric.frame_scores(truth, forecast))
    np.testing.assert_allclose(result, values, rtol=1e-5)
    metric.update_state(truth, forecast)
    np.testing.assert_allclose(metric.curve(), values.mean(0), rtol=1e-5)


@pytest.mark.backend_free
def test_errors():
    for thresholds, weights in (((1, 2), (1, 2)), ((2, 1), (1, 2, 3))):
        with pytest.raises(ValueError, match=r"must ascend.*Received: thres"):
            metrics.BalancedMSE(thresholds, weights)
