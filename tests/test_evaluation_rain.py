"""`evaluate` with metrics in the units of the data, compared with pysteps."""

import json

import numpy as np
import pytest

from msrnn_keras import metrics
from msrnn_keras.baselines import LinearExtrapolation, Persistence
from msrnn_keras.evaluation import evaluate
from msrnn_keras.metrics import lpips
from tests.metrics.fields import Cubed, categorical, fields, fractions, numpy

CONTEXT, HORIZON = 2, 2
SCALING = Cubed()
STILL = Persistence(CONTEXT, HORIZON)


class Batches(list):
    """Batches of a data set with a scaling."""

    scaling = SCALING


@pytest.fixture
def data():
    """Clips with missing pixels and empty frames."""
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
    places = {
        "forecast": slice(1, None),
        "ms-rnn": slice(None),
        0: slice(1, 2),
        1: slice(2, 3),
    }
    for place, time in places.items():
        y, p = truth[:, time], forecast[:, time]
        valid = ~np.isnan(y)
        expected = {
            f"{name.lower()}_{threshold:g}": value
            for name, value in categorical(
                y[valid], p[valid], threshold
            ).items()
        }
        for window in windows:
            key = f"fss_{threshold:g}_{window}"
            expected[key] = fractions(y, p, threshold, window)
        for key, value in expected.items():
            if place in result:
                score = result[place][key]
            else:
                score = result["curves"][key][place]
            assert score == pytest.approx(value, rel=1e-5)
    assert list(result["curves"]) == [metric.name for metric in given]
    assert json.loads(json.dumps(result, allow_nan=False)) == result


def test_scores_of_frames(data):
    past, future = data
    given = [metrics.GDL(), metrics.BalancedMSE(), metrics.BalancedMAE()]
    result = evaluate(STILL, Batches([data]), given)
    forecast = STILL.predict(past)
    for metric in given:
        assert getattr(metric, "scaling", None) is None  # not changed
        if metric.name != "gdl":
            metric = metric.with_scaling(SCALING)
        expected = np.nanmean(numpy(metric.frame_scores(future, forecast)))
        score = result["forecast"][metric.name]
        assert score == pytest.approx(expected, rel=1e-5)


def test_scaling_of_the_metric_comes_before_that_of_the_data_set(data):
    def score(dataset, scaling=None):
        options = {"scaling": scaling, "num_frames": 3}
        given = [metrics.BalancedMSE(**options), metrics.CSI(20.0, **options)]
        return evaluate(STILL, dataset, given)

    assert score(Batches([data])) == score(data, SCALING)
    pixels = score(Batches([data]), Cubed(1.0))
    assert pixels["forecast"]["csi_20"] == 1  # no pixel reaches 20 mm/h
    assert score(data) == pixels


def test_an_empty_clip_changes_no_skill_score(data):
    model = LinearExtrapolation(CONTEXT, HORIZON)
    given = metrics.threshold_metrics([0.5], [3])
    expected = evaluate(model, Batches([data]), given)["forecast"]
    more = tuple(np.concatenate([x, np.zeros_like(x[:4])]) for x in data)
    result = evaluate(model, Batches([more]), given)["forecast"]
    for key in ("pod_0.5", "far_0.5", "csi_0.5", "fss_0.5_3"):
        assert result[key] == pytest.approx(expected[key], rel=1e-12)


def test_missing_pixels_of_the_past(data):
    past, future = data
    result = evaluate(STILL, data)
    truth = np.concatenate([past[:, 1:], future], axis=1)
    forecast = STILL.predict_all(np.nan_to_num(past))
    values = numpy(metrics.MSE().frame_scores(truth, forecast))
    expected = np.nanmean(values)
    assert result["ms-rnn"]["mse"] == pytest.approx(expected, rel=1e-5)


def test_lpips(monkeypatch):
    torch = pytest.importorskip("torch")

    class Network:
        def parameters(self):
            return iter([torch.zeros(1)])

        def __call__(self, a, b):
            return (a - b).abs().mean()

    monkeypatch.setattr(lpips, "_network", Network)
    past, future = np.zeros((2, 3, 2, 32, 32, 1))
    future[:, 0], future[0, 1] = 0.25, np.nan
    result = evaluate(STILL, (past, future), [metrics.LPIPS()])
    assert result["curves"] == {"lpips": [0.5, 0.0]}
    assert result["forecast"]["lpips"] == pytest.approx(0.3)
