"""Rain in the colors of weather radar."""

from msrnn_keras.plots.clips import check_clip, check_one_channel
from msrnn_keras.plots.colors import rain_style
from msrnn_keras.plots.forecast import sequence_blocks
from msrnn_keras.plots.grid import draw_grid


def plot_radar(
    past, future, forecast, interval=5, unit="min", title=None, extent=None
):
    """Draw forecasts of rain: input, truth and forecasts, over time.

    The classes are `RAIN_LEVELS` in `RAIN_COLORS`; less than the first level
    is white, pixels without data (NaN) are gray. At most ten frames are shown
    of the input and of the forecast each.

    Args:
        past: Input frames of one clip, (time, height, width, 1), mm/h.
        future: True frames after them, (horizon, height, width, 1), mm/h, or
            None where they are not known.
        forecast: Forecast frames, of the same shape as `future`, or a dict
            from the name of each model to its forecast.
        interval: Time between two frames, in `unit`.
        unit: Name of the unit of time.
        title: Title of the figure.
        extent: Tuple (left, right, bottom, top) of the map, km. None shows
            no axes.

    Returns:
        A `matplotlib.figure.Figure`.

    Raises:
        ValueError: If a clip has a wrong shape or more than one channel, the
            clips do not fit each other, `interval` is not positive or
            `extent` is empty.

    Example:
        >>> rain = scaling.inverse(forecast)
        >>> extent = (0, 128, 0, 128)
        >>> figure = plot_radar(past[0], None, rain[0], extent=extent)
    """
    check_one_channel(check_clip(past, "past"), "past")
    _check_extent(extent)
    style = rain_style()
    blocks = sequence_blocks(past, future, forecast, interval, unit, style)
    return draw_grid(blocks, title, extent)


def _check_extent(extent):
    if extent is None:
        return
    if len(extent) != 4 or not (
        extent[0] < extent[1] and extent[2] < extent[3]
    ):
        raise ValueError(
            "`extent` must be (left, right, bottom, top), in km, left below "
            f"right and bottom below top. Received: extent={extent}"
        )
