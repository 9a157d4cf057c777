"""The sequence grid: input, truth, forecasts and error, over time."""

import numpy as np

from msrnn_keras.plots.clips import check_clips, check_forecasts
from msrnn_keras.plots.colors import error_style, gray_style
from msrnn_keras.plots.grid import Block, Row, draw_grid
from msrnn_keras.plots.times import check_interval, future_columns, past_columns


def plot_forecast(past, future, forecast, interval=1, unit="frame", title=None):
    """Draw forecasts of one clip: input, truth, forecast and error, over time.

    At most ten frames are shown of the input and of the forecast each, evenly
    spaced. Every column carries its time relative to the last input frame.
    The error is forecast minus truth, averaged over the channels; it is shown
    for a single forecast (`plot_errors` shows those of several models).
    Missing pixels (NaN) are violet-gray.

    Args:
        past: Input frames of one clip, (time, height, width, channels), in
            [0, 1], with 1 channel or 3 (RGB).
        future: True frames after them, (horizon, height, width, channels), or
            None where they are not known.
        forecast: Forecast frames, of the same shape as `future`, or a dict
            from the name of each model to its forecast.
        interval: Time between two frames, in `unit`.
        unit: Name of the unit of time. "frame" labels the columns t−1, t0,
            t+1; any other gives labels such as "+5 min".
        title: Title of the figure.

    Returns:
        A `matplotlib.figure.Figure`; `figure.savefig(path)` writes it.

    Raises:
        ValueError: If a clip has a wrong shape, the clips do not fit each
            other, there is no forecast, or `interval` is not positive.

    Example:
        >>> forecast = model.predict(past)
        >>> figure = plot_forecast(past[0], future[0], forecast[0])
        >>> figure.savefig("forecast.png")
    """
    single = not isinstance(forecast, dict)
    style = gray_style()
    blocks = sequence_blocks(past, future, forecast, interval, unit, style)
    if single and future is not None:
        past, future, forecast = check_clips(past, future, forecast)
        error = np.mean(np.clip(forecast, 0, 1) - future, axis=-1)
        ahead, _ = future_columns(len(error), interval, unit)
        blocks[1].rows.append(Row("Error", error[ahead], error_style()))
    return draw_grid(blocks, title)


def sequence_blocks(past, future, forecast, interval, unit, style):
    """The blocks of a sequence grid: the input; truth and forecasts.

    Args:
        past: Frames (time, height, width, channels).
        future: Frames (horizon, height, width, channels), or None.
        forecast: Frames like `future`, or a dict of such.
        interval: Time between two frames, in `unit`.
        unit: Name of the unit of time.
        style: `Style` of the frames.

    Returns:
        List of two `Block`.

    Raises:
        ValueError: If the clips do not fit each other, or `interval` is not
            positive.
    """
    future, forecasts = check_forecasts(future, forecast)
    for frames in forecasts.values():
        past, _, _ = check_clips(past, future, frames)
    check_interval(interval)
    back, past_times = past_columns(len(past), interval, unit)
    ahead, times = future_columns(len(frames), interval, unit)
    shown = {} if future is None else {"Truth": future}
    rows = [
        Row(name, frames[ahead], style)
        for name, frames in [*shown.items(), *forecasts.items()]
    ]
    return [
        Block(past_times, [Row("Input", past[back], style)]),
        Block(times, rows),
    ]
