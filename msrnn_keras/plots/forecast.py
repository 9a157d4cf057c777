"""Sequence grids: forecasts, rain and error maps over time."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from msrnn_keras.plots import clips
from msrnn_keras.plots.colors import error_style, gray_style, rain_style
from msrnn_keras.plots.grid import Block, Row, draw_grid
from msrnn_keras.plots.times import check_above_0, future_columns
from msrnn_keras.utils.typing import HasInverse

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SHOWN = 99.5  # percent of the errors lie within the color bar


def plot_forecast(
    past: npt.ArrayLike,
    future: npt.ArrayLike | None,
    forecast: npt.ArrayLike | dict[str, Any],
    interval: float = 1,
    unit: str = "frame",
    title: str | None = None,
) -> "Figure":
    """Draw forecasts of one clip: input, ground truth, forecast and error.

    At most ten evenly spaced frames of the input and of the forecast each are
    drawn. The error of a single forecast is drawn, as in `plot_errors`.

    Args:
        past: Input frames of one clip, (time, height, width, channels), in
            [0, 1], with 1 channel or 3 (RGB).
        future: True frames after them, or None if they are unknown.
        forecast: Forecast frames after them, or a dict from names to those.
        interval: Time between two frames, in `unit`.
        unit: Name of the unit of time: "frame" for t+1, "min" for +5 min.
        title: Title of the figure.

    Returns:
        A `matplotlib.figure.Figure`.

    Raises:
        ValueError: If shapes do not match or `interval` is not positive.

    Example:
        >>> figure = plot_forecast(past[0], future[0], forecast[0])
        >>> figure.savefig("forecast.png")
    """
    style = gray_style()
    blocks = _blocks(past, future, forecast, interval, unit, style)
    if not isinstance(forecast, dict) and future is not None:
        future, forecasts = clips.check_forecasts(future, forecast)
        frames = np.clip(forecasts.popitem()[1], 0, 1)
        error = np.mean(frames - future, axis=-1)
        ahead, _ = future_columns(len(error), interval, unit)
        blocks[1].rows.append(Row("Error", error[ahead], error_style()))
    return draw_grid(blocks, title)


def plot_radar(
    past: npt.ArrayLike,
    future: npt.ArrayLike | None,
    forecast: npt.ArrayLike | dict[str, Any],
    interval: float = 5,
    unit: str = "min",
    title: str | None = None,
    extent: Sequence[float] | None = None,
) -> "Figure":
    """Draw forecasts of rain in radar colors: input, ground truth, forecast.

    The classes are `RAIN_LEVELS` in `RAIN_COLORS`; less rain is white, pixels
    without data (NaN) are gray.

    Args:
        past: Input frames of one clip, (time, height, width, 1), mm/h.
        future: As in `plot_forecast`.
        forecast: As in `plot_forecast`.
        interval: As in `plot_forecast`.
        unit: As in `plot_forecast`.
        title: As in `plot_forecast`.
        extent: Tuple (left, right, bottom, top) in km; None draws no axes.

    Returns:
        A `matplotlib.figure.Figure`.

    Raises:
        ValueError: If shapes, channels, `interval` or `extent` are wrong.

    Example:
        >>> figure = plot_radar(past[0], None, scaling.inverse(forecast)[0])
    """
    channels = clips.check_clip(past, "past").shape[-1]
    if channels != 1:
        raise ValueError(
            "`past` must have 1 channel, the rain rate. "
            f"Received: {channels} channels"
        )
    check_extent(extent)
    style = rain_style()
    blocks = _blocks(past, future, forecast, interval, unit, style)
    return draw_grid(blocks, title, extent)


def plot_errors(
    future: npt.ArrayLike,
    forecast: npt.ArrayLike | dict[str, Any],
    interval: float = 1,
    unit: str = "frame",
    title: str | None = None,
    scaling: HasInverse | None = None,
    units: str | None = None,
    clip: bool = True,
    limit: float | None = None,
) -> "Figure":
    """Draw signed error maps of one clip, one row per model.

    The error is forecast minus truth, averaged over the channels: red is too
    high, blue too low. Missing pixels (NaN) are violet-gray.

    Args:
        future: True frames, (horizon, height, width, channels).
        forecast: Forecast frames of that shape, or a dict from names to those.
        interval: As in `plot_forecast`.
        unit: As in `plot_forecast`.
        title: As in `plot_forecast`.
        scaling: `Scaling` whose `inverse` gives the units of the data, or None.
        units: Name of the units. None is the `unit` of `scaling`, if any.
        clip: Whether forecasts are clipped to [0, 1] first, as for scores.
        limit: Error of full color. None is 1 for clipped frames without
            `scaling`, else the 99.5th percentile of the errors.

    Returns:
        A `matplotlib.figure.Figure`.

    Raises:
        ValueError: If shapes do not match, or a number is not positive.

    Example:
        >>> figure = plot_errors(future[0], {"a": a[0], "b": b[0]})
    """
    if future is None:
        raise ValueError(
            "An error needs the truth; pass `future`. Received: future=None"
        )
    future, forecasts = clips.check_forecasts(future, forecast)
    check_above_0("interval", interval)
    if limit is not None:
        check_above_0("limit", limit)
    units = getattr(scaling, "unit", None) if units is None else units
    truth = clips.in_units(future, scaling)
    errors = {}
    for name, frames in forecasts.items():
        frames = np.clip(frames, 0, 1) if clip else frames
        errors[name] = np.mean(clips.in_units(frames, scaling) - truth, axis=-1)
    if limit is None:
        limit = 1.0 if clip and scaling is None else _limit(errors.values())
    beyond = any((np.abs(error) > limit).any() for error in errors.values())
    style = error_style(limit, f"Error ({units})" if units else "Error", beyond)
    ahead, times = future_columns(len(future), interval, unit)
    rows = [Row(name, error[ahead], style) for name, error in errors.items()]
    return draw_grid([Block(times, rows)], title)


def _blocks(past, future, forecast, interval, unit, style):
    past, future, forecasts = clips.check_clips(past, future, forecast)
    check_above_0("interval", interval)
    drawn = [*forecasts.items()]
    if future is not None:
        drawn.insert(0, ("Truth", future))
    begin = 1 - len(past)
    back, past_times = future_columns(len(past), interval, unit, begin)
    ahead, times = future_columns(len(drawn[0][1]), interval, unit)
    rows = [Row(name, frames[ahead], style) for name, frames in drawn]
    return [
        Block(past_times, [Row("Input", past[back], style)]),
        Block(times, rows),
    ]


def _limit(errors):
    sizes = np.abs(np.concatenate([error.ravel() for error in errors]))
    sizes = sizes[np.isfinite(sizes) & (sizes > 0)]
    return float(np.percentile(sizes, _SHOWN)) if len(sizes) else 1.0


def check_extent(extent):
    """Refuse an extent of maps that is not ordered; None is no extent."""
    if extent is None:
        return
    low, high = extent[::2], extent[1::2]
    if len(extent) != 4 or not (low[0] < high[0] and low[1] < high[1]):
        raise ValueError(
            "`extent` must be (left, right, bottom, top), in km, left below "
            f"right and bottom below top. Received: extent={extent}"
        )
