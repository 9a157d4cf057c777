"""Forecasts of recordings, by models in files."""

import pathlib

import keras
import numpy as np

from msrnn_keras.models.ms_stack import MSStack
from msrnn_keras.utils.checks import check_positive
from msrnn_keras.utils.weights_file import check_weights_file


def load_model(path):
    """Load a model from a `.keras` file, uncompiled.

    Args:
        path: Path of the file.

    Returns:
        `MSStack`.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it holds no such model, or a weight that is not a
            finite floating-point number.

    Example:
    >>> model = load_model("model.keras")
    """
    path = pathlib.Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f"There is no such file. Received: {str(path)!r}"
        )
    try:
        model = keras.saving.load_model(path, compile=False)
    except Exception as error:
        raise ValueError(
            f"The file cannot be loaded as a Keras model ({error}). "
            f"Received: {str(path)!r}"
        ) from error
    if not isinstance(model, MSStack):
        raise ValueError(
            "The model must be of this package, an MSStack. Received: "
            f"{type(model).__name__} in {str(path)!r}"
        )
    check_weights_file(path)
    return model


def forecast_recordings(model, recordings, horizon=None, last=None):
    """Forecast what comes after recordings.

    Args:
        model: `MSStack`.
        recordings: List of `msrnn_keras.data.Recording` of one size.
        horizon: Integer, frames to forecast; None is the model's own.
        last: Integer, how many frames at the end of each are the past, even
            across a gap. None is all after the last gap, which must be as
            many as the model's `context`; without a gap, all.

    Returns:
        Tuple of the past and the forecast, pixels `(clips, time, height,
        width, channels)`.

    Raises:
        ValueError: If the frames have other channels than the model, are
            fewer than `last`, too few follow the last gap, or they hold
            missing pixels that the model is not built for; or if the model
            computes a frame that is not finite.

    Example:
    >>> past, forecast = forecast_recordings(model, [recording], horizon=12)
    """
    frames = min(map(len, recordings))
    if last is None:
        last = min(_after_gap(x, model.context) for x in recordings)
    check_positive("last", last)
    if last > frames:
        raise ValueError(
            f"There must be {last} frames to take the last {last}. "
            f"Received: {frames} frames"
        )
    _check_channels(model, recordings[0])
    past = np.stack([x.pixels(len(x) - last, len(x)) for x in recordings])
    _check_missing(model, past)
    forecast = model.forecast(past, horizon=horizon)
    _check_finite(forecast)
    return past, forecast


def _check_finite(forecast):
    finite = np.isfinite(forecast).all(axis=(0, 2, 3, 4))
    if not finite.all():
        raise ValueError(
            "The model computed frames that are not finite; ask for fewer "
            "(--horizon), or check its weights. Received: NaN or infinity "
            f"from frame {int(finite.argmin()) + 1} of {len(finite)} on"
        )


def _after_gap(recording, context):
    """Return how many frames follow the last gap; refuse too few."""
    start, stop = max(recording.segments, key=lambda x: x[1])
    if start > 0 and stop - start < context:
        gap = f"before frame {start}"
        if recording.times is not None:
            before, after = recording.times[start - 1 : start + 1]
            times = f"{before.astype('M8[s]')} to {after.astype('M8[s]')}"
            gap = f"from {times}, {gap}"
        raise ValueError(
            f"The model needs {context} frames after the last gap; last=N "
            "(--last N) takes the last N frames all the same, even across a "
            f"gap. Received: {stop - start} frame(s) after the gap {gap}"
        )
    return stop - start


def _check_channels(model, recording):
    channels, wanted = recording.image_shape[-1], model.image_shape[-1]
    if channels == wanted:
        return
    remedy = (
        "; read it with gray (--gray)" if (channels, wanted) == (3, 1) else ""
    )
    raise ValueError(
        f"The model takes frames of {wanted} channel(s){remedy}. "
        f"Received: {channels} channel(s)"
    )


def _check_missing(model, past):
    count = int(np.isnan(past).sum())
    if not count:
        return
    empty = np.isnan(past).all(axis=(1, 2, 3, 4))
    if empty.any():
        raise ValueError(
            "A clip must hold at least one pixel that is not missing. "
            f"Received: nothing but NaN in clip {int(empty.argmax())}"
        )
    if getattr(model, "missing", None) is None:
        raise ValueError(
            "Missing pixels (NaN) need a model built with missing='mask'; or "
            "give the value that stands for them with fill (--fill VALUE). "
            f"Received: {count} NaN of {past.size} pixels"
        )
