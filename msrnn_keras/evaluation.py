"""Evaluation of a model or a baseline on a data set, under both protocols."""

from collections.abc import Iterable, Sequence
from typing import Any, Literal

import keras
import numpy as np

from msrnn_keras.metrics.base import PooledMetric, Scaled
from msrnn_keras.metrics.defaults import default_metrics
from msrnn_keras.utils.arguments import check_count, check_positive, refused
from msrnn_keras.utils.checks import check_floats, check_values, filled
from msrnn_keras.utils.formatting import format_number
from msrnn_keras.utils.progress import Progress
from msrnn_keras.utils.tables import aligned

__all__ = ["evaluate", "score_table"]

# They count different frames, so their numbers must not be compared.
PROTOCOLS = {  # key in results: caption
    "forecast": "forecast: the forecast frames only",
    "ms-rnn": "all frames: all predictions, those of the input frames included",
}

MEMBERS = 10  # of a model with noise
_CLIPS_AT_ONCE = 4  # so that the maps of the SSIM fit into the CPU's cache
_COLUMNS = ("mse", "mae", "ssim", "psnr")
_IN_PIXELS = ("mse", "mae", "psnr", "gdl", "balanced")


def evaluate(
    model: Any,
    dataset: Iterable[Any] | keras.utils.PyDataset,
    metrics: Sequence[keras.metrics.Metric] | None = None,
    batch_size: int = 16,
    verbose: int = 0,
    members: int = MEMBERS,
) -> dict[str, Any]:
    """Score a model on a data set under both protocols.

    The metrics of `msrnn_keras.metrics` refuse frames outside [0, 1], unless
    made with `clip=False`. Any other `keras.metrics.Metric` works as in
    `compile`: it gets all frames of a batch that a score counts, with NaN at
    missing pixels, has its state reset, and gives a number or a dict of them.

    Args:
        model: A model, or any object with `context`, `horizon` and
            `predict_all(frames, batch_size=...)`, such as a baseline.
        dataset: A pair of arrays (past, future), or a `keras.utils.PyDataset`
            or a finite iterable of such pairs. Past: (batch, time >= context,
            height, width, channels); future: (batch, horizon, height, width,
            channels), floats. NaN or a masked pixel (`numpy.ma`) is missing.
            A model with covariates takes (past, covariates) for past.
        metrics: List of `keras.metrics.Metric`; None is `default_metrics()`,
            for a model with noise also the CRPS and the spread-skill ratio.
            Those with `scaling=None` use `dataset.scaling`, if there is one.
        batch_size: Integer, clips per call of the model if data are arrays.
        verbose: 1 shows the progress on a terminal, 0 nothing.
        members: Integer, members of the forecasts of a model with noise. The
            seed is the number of the batch. Metrics of single forecasts score
            their mean.

    Returns:
        Dict: "forecast" and "ms-rnn", from the name of a metric to its score;
        "curves", from the same names to the scores of every lead time; "clips",
        their number. A score is None if every pixel is missing, and in "ms-rnn"
        for a model without states or with noise.

    Raises:
        TypeError: If the model, a metric or the dtype of frames is unsuitable.
        ValueError: If the data, a prediction or a metric is unsuitable.

    Example:
        >>> evaluate(Persistence(4, 2), (past, future))["forecast"]["mse"]
    """
    _check_model(model)
    batch_size = check_positive("batch_size", batch_size)
    verbose = check_count("verbose", verbose, 0, 2)
    has_noise = getattr(model, "noise", False)
    metrics = default_metrics(has_noise) if metrics is None else metrics
    _check_metrics(metrics)
    scaling = getattr(dataset, "scaling", None)
    scorers = [_scorer(metric, model.horizon, scaling) for metric in metrics]
    clips = 0
    batches, total = batches_of(dataset, batch_size)
    name = f"scoring {getattr(model, 'name', type(model).__name__)}"
    with Progress(name, total, shown=verbose) as progress:
        for number, batch in enumerate(batches, start=1):
            past, future, known = _check_batch(batch, model)
            if has_noise:
                options = {"members": members, "seed": number - 1, **known}
                predictions = model.forecast(
                    past, model.horizon, batch_size, **options
                )
            else:
                predictions = _predict_all(model, past, batch_size, **known)
            _check_predictions(predictions, model)
            truth = np.concatenate([past[:, 1:], future], axis=1)
            truth = truth[:, -predictions.shape[-4] :]
            for scorer in scorers:
                scorer.update(truth, predictions)
            clips += len(past)
            progress.update(number)
    if clips == 0:
        raise ValueError("`dataset` holds no clips. Received: 0 clips")
    result = {"forecast": {}, "ms-rnn": {}, "curves": {}}
    for scorer in scorers:
        for key, scores in scorer.results().items():
            result[key].update(scores)
    if has_noise or not _has_warmup(model):
        result["ms-rnn"] = dict.fromkeys(result["ms-rnn"])
    return {**result, "clips": clips}


