"""Scores a model, or a baseline, on a data set under both protocols.

Two ways of counting frames exist, and their numbers must not be compared:

- `forecast`: the `horizon` frames after the context;
- `ms-rnn`: all context + horizon - 1 predictions, warm-up included.
"""

import keras
import numpy as np

from msrnn_keras import metrics

PROTOCOLS = {
    "forecast": "the forecast frames only",
    "ms-rnn": "all predictions, those of the input frames included",
}

_SCORES = {
    "mse": metrics.frame_mse,
    "mae": metrics.frame_mae,
    "ssim": metrics.frame_ssim,
    "psnr": metrics.frame_psnr,
    "mse_unclipped": lambda y, p: metrics.frame_mse(y, p, clip=False),
}
_AT_ONCE = 4  # clips; the many maps of the SSIM then fit a processor's cache
_DIGITS = {"mse": 2, "mae": 2, "ssim": 4, "psnr": 2}


def evaluate(model, dataset, batch_size=16, verbose=0):
    """Score a model on a data set, both protocols from one rollout.

    The model sees the first `context` frames of each clip and nothing else.
    Sums are kept per lead time in float64, so memory does not grow with the
    number of clips.

    Args:
        model: A model, or anything with `context`, `horizon` and
            `rollout(frames, batch_size=...)`, such as
            `msrnn_keras.baselines.Persistence`.
        dataset: A pair of arrays (past, future), or batches of such pairs: a
            `keras.utils.PyDataset` or any finite iterable. Past: (batch,
            time >= context, height, width, channels); future: (batch,
            horizon, height, width, channels), NaN for missing pixels.
        batch_size: Clips per rollout. Batches of a data set keep their size.
        verbose: 1 shows a progress bar, 0 nothing.

    Returns:
        A dict: "forecast" and "ms-rnn", each with "mse", "mae", "ssim",
        "psnr" and "mse_unclipped" (the others clip predictions to [0, 1]);
        "curves", the same scores for each lead time of the forecast; and
        "clips", their number. A score is None where every pixel is missing.

    Raises:
        TypeError: If `model` cannot be rolled out.
        ValueError: If the data do not fit the model, are empty or endless, or
            a prediction is not finite.

    Example:
        >>> from msrnn_keras.baselines import Persistence
        >>> past = np.zeros((3, 4, 16, 16, 1))
        >>> future = np.full((3, 2, 16, 16, 1), 0.5)
        >>> scores = evaluate(Persistence(4, 2), (past, future))
        >>> scores["forecast"]["mse"], scores["clips"]
        (64.0, 3)
    """
    _check_model(model)
    frames = model.context + model.horizon - 1
    sums = {key: np.zeros(frames) for key in _SCORES}
    counts = {key: np.zeros(frames) for key in _SCORES}
    clips = 0
    batches, total = _batches(dataset, batch_size)
    progress = keras.utils.Progbar(total, verbose=verbose, unit_name="batch")
    for batch in batches:
        past, future = _check_batch(batch, model)
        predictions = _rollout(model, past, batch_size)
        truth = np.concatenate([past[:, 1:], future], axis=1)
        for key, score in _SCORES.items():
            values = _score(score, truth, predictions)
            sums[key] += np.nansum(values, axis=0)
            counts[key] += np.sum(~np.isnan(values), axis=0)
        clips += len(past)
        progress.add(1)
    if clips == 0:
        raise ValueError("`dataset` holds no clips. Received: 0 clips")
    return _summary(sums, counts, model.horizon, clips)


def score_table(rows, protocol="forecast"):
    """Lay scores out as a text table, one protocol at a time.

    Args:
        rows: A dict from the name of each model to what `evaluate` gave for
            it. Scores that are missing are shown as "-".
        protocol: "forecast" or "ms-rnn".

    Returns:
        A string: a caption that names the protocol, a header, and one line
        per model with MSE, MAE, SSIM and PSNR.

    Raises:
        ValueError: If the protocol is unknown.

    Example:
        >>> print(score_table({"a": {"forecast": {"mse": 30.0}}}))
        Protocol forecast: the forecast frames only
        Model    MSE  MAE  SSIM  PSNR
        a      30.00    -     -     -
    """
    if protocol not in PROTOCOLS:
        raise ValueError(
            f"`protocol` must be one of {sorted(PROTOCOLS)}. "
            f"Received: protocol={protocol!r}"
        )
    table = [("Model", *(key.upper() for key in _DIGITS))]
    for name, result in rows.items():
        scores = result.get(protocol, {})
        cells = (_cell(scores.get(key), _DIGITS[key]) for key in _DIGITS)
        table.append((name, *cells))
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    lines = [f"Protocol {protocol}: {PROTOCOLS[protocol]}"]
    for row in table:
        name, *cells = map(str.rjust, row, widths)
        lines.append("  ".join([row[0].ljust(len(name)), *cells]))
    return "\n".join(lines)


