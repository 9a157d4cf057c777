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


@pytest.fixture
def data():
    """Clips with gaps and empty frames."""
    truth, _ = fields((8, CONTEXT + HORIZON, 17, 14, 1))
    truth[2, :, :4] = np.nan
    truth[3, 3] = np.nan
    truth[4] = 0.0
    return truth[:, :CONTEXT], truth[:, CONTEXT:]


def pairs(data):
    """The truth and the predictions of persistence, in mm/h, NaN in both."""
    past, future = data
    truth = np.concatenate([past[:, 1:], future], axis=1)
    forecast = Persistence(CONTEXT, HORIZON).predict_all(past)
    forecast = np.where(np.isnan(truth), np.nan, forecast)
    return [SCALING.inverse(x.astype("float64")) for x in (truth, forecast)]


def test_rain_scores_equal_pysteps(data):
    result = evaluate(
        Persistence(CONTEXT, HORIZON),
        data,
        batch_size=4,
        scores=(),
        thresholds=(0.5, 10),
        scaling=SCALING,
        windows=(1, 4),
    )
    truth, forecast = pairs(data)
    times = {
        "forecast": slice(1, None),
        "ms-rnn": slice(None),
        0: slice(1, 2),
        1: slice(2, 3),
    }
    for threshold in (0.5, 10):
        for place, time in times.items():
            y, p = truth[:, time], forecast[:, time]
            valid = ~np.isnan(y)
            expected = categorical(y[valid], p[valid], threshold)
            expected = {k.lower(): v for k, v in expected.items()}
            for window in (1, 4):
                score = fractions(y, p, threshold, window)
                expected[f"fss_{window}"] = score
            for name, value in expected.items():
                name, *window = name.split("_")
                key = "_".join([name, f"{threshold:g}", *window])
                if place in result:
                    given = result[place][key]
                else:
                    given = result["curves"][key][place]
                assert given == pytest.approx(value, rel=1e-5)
    assert set(result["curves"]) == set(result["ms-rnn"])
    assert len(result["curves"]) == 2 * (4 + 2)
    assert json.loads(json.dumps(result, allow_nan=False)) == result


def test_scores_by_name(data):
    past, future = data
    keys = ["gdl", "balanced_mse", "balanced_mae", "mse"]
    result = evaluate(
        Persistence(CONTEXT, HORIZON), data, scores=keys, scaling=SCALING
    )
    assert list(result["forecast"]) == keys
    forecast = Persistence(CONTEXT, HORIZON).predict(past)
    for key in keys:
        options = {"scaling": SCALING} if "balanced" in key else {}
        score = getattr(metrics, f"frame_{key}")
        values = numpy(score(future, forecast, **options))
        assert result["forecast"][key] == pytest.approx(
            np.nanmean(values), rel=1e-5
        )


def test_scaling_of_the_data_set(data):
    class Batches(list):
        scaling = SCALING

    model = Persistence(CONTEXT, HORIZON)
    options = {"scores": ["balanced_mse"], "thresholds": [20.0]}
    with_scaling = evaluate(model, data, scaling=SCALING, **options)
    assert evaluate(model, Batches([data]), **options) == with_scaling
    pixels = evaluate(model, Batches([data]), scaling=Cubed(1.0), **options)
    assert pixels["forecast"]["csi_20"] == 1  # no pixel is 20 mm/h
    assert evaluate(model, data, **options) == pixels


def test_an_empty_clip_changes_no_skill_score(data):
    model = LinearExtrapolation(CONTEXT, HORIZON)
    options = {"scores": (), "thresholds": (0.5,), "scaling": SCALING}
    expected = evaluate(model, data, windows=[3], **options)["forecast"]
    more = [np.concatenate([x, np.zeros_like(x[:4])]) for x in data]
    result = evaluate(model, tuple(more), windows=[3], **options)["forecast"]
    for key in ("pod_0.5", "far_0.5", "csi_0.5", "fss_0.5_3"):
        assert result[key] == pytest.approx(expected[key], rel=1e-12)


def test_missing_pixels_of_the_past(data):
    past, future = data
    result = evaluate(Persistence(CONTEXT, HORIZON), data)
    truth = np.concatenate([past[:, 1:], future], axis=1)
    forecast = Persistence(CONTEXT, HORIZON).predict_all(np.nan_to_num(past))
    values = numpy(metrics.frame_mse(truth, forecast))
    expected = np.nanmean(values)
    assert result["ms-rnn"]["mse"] == pytest.approx(expected, rel=1e-5)


def test_frames_too_small_for_the_ssim(data):
    small = tuple(x[:, :, :10] for x in data)
    result = evaluate(Persistence(CONTEXT, HORIZON), small)
    assert result["forecast"]["ssim"] is result["ms-rnn"]["ssim"] is None
    assert result["curves"]["ssim"] == [None, None]
    assert result["forecast"]["mse"] > 0
    with pytest.raises(ValueError, match="11 x 11"):
        evaluate(Persistence(CONTEXT, HORIZON), small, scores=["ssim"])


def test_lpips_is_one_of_the_scores(monkeypatch):
    torch = pytest.importorskip("torch")

    class Network:
        def parameters(self):
            return iter([torch.zeros(1)])

        def __call__(self, a, b):
            return (a - b).abs().mean()

    monkeypatch.setattr(lpips, "_network", Network)
    past, future = np.zeros((2, 3, 2, 32, 32, 1))
    future[:, 0], future[0, 1] = 0.25, np.nan
    result = evaluate(Persistence(2, 2), (past, future), scores=["lpips"])
    assert result["curves"] == {"lpips": [0.5, 0.0]}
    assert result["forecast"]["lpips"] == pytest.approx(0.3)


def test_errors(data):
    model = Persistence(CONTEXT, HORIZON)
    with pytest.raises(ValueError, match=r"Received: scores=\['rmse'\]"):
        evaluate(model, data, scores=["rmse"])
    with pytest.raises(ValueError, match="Received: scores='mse'"):
        evaluate(model, data, scores="mse")
    with pytest.raises(ValueError, match=r"Received: windows=\(3,\)"):
        evaluate(model, data, windows=[3])
    with pytest.raises(ValueError, match="Received: window=0"):
        evaluate(model, data, thresholds=[1], windows=[0])
    with pytest.raises(TypeError, match="Received: scaling=2"):
        evaluate(model, data, scaling=2)
