"""Scores a model, or a baseline, on a data set under both protocols.

Two ways of counting frames exist, and their numbers must not be compared:

- `forecast`: the `horizon` frames after the context;
- `ms-rnn`: all context + horizon - 1 predictions, warm-up included.
"""

import keras
import numpy as np

from msrnn_keras.metrics.tallies import make_tallies
from msrnn_keras.utils.checks import check_floats, check_values, filled
from msrnn_keras.utils.tables import aligned

PROTOCOLS = {
    "forecast": "the forecast frames only",
    "ms-rnn": "all predictions, those of the input frames included",
}

_AT_ONCE = 4  # clips; the many maps of the SSIM then fit a processor's cache
_COLUMNS = ("mse", "mae", "ssim", "psnr")
_IN_PIXELS = ("mse", "mae", "psnr", "gdl", "balanced")


def evaluate(
    model,
    dataset,
    batch_size=16,
    verbose=0,
    scores=None,
    thresholds=None,
    scaling=None,
    windows=None,
):
    """Score a model on a data set, both protocols from one rollout.

    The model sees the first `context` frames of each clip, as they are, and
    nothing else. Sums are kept per lead time in float64, so memory does not
    grow with the number of clips.

    Frames must lie in [0, 1], because predictions are clipped to that before
    they are scored. Other frames are refused, except with `scores=
    ["mse_unclipped"]` alone, which is the MSE at any scale.

    Args:
        model: A model, or anything with `context`, `horizon` and
            `predict_all(frames, batch_size=...)`, such as
            `msrnn_keras.baselines.Persistence`.
        dataset: A pair of arrays (past, future), or batches of such pairs: a
            `keras.utils.PyDataset` or any finite iterable. Past: (batch,
            time >= context, height, width, channels); future: (batch,
            horizon, height, width, channels), floats. NaN or a masked pixel
            (`numpy.ma`) is missing, in the past for the predictions of the
            past frames.
        batch_size: Clips per rollout. Batches of a data set keep their size.
        verbose: 1 shows a progress bar, 0 nothing.
        scores: Names out of "mse", "mae", "ssim", "psnr", "mse_unclipped",
            "gdl", "balanced_mse", "balanced_mae" and "lpips" (it needs the
            extra of that name). All but "mse_unclipped" clip predictions to
            [0, 1]. None means the first five, and no SSIM (None) for frames
            smaller than 11 x 11.
        thresholds: Numbers in the units of the data, for POD, FAR, CSI, HSS.
        scaling: An object with `inverse`, from pixels to the units of the
            data, such as mm/h. None takes `dataset.scaling` if there is one;
            otherwise pixels are compared with the thresholds as they are.
        windows: Sides of windows in pixels, for the FSS at each threshold.

    Returns:
        A dict: "forecast" and "ms-rnn", each a dict of the scores; "curves",
        the same scores for each lead time of the forecast; and "clips", their
        number. The scores of a threshold of 0.5 are "pod_0.5", "far_0.5",
        "csi_0.5", "hss_0.5", and "fss_0.5_10" with a window of 10. A score is
        None where every pixel is missing.

    Raises:
        TypeError: If `model` cannot be rolled out, frames are not
            floating-point, or `scaling` has no `inverse`.
        ValueError: If the data do not fit the model, are empty or endless, or
            leave [0, 1], a prediction or a threshold is not finite, or a
            score is unknown.

    Example:
        >>> from msrnn_keras.baselines import Persistence
        >>> past = np.zeros((3, 4, 16, 16, 1))
        >>> future = np.full((3, 2, 16, 16, 1), 0.5)
        >>> scores = evaluate(Persistence(4, 2), (past, future))
        >>> scores["forecast"]["mse"], scores["clips"]
        (64.0, 3)
    """
    _check_model(model)
    if scaling is None:
        scaling = getattr(dataset, "scaling", None)
    tallies = make_tallies(scores, thresholds, windows, scaling)
    sums = [0.0] * len(tallies)
    clips = 0
    batches, total = _batches(dataset, batch_size)
    progress = keras.utils.Progbar(total, verbose=verbose, unit_name="batch")
    for batch in batches:
        past, future = _check_batch(batch, model)
        predictions = _predict_all(model, past, batch_size)
        truth = np.concatenate([past[:, 1:], future], axis=1)
        for index, tally in enumerate(tallies):
            sums[index] = sums[index] + _sums(tally, truth, predictions)
        clips += len(past)
        progress.add(1)
    if clips == 0:
        raise ValueError("`dataset` holds no clips. Received: 0 clips")
    return _summary(tallies, sums, model.horizon, clips)


