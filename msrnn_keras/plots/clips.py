"""Checks of the clips that are to be shown."""

import keras
import numpy as np

from msrnn_keras.utils.checks import filled


def check_clips(past, future, forecast):
    """Check the three parts of one clip that is to be shown.

    Args:
        past: Frames, (time, height, width, channels), 1 or 3 channels.
        future: Frames of the same image shape, or None.
        forecast: Frames of the same image shape, as many as `future` has.

    Returns:
        The three as float arrays.

    Raises:
        ValueError: If a shape is wrong or they do not fit each other.
    """
    past = check_clip(past, "past")
    future, forecasts = check_forecasts(future, forecast)
    (forecast,) = forecasts.values()
    if past.shape[1:] != forecast.shape[1:]:
        raise ValueError(
            "`past` and `forecast` must have frames of one shape. Received: "
            f"shapes {past.shape} and {forecast.shape}"
        )
    return past, future, forecast


def check_forecasts(future, forecast):
    """Check the forecasts of one clip, and its truth.

    Args:
        future: Frames, (horizon, height, width, channels), or None.
        forecast: Frames of the same shape, or a dict from the name of each
            model to such frames.

    Returns:
        Tuple `(future, forecasts)`: a float array or None, and a dict of float
        arrays; a single forecast has the name "Forecast".

    Raises:
        ValueError: If there is no forecast, a shape is wrong or they do not
            fit each other.
    """
    if not isinstance(forecast, dict):
        forecast = {"Forecast": forecast}
    if not forecast:
        raise ValueError(
            "`forecast` needs one forecast at least. Received: forecast={}"
        )
    forecasts = {
        name: check_clip(frames, "forecast")
        for name, frames in forecast.items()
    }
    first = next(iter(forecasts.values()))
    if future is not None:
        future = check_clip(future, "future")
    for name, frames in forecasts.items():
        if future is not None and future.shape != frames.shape:
            raise ValueError(
                "`future` and `forecast` must have the same shape. Received: "
                f"shapes {future.shape} and {frames.shape} for {name!r}"
            )
        if frames.shape != first.shape:
            raise ValueError(
                "All forecasts must have the same shape. Received: shapes "
                f"{first.shape} and {frames.shape} for {name!r}"
            )
    return future, forecasts


def check_clip(frames, name):
    """Check one clip that is to be shown.

    Args:
        frames: Frames, (time, height, width, channels), floats.
        name: Name of the argument, for the message.

    Returns:
        The clip as a float array.

    Raises:
        ValueError: If it is not one clip of floats with 1 or 3 channels.
    """
    frames = np.asarray(filled(frames))
    if frames.ndim != 4 or 0 in frames.shape:
        raise ValueError(
            f"`{name}` must be one clip, (time, height, width, channels), "
            f"without a batch axis. Received: shape {frames.shape}"
        )
    if frames.shape[-1] not in (1, 3):
        raise ValueError(
            f"`{name}` needs 1 channel or 3 (RGB) to be shown; pass one "
            f"channel, such as {name}[..., :1]. "
            f"Received: {frames.shape[-1]} channels"
        )
    if not np.issubdtype(frames.dtype, np.floating):
        raise ValueError(
            f"`{name}` must hold floats. Received: dtype {frames.dtype}"
        )
    return frames


def check_one_channel(frames, name):
    """Check that a clip has one channel.

    Args:
        frames: Array (time, height, width, channels).
        name: Name of the argument, for the message.

    Raises:
        ValueError: If it has more.
    """
    if frames.shape[-1] != 1:
        raise ValueError(
            f"`{name}` needs 1 channel, the rain rate. "
            f"Received: {frames.shape[-1]} channels"
        )


def in_units(frames, scaling):
    """Turn frames into the units of the data.

    Args:
        frames: Array of floats.
        scaling: Object with `inverse(frames)`, such as the data set's, or
            None: the frames as they are.

    Returns:
        A float array of the same shape.
    """
    if scaling is None:
        return frames
    return keras.ops.convert_to_numpy(scaling.inverse(frames))