def score_table(
    rows: dict[str, dict[str, Any]],
    protocol: Literal["forecast", "ms-rnn"] = "forecast",
    columns: Sequence[str] | None = None,
) -> str:
    """Format scores as a text table of one protocol.

    Args:
        rows: Dict from the name of each model to its result of `evaluate`.
        protocol: "forecast" or "ms-rnn".
        columns: List of scores, such as "csi_0.5". None means MSE, MAE, SSIM
            and PSNR. Missing scores are shown as "–".

    Returns:
        A string: the protocol, a header, and one line per model.

    Raises:
        ValueError: If the protocol is unknown, or `columns` a string.

    Example:
        >>> print(score_table({"persistence": evaluate(baseline, data)}))
    """
    if not isinstance(protocol, str) or protocol not in PROTOCOLS:
        raise ValueError(
            f"`protocol` must be one of {sorted(PROTOCOLS)}. "
            f"Received: protocol={protocol!r}"
        )
    if not isinstance(rows, dict):
        wanted = "a dict from the name of a model to its result of `evaluate`"
        raise refused("rows", wanted, rows)
    if columns is not None and not (
        isinstance(columns, (list, tuple))
        and all(isinstance(column, str) for column in columns)
    ):
        raise ValueError(
            "`columns` must be a list of scores, such as ['mse']. "
            f"Received: columns={columns!r}"
        )
    columns = _COLUMNS if columns is None else columns
    formats = {x: ".2f" if x.startswith(_IN_PIXELS) else ".4f" for x in columns}
    table = [("Model", *(key.upper().replace("_", " ") for key in formats))]
    for name, result in rows.items():
        scores = result.get(protocol, {})
        cells = (format_number(scores.get(k), f) for k, f in formats.items())
        table.append((name, *cells))
    return "\n".join([f"Protocol {PROTOCOLS[protocol]}", *aligned(table)])


class _SumScorer:
    """Scores of one of our metrics, from float64 sums per lead time."""

    def __init__(self, metric, horizon):
        self.metric, self.horizon, self.sums = metric, horizon, 0.0

    def update(self, truth, predictions):
        for i in range(0, len(truth), _CLIPS_AT_ONCE):
            part = slice(i, i + _CLIPS_AT_ONCE)
            sums = self.metric.frame_sums(truth[part], predictions[part])
            sums = keras.ops.convert_to_numpy(sums).astype("float64")
            self.sums = self.sums + sums.sum(axis=0)

    def results(self):
        name, ratio = self.metric.name, self.metric.ratio
        ahead = self.sums[-self.horizon :]
        return {
            "forecast": {name: _number(ratio(ahead.sum(axis=0)))},
            "ms-rnn": {name: _number(ratio(self.sums.sum(axis=0)))},
            "curves": {name: [_number(score) for score in ratio(ahead)]},
        }


class _StateScorer:
    """Scores of any Keras metric, with one state for each set of frames."""

    def __init__(self, metric, horizon):
        self.metric, self.horizon = metric, horizon
        self.frames = {"forecast": slice(-horizon, None), "ms-rnn": slice(None)}
        self.frames |= {t: slice(t, t + 1 or None) for t in range(-horizon, 0)}
        self.states = {}

    def update(self, truth, predictions):
        if predictions.ndim > truth.ndim:
            predictions = predictions.mean(axis=1)
        for key, frames in self.frames.items():
            self._restore(key)
            self.metric.update_state(truth[:, frames], predictions[:, frames])
            state = map(keras.ops.convert_to_numpy, self.metric.variables)
            self.states[key] = list(map(np.array, state))
        if not self.metric.variables:
            raise TypeError(
                "A metric must keep its state in variables: create them with "
                f"`add_weight`. Received: {self.metric!r}"
            )

    def results(self):
        scores = {key: self._result(key) for key in self.frames}
        self.metric.reset_state()
        scores["curves"] = {
            name: [scores[t][name] for t in range(-self.horizon, 0)]
            for name in scores["forecast"]
        }
        return {key: scores[key] for key in ("forecast", "ms-rnn", "curves")}

    def _restore(self, key):
        self.metric.reset_state()
        values = self.states.get(key, ())
        for variable, value in zip(self.metric.variables, values, strict=False):
            variable.assign(value)

    def _result(self, key):
        self._restore(key)
        result = self.metric.result()
        if not isinstance(result, dict):
            result = {self.metric.name: result}
        scores = {k: keras.ops.convert_to_numpy(x) for k, x in result.items()}
        for name, value in scores.items():
            if value.size != 1:
                raise ValueError(
                    "The result of a metric must be a number or a dict of "
                    f"numbers. Received: {name!r} of shape {value.shape}"
                )
        return {name: _number(value.item()) for name, value in scores.items()}