def score_table(rows, protocol="forecast", columns=None):
    """Lay scores out as a text table, one protocol at a time.

    Args:
        rows: A dict from the name of each model to what `evaluate` gave for
            it. Scores that are missing are shown as "-".
        protocol: "forecast" or "ms-rnn".
        columns: Keys of the scores to show, such as "csi_0.5". None means
            MSE, MAE, SSIM and PSNR.

    Returns:
        A string: a caption that names the protocol, a header, and one line
        per model.

    Raises:
        ValueError: If the protocol is unknown, or `columns` a string.

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
    if isinstance(columns, str):
        raise ValueError(
            "`columns` must be a list of scores, such as ['mse']. "
            f"Received: columns={columns!r}"
        )
    columns = _COLUMNS if columns is None else columns
    table = [("Model", *(key.upper().replace("_", " ") for key in columns))]
    for name, result in rows.items():
        scores = result.get(protocol, {})
        table.append((name, *(_cell(key, scores.get(key)) for key in columns)))
    caption = f"Protocol {protocol}: {PROTOCOLS[protocol]}"
    return "\n".join([caption, *aligned(table)])


def _cell(key, value):
    digits = 2 if key.startswith(_IN_PIXELS) else 4
    return "-" if value is None else f"{value:.{digits}f}"


def _sums(tally, truth, predictions):
    """Add up the frames of a batch per lead time, a few clips each."""
    parts = range(0, len(truth), _AT_ONCE)
    return sum(
        tally.frame_sums(
            truth[i : i + _AT_ONCE], predictions[i : i + _AT_ONCE]
        ).sum(axis=0)
        for i in parts
    )


def _check_model(model):
    for attribute in ("context", "horizon", "predict_all"):
        if not hasattr(model, attribute):
            raise TypeError(
                "`model` needs `context`, `horizon` and `predict_all`. "
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
    past, future = (keras.ops.convert_to_numpy(filled(part)) for part in batch)
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
    past = past[:, : model.context]
    for name, frames in (("past", past), ("future", future)):
        check_floats(frames, name)
        check_values(frames, name, allow_nan=True)
    return past, future


def _predict_all(model, past, batch_size):
    predictions = model.predict_all(past, batch_size=batch_size)
    predictions = keras.ops.convert_to_numpy(predictions)
    if not np.all(np.isfinite(predictions)):
        raise ValueError(
            "A prediction that is not finite has no score; check the model's "
            "weights and its input. Received: NaN or infinity from "
            f"{getattr(model, 'name', model)!r}"
        )
    return predictions


def _summary(tallies, sums, horizon, clips):
    result = {"forecast": {}, "ms-rnn": {}, "curves": {}, "clips": clips}
    for tally, frames in zip(tallies, sums, strict=True):
        ahead = frames[-horizon:]
        for key, ratio in tally.ratios.items():
            result["forecast"][key] = _number(ratio(ahead.sum(axis=0)))
            result["ms-rnn"][key] = _number(ratio(frames.sum(axis=0)))
            result["curves"][key] = [_number(x) for x in ratio(ahead)]
    return result


def _number(value):
    return None if np.isnan(value) else float(value)
