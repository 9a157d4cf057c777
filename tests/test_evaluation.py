"""`evaluate` with the default metrics, and the checks of its input."""

import json

import keras
import numpy as np
import pytest
from keras import ops

from msrnn_keras import metrics
from msrnn_keras.baselines import Persistence, Zeros
from msrnn_keras.evaluation import evaluate
from tests.metrics.fields import numpy

CONTEXT, HORIZON = 3, 2
STILL = Persistence(CONTEXT, HORIZON)


class Fading:
    """Stand-in for a model: each prediction is the previous frame, scaled.

    Predictions leave [0, 1], so clipping matters.
    """

    context = CONTEXT
    horizon = HORIZON
    name = "fading"

    def __init__(self):
        self.seen = []

    def predict_all(self, frames, batch_size=None):
        self.seen.append(np.shape(frames))
        return 1.3 * STILL.predict_all(frames) - 0.1


class Broken(Fading):
    """A model with one NaN among its predictions."""

    def predict_all(self, frames, batch_size=None):
        predictions = super().predict_all(frames)
        predictions[-1, 0, 0, 0] = np.nan
        return predictions


class Batches(keras.utils.PyDataset):
    """Batches of arrays; endless if `size` is None."""

    def __init__(self, past, future, size):
        super().__init__()
        self.past, self.future, self.size = past, future, size

    def __len__(self):
        return -(-len(self.past) // self.size)

    @property
    def num_batches(self):
        return len(self) if self.size else None

    def __getitem__(self, index):
        part = slice(index * self.size, (index + 1) * self.size)
        return self.past[part], self.future[part]


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    clip = rng.random((7, CONTEXT + HORIZON, 13, 12, 1)).astype("float32")
    clip *= np.linspace(0.2, 1, 7)[:, None, None, None, None]
    return clip[:, :CONTEXT].copy(), clip[:, CONTEXT:].copy()


def truth_and_predictions(past, future):
    """Return all predicted frames of `Fading` and their truth."""
    truth = np.concatenate([past[:, 1:], future], axis=1)
    return truth, Fading().predict_all(past)


def direct(past, future):
    """Return the scores of all frames of `Fading` at once, (clips, time)."""
    frames = truth_and_predictions(past, future)
    return {
        metric.name: numpy(metric.frame_scores(*frames))
        for metric in metrics.default_metrics()
    }


def check(result, scores, clips=7):
    """Check the structure and the scores of a result."""
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
    assert list(result) == ["forecast", "ms-rnn", "curves", "clips"]
    assert list(result["forecast"]) == list(result["curves"]) == list(scores)
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
    tensors = [tuple(map(ops.convert_to_tensor, batches[i])) for i in range(2)]
    check(evaluate(Fading(), batches), expected)
    check(evaluate(Fading(), (batches[i] for i in range(2))), expected)
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


def test_missing_pixels_do_not_count(data):
    past, future = data
    future[0, 0, :2] = np.nan
    future[1] = np.nan
    future[4, 1, :, 3] = np.nan
    result = evaluate(Fading(), data, batch_size=2)
    check(result, direct(past, future))
    future[:, 1] = np.nan
    result = evaluate(Fading(), data)
    assert result["curves"]["mse"][1] is None
    assert result["forecast"]["mse"] == result["curves"]["mse"][0]


def test_frames_too_small_for_the_ssim(data):
    small = tuple(x[:, :, :10] for x in data)
    result = evaluate(Fading(), small)
    assert result["forecast"]["ssim"] is result["ms-rnn"]["ssim"] is None
    assert result["curves"]["ssim"] == [None, None]
    assert result["forecast"]["mse"] > 0
    with pytest.raises(ValueError, match="11 x 11"):
        evaluate(Fading(), small, [metrics.SSIM()])


def test_baselines(data):
    past, future = data
    still = evaluate(STILL, data, batch_size=4)
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


# === metrics of Keras and of the user ===


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
    """A metric with a dict as its result."""

    def result(self):
        error = super().result()
        return {"one": error, "two": 2 * error}


def test_metrics_of_keras_score_each_set_of_frames(data):
    past, future = data
    truth, predictions = truth_and_predictions(past, future)
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
        close = {"rel": 1e-5}
        assert result["ms-rnn"][key] == pytest.approx(score(errors), **close)
        assert result["forecast"][key] == pytest.approx(score(ahead), **close)
        assert result["curves"][key] == pytest.approx(curve, **close)
    assert float(given[2].result()) == 0  # reset
    assert json.loads(json.dumps(result, allow_nan=False)) == result


def test_metrics_built_on_the_first_update():
    past = np.full((4, CONTEXT, 1, 1, 1), 0.5, "float32")
    future = np.linspace(0, 1, 8, dtype="float32").reshape(4, 2, 1, 1, 1)

    class Flat(keras.metrics.R2Score):
        def update_state(self, y_true, y_pred, sample_weight=None):
            super().update_state(
                *(np.reshape(x, (-1, 1)) for x in (y_true, y_pred))
            )

    result = evaluate(STILL, (past, future), [Flat()], batch_size=2)
    assert result["forecast"]["r2_score"] == pytest.approx(0, abs=1e-6)


def test_metrics_of_keras_get_missing_pixels_as_nan(data):
    data[1][0, 1, 2] = np.nan
    result = evaluate(Fading(), data, [keras.metrics.MeanAbsoluteError()])
    first, second = result["curves"]["mean_absolute_error"]
    assert first > 0 and second is None
    assert result["forecast"]["mean_absolute_error"] is None


def test_the_same_metrics_in_compile_and_evaluate(data):
    inputs = keras.Input((None, None, None, 1))
    model = keras.Model(inputs, keras.layers.Identity()(inputs))
    given = [metrics.MSE(), metrics.CSI(0.5), Largest()]
    model.compile(loss="mse", metrics=given)
    frames = truth_and_predictions(*data)
    logs = model.evaluate(frames[1], frames[0], verbose=0, return_dict=True)
    result = evaluate(Fading(), data, given)
    for key, value in result["ms-rnn"].items():
        assert logs[key] == pytest.approx(value, rel=1e-5)


# === errors ===


def test_errors(data):
    past, future = data
    with pytest.raises(TypeError, match="without `context`"):
        evaluate(object(), data)
    with pytest.raises(ValueError, match="Received: 0 clips"):
        evaluate(Fading(), [])
    with pytest.raises(ValueError, match=r"lengths \(7, 6\)"):
        evaluate(Fading(), (past, future[:6]))
    with pytest.raises(ValueError, match="endless.*Received: dataset="):
        evaluate(Fading(), Batches(past, future, None))
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


def test_errors_of_metrics(data):
    class Stateless(keras.metrics.Metric):
        def update_state(self, y_true, y_pred, sample_weight=None):
            self.value = 1.0

        def result(self):
            return self.value

    class Vector(Largest):
        def result(self):
            return ops.zeros(2)

    for wrong in (
        "mse",
        [metrics.MSE(), "mse"],
        [keras.losses.MeanSquaredError()],
    ):
        with pytest.raises(TypeError, match="list of Keras metrics.*Received"):
            evaluate(Fading(), data, wrong)
    with pytest.raises(ValueError, match=r"Received: \['mse', 'mse'\]"):
        evaluate(Fading(), data, [metrics.MSE(), metrics.MSE(clip=False)])
    with pytest.raises(TypeError, match="`add_weight`.*Received: <Stateless"):
        evaluate(Fading(), data, [Stateless()])
    with pytest.raises(ValueError, match=r"'largest' of shape \(2,\)"):
        evaluate(Fading(), data, [Vector()])


@pytest.mark.parametrize("scale, shift", [(255, 0), (60, 0), (1, -0.4)])
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