def _scorer(metric, horizon, scaling):
    if not isinstance(metric, PooledMetric):
        return _StateScorer(metric, horizon)
    if isinstance(metric, Scaled) and metric.scaling is None:
        metric = metric.with_scaling(scaling)
    return _SumScorer(metric, horizon)


def _has_warmup(model):
    """Return whether a model predicts the frames of its input too."""
    return getattr(model, "has_states", True)


def _check_model(model):
    for attribute in ("context", "horizon", "predict_all"):
        if not hasattr(model, attribute):
            raise TypeError(
                "`model` needs `context`, `horizon` and `predict_all`. "
                f"Received: model={model!r}, without `{attribute}`"
            )


def _check_metrics(metrics):
    several = isinstance(metrics, (list, tuple)) and metrics
    if not several or not all(
        isinstance(metric, keras.metrics.Metric) for metric in metrics
    ):
        raise TypeError(
            "`metrics` must be a list of Keras metrics, such as "
            f"[msrnn_keras.metrics.MSE()]. Received: metrics={metrics!r}"
        )
    names = [metric.name for metric in metrics]
    if len(set(names)) < len(names):
        raise ValueError(
            "Metrics must have different names; set one with `name`. "
            f"Received: {names}"
        )


def batches_of(dataset, batch_size):
    """Return an iterable of batches and their number, None if unknown."""
    if isinstance(dataset, tuple):
        parts = keras.tree.flatten(dataset)
        if any(not hasattr(part, "__len__") for part in parts):
            raise refused("dataset", "a pair of arrays (past, future)", dataset)
        lengths = list(map(len, parts))
        if len(dataset) != 2 or len(set(lengths)) > 1:
            raise ValueError(
                "Arrays must be a pair (past, future) with the same number of "
                f"clips. Received: a tuple of lengths {tuple(lengths)}"
            )
        starts = range(0, lengths[0], batch_size)
        cuts = (slice(start, start + batch_size) for start in starts)
        batches = (
            keras.tree.map_structure(lambda part, cut=cut: part[cut], dataset)
            for cut in cuts
        )
        return batches, len(starts)
    if isinstance(dataset, keras.utils.PyDataset):
        number = dataset.num_batches
        if number is None:
            raise ValueError(
                "An endless data set cannot be scored; give it a length. "
                f"Received: dataset={dataset!r}"
            )
        return (dataset[i] for i in range(number)), number
    if not hasattr(dataset, "__iter__") or isinstance(dataset, (str, dict)):
        wanted = "a pair of arrays (past, future), or a data set of them"
        raise refused("dataset", wanted, dataset)
    return dataset, None


def _check_batch(batch, model):
    """Return context and future of a batch as arrays, and its covariates."""
    if not isinstance(batch, (tuple, list)) or len(batch) != 2:
        raise ValueError(
            "A data set must yield pairs (past, future). "
            f"Received: a batch of type {type(batch).__name__}"
        )
    past, future = batch
    known = {}
    if isinstance(past, (tuple, list)) and len(past) == 2:
        past, covariates = past
        if getattr(model, "covariates", 0):  # baselines read frames alone
            known["covariates"] = covariates
    past, future = map(filled, (past, future))
    past, future = map(keras.ops.convert_to_numpy, (past, future))
    if past.ndim != 5 or future.ndim != 5:
        raise ValueError(
            "Past and future must have the shape (batch, time, height, width, "
            f"channels). Received: shapes {past.shape} and {future.shape}"
        )
    if past.shape[1] < model.context or future.shape[1] != model.horizon:
        raise ValueError(
            f"The model is scored on {model.context} past frames and "
            f"{model.horizon} future frames. Received: {past.shape[1]} past "
            f"and {future.shape[1]} future frames"
        )
    past = past[:, : model.context]
    for name, frames in (("past", past), ("future", future)):
        check_floats(frames, name)
        check_values(frames, name, allow_nan=True)
    return past, future, known


def _predict_all(model, past, batch_size, covariates=None):
    """Return all predictions as a NumPy array."""
    x = past if covariates is None else (past, covariates)
    if _has_warmup(model):
        predictions = model.predict_all(x, batch_size=batch_size)
    else:
        predictions = model.predict(x, batch_size=batch_size, verbose=0)
    return keras.ops.convert_to_numpy(predictions)


def _check_predictions(predictions, model):
    """Refuse NaN and infinity."""
    if not np.all(np.isfinite(predictions)):
        raise ValueError(
            "A prediction is not finite and has no score; check the model's "
            "weights and its input. Received: NaN or infinity from "
            f"{getattr(model, 'name', model)!r}"
        )
    return predictions


def _number(value):
    return None if np.isnan(value) else float(value)
