import json

import keras
import numpy as np
import pytest
from keras import ops

from msrnn_keras import metrics
from msrnn_keras.baselines import Persistence, Zeros
from msrnn_keras.evaluation import evaluate

CONTEXT, HORIZON = 3, 2
KEYS = ("mse", "mae", "ssim", "psnr")


class Fading:
    """A stand-in for a model: each prediction is the frame before, scaled.

    It leaves [0, 1], so clipping matters, and keeps what it was given.
    """

    context = CONTEXT
    horizon = HORIZON
    name = "fading"

    def __init__(self):
        self.seen = []

    def predict_all(self, frames, batch_size=None):
        self.seen.append(np.shape(frames))
        still = Persistence(CONTEXT, HORIZON).predict_all(frames)
        return 1.3 * still - 0.1


class Broken(Fading):
    def predict_all(self, frames, batch_size=None):
        predictions = super().predict_all(frames)
        predictions[-1, 0, 0, 0] = np.nan
        return predictions


class Batches(keras.utils.PyDataset):
    def __init__(self, past, future, size):
        super().__init__()
        self.past, self.future, self.size = past, future, size

    def __len__(self):
        return -(-len(self.past) // self.size)

    def __getitem__(self, index):
        part = slice(index * self.size, (index + 1) * self.size)
        return self.past[part], self.future[part]


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    clip = rng.random((7, CONTEXT + HORIZON, 13, 12, 1)).astype("float32")
    clip *= np.linspace(0.2, 1, 7)[:, None, None, None, None]
    return clip[:, :CONTEXT].copy(), clip[:, CONTEXT:].copy()


def direct(past, future):
    """The scores of all frames of `Fading` at once, (clips, time)."""
    predictions = Fading().predict_all(past)
    truth = np.concatenate([past[:, 1:], future], axis=1)
    scores = {
        key: getattr(metrics, f"frame_{key}")(truth, predictions)
        for key in KEYS
    }
    scores["mse_unclipped"] = metrics.frame_mse(truth, predictions, clip=False)
    return {
        key: ops.convert_to_numpy(value).astype("float64")
        for key, value in scores.items()
    }


def check(result, scores, clips=7):
    for key, values in scores.items():
        forecast = values[:, -HORIZON:]
        curve = np.nanmean(forecast, axis=0)
        close = {"rel": 1e-5}
        assert result["forecast"][key] == pytest.approx(
            np.nanmean(forecast), **close
        )
        assert result["ms-rnn"][key] == pytest.approx(
            np.nanmean(values), **close
        )
        assert result["curves"][key] == pytest.approx(curve.tolist(), **close)
    assert set(result["forecast"]) == set(result["curves"]) == set(scores)
    assert result["clips"] == clips


def test_arrays_with_a_short_last_batch(data):
    model = Fading()
    result = evaluate(model, data, batch_size=3)
    check(result, direct(*data))
    assert [shape[0] for shape in model.seen] == [3, 3, 1]
    assert json.loads(json.dumps(result, allow_nan=False)) == result
    assert result["forecast"]["mse"] < result["forecast"]["mse_unclipped"]
    assert result["forecast"]["mse"] != result["ms-rnn"]["mse"]


def test_data_sets_of_batches(data):
    expected = direct(*data)
    batches = Batches(*data, size=4)
    check(evaluate(Fading(), batches), expected)
    check(evaluate(Fading(), [batches[0], batches[1]]), expected)
    check(evaluate(Fading(), (batches[i] for i in range(2))), expected)
    tensors = [tuple(map(ops.convert_to_tensor, batches[i])) for i in range(2)]
    check(evaluate(Fading(), tensors), expected)


def test_progress_bar(data, capsys):
    evaluate(Fading(), data, batch_size=3, verbose=1)
    assert "3/3" in capsys.readouterr().out
    evaluate(Fading(), data, batch_size=3)
    assert capsys.readouterr().out == ""


def test_the_model_never_sees_more_than_the_context(data):
    past, future = data
    longer = np.concatenate([past, future[:, :1]], axis=1)
    model = Fading()
    check(evaluate(model, (longer, future)), direct(past, future))
    assert model.seen[0][1] == CONTEXT


def test_missing_pixels_carry_no_score(data):
    past, future = data
    future[0, 0, :2] = np.nan
    future[1] = np.nan
    future[4, 1, :, 3] = np.nan
    check(
        evaluate(Fading(), (past, future), batch_size=2), direct(past, future)
    )


def test_a_lead_time_without_truth_has_no_score(data):
    past, future = data
    future[:, 1] = np.nan
    result = evaluate(Fading(), (past, future))
    assert result["curves"]["mse"][1] is None
    assert result["forecast"]["mse"] == result["curves"]["mse"][0]


def test_baselines(data):
    past, future = data
    still = evaluate(Persistence(CONTEXT, HORIZON), data, batch_size=4)
    errors = future.astype("float64") - past[:, -1:]
    expected = (errors**2).sum(axis=(2, 3, 4)).mean()
    assert still["forecast"]["mse"] == pytest.approx(expected, rel=1e-5)
    moves = np.diff(past.astype("float64"), axis=1)
    warm_up = (moves**2).sum(axis=(2, 3, 4)).sum()
    every = (warm_up + 7 * HORIZON * expected) / (7 * 4)
    assert still["ms-rnn"]["mse"] == pytest.approx(every, rel=1e-5)
    black = evaluate(Zeros(CONTEXT, HORIZON), data)
    expected = future.astype("float64").sum(axis=(2, 3, 4)).mean()
    assert black["forecast"]["mae"] == pytest.approx(expected, rel=1e-5)


def test_errors(data):
    past, future = data
    with pytest.raises(TypeError, match="without `context`"):
        evaluate(object(), data)
    with pytest.raises(ValueError, match="Received: 0 clips"):
        evaluate(Fading(), [])
    with pytest.raises(ValueError, match=r"lengths \(7, 6\)"):
        evaluate(Fading(), (past, future[:6]))
    with pytest.raises(ValueError, match="Received: a batch of type ndarray"):
        evaluate(Fading(), [past])
    with pytest.raises(ValueError, match="Received: 2 past and 2 future"):
        evaluate(Fading(), (past[:, 1:], future))
    with pytest.raises(ValueError, match="Received: 3 past and 1 future"):
        evaluate(Fading(), (past, future[:, :1]))
    with pytest.raises(ValueError, match="Received: shapes"):
        evaluate(Fading(), [(past[0], future[0])])
    with pytest.raises(ValueError, match="NaN or infinity from 'fading'"):
        evaluate(Broken(), data)


@pytest.mark.parametrize("scale, shift", [(255, 0), (60, 0), (1, -0.4)])
def test_unscaled_data_are_refused_or_right(data, scale, shift):
    past, future = (scale * (x + shift) for x in data)
    still = Persistence(CONTEXT, HORIZON)
    for options in ({}, {"scores": (), "thresholds": [0.5]}):
        with pytest.raises(ValueError, match=r"\[0, 1\].*mse_unclipped.*Recei"):
            evaluate(still, (past, future), **options)
    result = evaluate(still, (past, future), scores=["mse_unclipped"])
    errors = future.astype("float64") - past[:, -1:]
    expected = (errors**2).sum(axis=(2, 3, 4)).mean()
    given = result["forecast"]["mse_unclipped"]
    assert given == pytest.approx(expected, rel=1e-5)


def test_values_that_are_no_pixels_are_refused(data):
    still = Persistence(CONTEXT, HORIZON)
    for index, name in enumerate(("past", "future")):
        wrong = list(data)
        wrong[index] = (255 * data[index]).astype("uint8")
        with pytest.raises(TypeError, match=f"`{name}`.*/ 255.*uint8"):
            evaluate(still, tuple(wrong))
        wrong[index] = data[index].copy()
        wrong[index][0, 0, 0, 0] = np.inf
        with pytest.raises(ValueError, match=f"`{name}`.*infinite"):
            evaluate(still, tuple(wrong))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_thresholds_must_be_finite(data, value):
    with pytest.raises(ValueError, match="`threshold`.*Received: "):
        evaluate(Fading(), data, thresholds=[0.5, value])
