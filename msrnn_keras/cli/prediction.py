"""Forecast what follows recordings."""

import contextlib
import warnings

import numpy as np

from msrnn_keras.models.lagrangian import Lagrangian
from msrnn_keras.utils.checks import check_not_empty, check_positive
from msrnn_keras.utils.matching import probability_match


def forecast_recordings(
    model,
    recordings,
    horizon=None,
    last=None,
    matched=False,
    members=None,
    seed=0,
):
    """Return `(past, forecast)`, pixels of the frames that follow recordings.

    The past is the `last` frames of each recording, even across a gap; by
    default all frames after the last gap, at least the model's `context`.
    `matched` gives the forecast the values of the (moved) last frame;
    `members` and `seed` are those of `Forecaster.forecast`.
    """
    frames = min(map(len, recordings))
    if last is None:
        last = min(_after_gap(x, model.context) for x in recordings)
    check_positive("last", last)
    if last > frames:
        raise ValueError(
            f"The recording must have `last` frames or more, {last}. "
            f"Received: {frames} frames"
        )
    _check_channels(model, recordings[0])
    past = np.stack([x.pixels(len(x) - last, len(x)) for x in recordings])
    _check_missing(model, past)
    options = {"horizon": horizon, "members": members, "seed": seed}
    if isinstance(model, Lagrangian):
        forecast = model.forecast(past, matched=matched or None, **options)
    else:
        forecast = model.forecast(past, **options)
        if matched:
            forecast = _matched(forecast, past[:, -1:])
    _check_finite(forecast)
    return past, forecast


def _matched(forecast, last):
    """Give a forecast, perhaps with members, the values of the last frame."""
    clips = forecast.reshape(-1, *forecast.shape[-4:])
    last = np.repeat(last, len(clips) // len(last), axis=0)
    return probability_match(clips, last).reshape(forecast.shape)


@contextlib.contextmanager
def warnings_as_lines(log):
    """Give `log` the texts of warnings without the lines of code."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", UserWarning)
        yield
    for warning in caught:
        log(str(warning.message))


def _check_finite(forecast):
    frames = np.moveaxis(np.isfinite(forecast), -4, 0)
    finite = frames.reshape(len(frames), -1).all(axis=1)
    if not finite.all():
        raise ValueError(
            "The model computed frames that are not finite; shorten the "
            "forecast (--horizon), or check the weights. Received: NaN or "
            f"infinity from frame {int(finite.argmin()) + 1} of {len(finite)}"
        )


def _after_gap(recording, context):
    """Return the number of frames after the last gap; refuse too few."""
    start, stop = max(recording.segments, key=lambda x: x[1])
    if start > 0 and stop - start < context:
        gap = f"before frame {start}"
        if recording.times is not None:
            before, after = recording.times[start - 1 : start + 1]
            times = f"{before.astype('M8[s]')} to {after.astype('M8[s]')}"
            gap = f"from {times}, {gap}"
        raise ValueError(
            f"The model needs {context} frames after the last gap; last=N "
            "(--last N) takes the last N frames even across a gap. "
            f"Received: {stop - start} frame(s) after the gap {gap}"
        )
    return stop - start


def _check_channels(model, recording):
    channels, wanted = recording.image_shape[-1], model.image_shape[-1]
    if channels != wanted:
        gray = (channels, wanted) == (3, 1)
        remedy = "; read the video with gray=True (--gray)" if gray else ""
        raise ValueError(
            f"The model takes frames of {wanted} channel(s){remedy}. "
            f"Received: {channels} channel(s)"
        )


def _check_missing(model, past):
    check_not_empty(past)
    count = int(np.isnan(past).sum())
    if count and getattr(model, "missing", None) is None:
        raise ValueError(
            "Missing pixels (NaN) need a model built with missing='mask'; or "
            "replace them with fill=VALUE (--fill VALUE). "
            f"Received: {count} NaN of {past.size} pixels"
        )