def _cell(value, digits):
    return "-" if value is None else f"{value:.{digits}f}"


def _score(score, truth, predictions):
    """Give the scores of all frames of a batch in float64, a few clips each."""
    pieces = [
        keras.ops.convert_to_numpy(
            score(truth[i : i + _AT_ONCE], predictions[i : i + _AT_ONCE])
        )
        for i in range(0, len(truth), _AT_ONCE)
    ]
    return np.concatenate(pieces).astype("float64")


def _check_model(model):
    for attribute in ("context", "horizon", "rollout"):
        if not hasattr(model, attribute):
            raise TypeError(
                "`model` needs `context`, `horizon` and `rollout`. "
                f"Received: model={model!r}, without `{attribute}`"
            )


def _batches(dataset, batch_size):
    """Give an iterable of batches and their number, None if unknown."""
    if isinstance(dataset, tuple):
        return _array_batches(dataset, batch_size)
    if isinstance(dataset, keras.utils.PyDataset):
        number = dataset.num_batches
        if number is None:
            raise ValueError(
                "An endless data set cannot be scored; give it a length. "
                f"Received: dataset={dataset!r}"
            )
        return (dataset[i] for i in range(number)), number
    return dataset, None


def _array_batches(arrays, batch_size):
    if len(arrays) != 2 or len(arrays[0]) != len(arrays[1]):
        raise ValueError(
            "Arrays must come as a pair (past, future) with as many clips in "
            "each. Received: a tuple of lengths "
            f"{tuple(len(array) for array in arrays)}"
        )
    past, future = arrays
    starts = range(0, len(past), batch_size)
    pairs = (
        (past[i : i + batch_size], future[i : i + batch_size]) for i in starts
    )
    return pairs, len(starts)


def _check_batch(batch, model):
    """Give the context and the future of a batch as numpy arrays."""
    if not isinstance(batch, (tuple, list)) or len(batch) != 2:
        raise ValueError(
            "A data set must yield pairs (past, future). "
            f"Received: a batch of type {type(batch).__name__}"
        )
    past, future = (keras.ops.convert_to_numpy(part) for part in batch)
    if past.ndim != 5 or future.ndim != 5:
        raise ValueError(
            "Past and future must have the shape (batch, time, height, "
            f"width, channels). Received: shapes {past.shape} and "
            f"{future.shape}"
        )
    if past.shape[1] < model.context or future.shape[1] != model.horizon:
        raise ValueError(
            f"The model is scored on {model.context} past frames and "
            f"{model.horizon} future frames. Received: {past.shape[1]} past "
            f"and {future.shape[1]} future frames"
        )
    return past[:, : model.context], future


def _rollout(model, past, batch_size):
    predictions = model.rollout(past, batch_size=batch_size)
    predictions = keras.ops.convert_to_numpy(predictions)
    if not np.all(np.isfinite(predictions)):
        raise ValueError(
            "A prediction that is not finite has no score; check the model's "
            "weights and its input. Received: NaN or infinity from "
            f"{getattr(model, 'name', model)!r}"
        )
    return predictions


def _summary(sums, counts, horizon, clips):
    def means(frames):
        return {
            key: _ratio(sums[key][frames].sum(), counts[key][frames].sum())
            for key in sums
        }

    def curve(key):
        pairs = zip(sums[key], counts[key], strict=True)
        return [_ratio(total, count) for total, count in pairs][-horizon:]

    return {
        "forecast": means(slice(-horizon, None)),
        "ms-rnn": means(slice(None)),
        "curves": {key: curve(key) for key in sums},
        "clips": clips,
    }


def _ratio(total, count):
    return float(total / count) if count else None
