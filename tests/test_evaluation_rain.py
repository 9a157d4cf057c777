"""`evaluate` with metrics in the units of the data, compared with pysteps."""

import json

import numpy as np
import pytest

from msrnn_keras import metrics
from msrnn_keras.baselines import Persistence
from msrnn_keras.evaluation import evaluate
from tests.metrics.fields import Cubed, categorical, fields, fractions, numpy

CONTEXT, HORIZON = 2, 2
SCALING = Cubed()
STILL = Persistence(CONTEXT, HORIZON)


class Batches(list):
    scaling = SCALING


@pytest.fixture
def data():
    truth, _ = fields((8, CONTEXT + HORIZON, 17, 14, 1))
    truth[2, :, :4] = np.nan
    truth[3, 3] = np.nan
    truth[4] = 0.0
    return truth[:, :CONTEXT], truth[:, CONTEXT:]


def pairs(data):
    """Return truth and predictions in mm/h, with NaN in both."""
    past, future = data
    truth = np.concatenate([past[:, 1:], future], axis=1)
    forecast = STILL.predict_all(past)
    forecast = np.where(np.isnan(truth), np.nan, forecast)
    return [SCALING.inverse(x.astype("float64")) for x in (truth, forecast)]


@pytest.mark.parametrize("threshold", [0.5, 10])
def test_rain_scores_equal_pysteps(data, threshold):
    windows = (1, 4)
    given = metrics.threshold_metrics([threshold], windows)
    halves = Batches(tuple(x[i : i + 4] for x in data) for i in (0, 4))
    result = evaluate(STILL, halves, given)
    truth, forecast = pairs(data)
    places = [
        (result["forecast"], slice(1, None)),
        (result["ms-rnn"], slice(None)),
    ]
    for i in range(HORIZON):
        scores = {k: curve[i] for k, curve in result["curves"].items()}
        places.append((scores, slice(i + 1, i + 2)))
    for scores, time in places:
        y, p = truth[:, time], forecast[:, time]
        valid = ~np.isnan(y)
        counts = categorical(y[valid], p[valid], threshold)
        expected = {f"{k.lower()}_{threshold:g}": v for k, v in counts.items()}
        for window in windows:
            key = f"fss_{threshold:g}_{window}"
            expected[key] = fractions(y, p, threshold, window)
        chosen = {key: scores[key] for key in expected}
        assert chosen == pytest.approx(expected, rel=1e-5)
    assert list(result["curves"]) == [metric.name for metric in given]
    assert {metric.scaling for metric in given} == {None}  # not changed
    assert json.loads(json.dumps(result, allow_nan=False)) == result


def test_scaling_of_the_metric_comes_before_that_of_the_data_set(data):
    def score(dataset, scaling=None):
        options = {"scaling": scaling, "num_frames": 3}
        given = [metrics.BalancedMSE(**options), metrics.CSI(20.0, **options)]
        return evaluate(STILL, dataset, given)

    assert score(Batches([data])) == score(data, SCALING)
    pixels = score(Batches([data]), Cubed(1.0))
    assert pixels["forecast"]["csi_20"] == 1  # no pixel reaches 20 mm/h
    assert score(data) == pixels


@pytest.mark.backend_free
def test_missing_pixels_of_the_past(data):
    past, future = data
    result = evaluate(STILL, data)
    truth = np.concatenate([past[:, 1:], future], axis=1)
    forecast = STILL.predict_all(np.nan_to_num(past))
    values = numpy(metrics.MSE().frame_scores(truth, forecast))
    expected = np.nanmean(values)
    assert result["ms-rnn"]["mse"] == pytest.approx(expected, rel=1e-5)
