"""Checks of clips before they are drawn, and their units."""

import keras
import numpy as np

from msrnn_keras.utils.checks import filled


def check_clips(past, future, forecast):
    """Check one clip; return the past, the truth and a dict of forecasts."""
    future, forecasts = check_forecasts(future, forecast)
    past = check_clip(past, "past")
    shape = next(iter(forecasts.values())).shape
    if past.shape[1:] != shape[1:]:
        raise ValueError(
            "`past` and `forecast` must have frames of one shape. Received: "
            f"shapes {past.shape} and {shape}"
        )
    return past, future, forecasts


def check_forecasts(future, forecast):
    """Check forecasts and truth; return the truth and a dict of forecasts."""
    if not isinstance(forecast, dict):
        forecast = {"Forecast": forecast}
    if not forecast:
        raise ValueError(
            "`forecast` needs at least one forecast. Received: forecast={}"
        )
    forecasts = {k: check_clip(x, "forecast") for k, x in forecast.items()}
    expected = next(iter(forecasts.values())).shape
    if future is not None:
        future = check_clip(future, "future")
        expected = future.shape
    for name, frames in forecasts.items():
        if frames.shape != expected:
            raise ValueError(
                "`future` and `forecast` must have the same shape, and all "
                f"forecasts. Received: shapes {expected} and {frames.shape} "
                f"for {name!r}"
            )
    return future, forecasts


def check_clip(frames, name):
    """Check one clip of floats with 1 or 3 channels; masked values are NaN."""
    frames = np.asarray(filled(frames))
    if frames.ndim != 4 or 0 in frames.shape:
        raise ValueError(
            f"`{name}` must be one clip, (time, height, width, channels), "
            f"without a batch axis. Received: shape {frames.shape}"
        )
    if frames.shape[-1] not in (1, 3):
        raise ValueError(
            f"`{name}` must have 1 channel or 3 (RGB); pass one channel, such "
            f"as {name}[..., :1]. Received: {frames.shape[-1]} channels"
        )
    if not np.issubdtype(frames.dtype, np.floating):
        raise ValueError(
            f"`{name}` must hold floats. Received: dtype {frames.dtype}"
        )
    return frames


def check_ensemble(members, future):
    """Check an ensemble of one clip and its truth, or None; return both."""
    members = np.asarray(filled(members))
    if members.ndim != 5 or 0 in members.shape:
        raise ValueError(
            "`members` must be the ensemble of one clip, (members, time, "
            "height, width, channels), without a batch axis. "
            f"Received: shape {members.shape}"
        )
    shape = check_clip(members[0], "members").shape
    if future is None:
        return members, None
    future = check_clip(future, "future")
    if future.shape != shape:
        raise ValueError(
            "`future` and each of the `members` must have the same shape. "
            f"Received: shapes {future.shape} and {shape}"
        )
    return members, future


def in_units(frames, scaling):
    """Turn frames into the units of the data; None leaves them unchanged."""
    if scaling is None:
        return frames
    return keras.ops.convert_to_numpy(scaling.inverse(frames))
