"""`evaluate` with the default metrics, and the checks of its input."""

import json
import sys

import keras
import numpy as np
import pytest
from keras import ops

from msrnn_keras import create, metrics
from msrnn_keras.baselines import Persistence
from msrnn_keras.evaluation import evaluate
from msrnn_keras.utils import progress
from tests.metrics.fields import numpy

CONTEXT, HORIZON = 3, 2
STILL = Persistence(CONTEXT, HORIZON)


class Fading:
    """A stand-in whose predictions leave [0, 1], so clipping matters."""

    context = CONTEXT
    horizon = HORIZON
    name = "fading"

    def __init__(self):
        self.seen = []

    def predict_all(self, frames, batch_size=None):
        self.seen.append(np.shape(frames))
        return 1.3 * STILL.predict_all(frames) - 0.1


class Batches(keras.utils.PyDataset):
    """Two batches of arrays; `num_batches` is None if endless."""

    def __init__(self, past, future, num_batches=2):
        super().__init__()
        self.past, self.future, self.count = past, future, num_batches

    num_batches = property(lambda self: self.count)

    def __getitem__(self, index):
        part = slice(4 * index, 4 * index + 4)
        return self.past[part], self.future[part]


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    clip = rng.random((7, CONTEXT + HORIZON, 13, 12, 1)).astype("float32")
    clip *= np.linspace(0.2, 1, 7).reshape(-1, 1, 1, 1, 1)
    return clip[:, :CONTEXT].copy(), clip[:, CONTEXT:].copy()


def truth_and_predictions(past, future):
    """Return all predicted frames of `Fading` and their truth."""
    truth = np.concatenate([past[:, 1:], future], axis=1)
    return truth, Fading().predict_all(past)


def check(result, data):
    frames = truth_and_predictions(*data)
    scores = {
        metric.name: numpy(metric.frame_scores(*frames))
        for metric in metrics.default_metrics()
    }
    for key, values in scores.items():
        forecast = values[:, -HORIZON:]
        means = np.nanmean(forecast), np.nanmean(values)
        given = result["forecast"][key], result["ms-rnn"][key]
        assert given == pytest.approx(means, rel=1e-5)
        curve = np.nanmean(forecast, axis=0).tolist()
        assert result["curves"][key] == pytest.approx(curve, rel=1e-5)
    assert list(result) == ["forecast", "ms-rnn", "curves", "clips"]
    assert list(result["forecast"]) == list(result["curves"]) == list(scores)
    assert result["clips"] == 7


@pytest.mark.backend_free
def test_arrays_with_a_short_last_batch_and_a_longer_past(
    data, capsys, monkeypatch
):
    past, future = data
    model, longer = Fading(), np.concatenate([past, future[:, :1]], axis=1)
    result = evaluate(model, (longer, future), batch_size=3)
    check(result, data)
    assert [shape[:2] for shape in model.seen] == [(3, 3), (3, 3), (1, 3)]
    assert json.loads(json.dumps(result, allow_nan=False)) == result
    assert result["forecast"]["mse"] < result["forecast"]["mse_unclipped"]
    assert result["forecast"]["mse"] != result["ms-rnn"]["mse"]
    assert capsys.readouterr().out == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setattr(progress, "REFRESH", 0)
    evaluate(model, data, batch_size=3, verbose=1)
    printed = capsys.readouterr()
    assert printed.out == "" and "scoring fading: 3/3 batches" in printed.err


def test_data_sets_of_batches(data):
    batches = Batches(*data)
    tensors = [tuple(map(ops.convert_to_tensor, batches[i])) for i in range(2)]
    for dataset in (batches, (batches[i] for i in range(2)), tensors):
        check(evaluate(Fading(), dataset), data)


@pytest.mark.backend_free
def test_missing_pixels_do_not_count(data):
    future = data[1]
    future[0, 0, :2] = future[1] = future[4, 1, :, 3] = np.nan
    check(evaluate(Fading(), data, batch_size=2), data)
    future[:, 1] = np.nan
    result = evaluate(Fading(), data)
    assert result["curves"]["mse"][1] is None
    assert result["forecast"]["mse"] == result["curves"]["mse"][0]
    result = evaluate(Fading(), data, [keras.metrics.MeanAbsoluteError()])
    assert result["forecast"]["mean_absolute_error"] is None


def test_frames_too_small_for_the_ssim(data):
    small = tuple(x[:, :, :10] for x in data)
    result = evaluate(Fading(), small)
    assert result["forecast"]["ssim"] is result["ms-rnn"]["ssim"] is None
    assert result["curves"]["ssim"] == [None, None]
    assert result["forecast"]["mse"] > 0
    with pytest.raises(ValueError, match="11 x 11"):
        evaluate(Fading(), small, [metrics.SSIM()])


class Largest(keras.metrics.Metric):
    """The largest error, a metric that no mean over frames gives."""

    def __init__(self, name="largest"):
        super().__init__(name=name)
        self.error = self.add_weight(shape=(), initializer="zeros")

    def update_state(self, y_true, y_pred, sample_weight=None):
        error = ops.max(ops.abs(ops.subtract(y_true, y_pred)))
        largest = ops.convert_to_tensor(self.error)
        self.error.assign(ops.maximum(largest, ops.cast(error, "float32")))

    def result(self):
        return ops.convert_to_tensor(self.error)


class Both(Largest):
    def result(self):
        error = super().result()
        return {"one": error, "two": 2 * error}


def test_metrics_of_keras_score_each_set_of_frames(data):
    truth, predictions = truth_and_predictions(*data)
    errors = predictions.astype("float64") - truth  # not clipped
    given = [
        keras.metrics.MeanSquaredError(),
        keras.metrics.RootMeanSquaredError(name="rmse"),
        Largest(),
        Both("both"),
        metrics.MSE(clip=False, name="ours"),
    ]
    given[2].error.assign(9.0)
    result = evaluate(Fading(), data, given, batch_size=3)
    expected = {
        "mean_squared_error": lambda x: np.mean(x**2),
        "rmse": lambda x: np.sqrt(np.mean(x**2)),
        "largest": lambda x: np.abs(x).max(),
        "one": lambda x: np.abs(x).max(),
        "two": lambda x: 2 * np.abs(x).max(),
        "ours": lambda x: np.mean((x**2).sum(axis=(2, 3, 4))),
    }
    assert list(result["forecast"]) == list(expected)
    for key, score in expected.items():
        ahead = errors[:, -HORIZON:]
        curve = [score(ahead[:, [t]]) for t in range(HORIZON)]
        both = result["ms-rnn"][key], result["forecast"][key]
        assert both == pytest.approx((score(errors), score(ahead)), rel=1e-5)
        assert result["curves"][key] == pytest.approx(curve, rel=1e-5)
    assert float(given[2].result()) == 0  # reset
    assert json.loads(json.dumps(result, allow_nan=False)) == result


def test_metrics_built_on_the_first_update():
    past = np.full((4, CONTEXT, 1, 1, 1), 0.5, "float32")
    future = np.linspace(0, 1, 8, dtype="float32").reshape(4, 2, 1, 1, 1)

    class Flat(keras.metrics.R2Score):
        def update_state(self, *frames, sample_weight=None):
            super().update_state(*(np.reshape(x, (-1, 1)) for x in frames))

    result = evaluate(STILL, (past, future), [Flat()], batch_size=2)
    assert result["forecast"]["r2_score"] == pytest.approx(0, abs=1e-6)


def test_errors(data, monkeypatch):
    past, future = data
    with pytest.raises(TypeError, match="without `context`"):
        evaluate(object(), data)
    for message, given in (
        ("Received: 0 clips", []),
        (r"lengths \(7, 6\)", (past, future[:6])),
        ("endless.*Received: dataset=", Batches(*data, num_batches=None)),
        ("Received: a batch of type ndarray", [past]),
        ("Received: 2 past and 2 future", (past[:, 1:], future)),
        ("Received: 3 past and 1 future", (past, future[:, :1])),
        ("Received: shapes", [(past[0], future[0])]),
    ):
        with pytest.raises(ValueError, match=message):
            evaluate(Fading(), given)
    model = Fading()
    broken = model.predict_all(past) * np.inf
    monkeypatch.setattr(model, "predict_all", lambda *_, **options: broken)
    with pytest.raises(ValueError, match="NaN or infinity from 'fading'"):
        evaluate(model, data)


def test_errors_of_metrics(data):
    class Stateless(keras.metrics.Metric):
        def update_state(self, y_true, y_pred, sample_weight=None):
            self.value = 1.0

        def result(self):
            return self.value

    class Vector(Largest):
        def result(self):
            return ops.zeros(2)

    for wrong in ("mse", [metrics.MSE(), keras.losses.MeanSquaredError()]):
        with pytest.raises(TypeError, match="list of Keras metrics.*Received"):
            evaluate(Fading(), data, wrong)
    with pytest.raises(ValueError, match=r"Received: \['mse', 'mse'\]"):
        evaluate(Fading(), data, [metrics.MSE(), metrics.MSE(clip=False)])
    with pytest.raises(TypeError, match="`add_weight`.*Received: <Stateless"):
        evaluate(Fading(), data, [Stateless()])
    with pytest.raises(ValueError, match=r"'largest' of shape \(2,\)"):
        evaluate(Fading(), data, [Vector()])


@pytest.mark.parametrize("scale, shift", [(255, 0), (1, -0.4)])
def test_unscaled_data_are_refused_or_right(data, scale, shift):
    past, future = (scale * (x + shift) for x in data)
    for given in (None, [metrics.CSI(0.5)]):
        with pytest.raises(ValueError, match=r"\[0, 1\].*clip=False.*Recei"):
            evaluate(STILL, (past, future), given)
    result = evaluate(STILL, (past, future), [metrics.MSE(clip=False)])
    errors = future.astype("float64") - past[:, -1:]
    expected = (errors**2).sum(axis=(2, 3, 4)).mean()
    assert result["forecast"]["mse"] == pytest.approx(expected, rel=1e-5)


def test_integers_and_infinity_are_refused(data):
    for index, name in enumerate(("past", "future")):
        wrong = list(data)
        wrong[index] = (255 * data[index]).astype("uint8")
        with pytest.raises(TypeError, match=f"`{name}`.*/ 255.*uint8"):
            evaluate(STILL, tuple(wrong))
        wrong[index] = data[index].copy()
        wrong[index][0, 0, 0, 0] = np.inf
        with pytest.raises(ValueError, match=f"`{name}`.*infinite"):
            evaluate(STILL, tuple(wrong))


@pytest.mark.backend_free
def test_an_ensemble_is_scored_by_its_members_and_their_mean():
    sizes = {"image_shape": (8, 8, 1), "context": 2, "horizon": 2}
    sizes |= {"filters": 2, "scales": (1,), "covariates": 1, "noise": True}
    model = create("convlstm", **sizes)
    for weight in model.trainable_variables:
        if "noise_mix" in weight.path:
            weight.assign(30 * weight)
    rng = np.random.default_rng(0)
    past, future, known = rng.random((3, 5, 2, 8, 8, 1), dtype="float32")
    known = np.concatenate([known, known[:, :1]], axis=1)
    chosen = [metrics.CRPS(), metrics.MSE(), keras.metrics.MeanSquaredError()]
    scores = evaluate(model, ((past, known), future), chosen, members=4)
    members = model.forecast(past, members=4, covariates=known)
    assert members.std(axis=1).mean() > 1e-4
    clipped = np.clip(members, 0, 1).mean(axis=1) - future
    mse = np.square(clipped).sum(axis=(2, 3, 4)).mean()
    assert scores["forecast"]["mse"] == pytest.approx(mse, rel=1e-5)
    mean = scores["forecast"]["mean_squared_error"]
    error = members.mean(axis=1) - future
    assert mean == pytest.approx(np.square(error).mean(), rel=1e-5)
    metric = metrics.CRPS()
    metric.update_state(future, members)
    crps = float(metric.result())
    assert scores["forecast"]["crps"] == pytest.approx(crps, rel=1e-5)
    assert len(scores["curves"]["crps"]) == 2
    assert set(scores["ms-rnn"].values()) == {None}
    names = set(evaluate(model, ((past, known), future))["forecast"])
    assert {"crps", "spread_skill_ratio", "ssim"} <= names
