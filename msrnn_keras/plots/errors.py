"""Error maps over the lead time."""

import numpy as np

from msrnn_keras.plots.clips import check_forecasts, in_units
from msrnn_keras.plots.colors import error_style
from msrnn_keras.plots.grid import Block, Row, draw_grid
from msrnn_keras.plots.times import check_interval, future_columns

_SHOWN = 99.5  # per cent of the errors lie within the color bar


def plot_errors(
    future,
    forecast,
    interval=1,
    unit="frame",
    title=None,
    scaling=None,
    units=None,
    clip=True,
    limit=None,
):
    """Draw signed error maps of one clip, one row per model.

    The error is forecast minus truth, averaged over the channels: red where
    the forecast is too high, blue where it is too low. All maps share one
    color bar. Missing pixels (NaN) are violet-gray.

    Args:
        future: True frames, (horizon, height, width, channels), with 1
            channel or 3.
        forecast: Forecast frames of the same shape, or a dict from the name
            of each model to its forecast.
        interval: Time between two frames, in `unit`.
        unit: Name of the unit of time.
        title: Title of the figure.
        scaling: Object with `inverse(frames)`, which gives the frames in the
            units of the data, such as the scaling of a data set. None leaves
            them as they are.
        units: Name of the units, shown at the color bar. None is the `unit`
            of `scaling`, where it has one.
        clip: Whether forecasts are clipped to [0, 1] first, as for scores.
        limit: Error of full color. None is 1 for clipped frames without
            `scaling`, else what 99.5 % of the errors do not exceed; an arrow
            at the color bar tells that some do.

    Returns:
        A `matplotlib.figure.Figure`.

    Raises:
        ValueError: If the clips do not fit each other, or `interval` or
            `limit` is not positive.

    Example:
        >>> forecasts = {"model": forecast[0], "persistence": still[0]}
        >>> figure = plot_errors(future[0], forecasts)
    """
    if future is None:
        raise ValueError("An error needs the truth. Received: future=None")
    future, forecasts = check_forecasts(future, forecast)
    check_interval(interval)
    if limit is not None and not limit > 0:
        raise ValueError(f"`limit` must be positive. Received: limit={limit}")
    units = getattr(scaling, "unit", None) if units is None else units
    truth = in_units(future, scaling)
    errors = {}
    for name, frames in forecasts.items():
        frames = np.clip(frames, 0, 1) if clip else frames
        errors[name] = np.mean(in_units(frames, scaling) - truth, axis=-1)
    if limit is None:
        limit = 1.0 if clip and scaling is None else _limit(errors.values())
    style = error_style(
        limit, f"Error ({units})" if units else "Error", _beyond(errors, limit)
    )
    ahead, times = future_columns(len(future), interval, unit)
    rows = [Row(name, error[ahead], style) for name, error in errors.items()]
    return draw_grid([Block(times, rows)], title)


def _limit(errors):
    """What most errors do not exceed; 1 where there is none."""
    sizes = np.abs(np.concatenate([error.ravel() for error in errors]))
    sizes = sizes[np.isfinite(sizes) & (sizes > 0)]
    return float(np.percentile(sizes, _SHOWN)) if len(sizes) else 1.0


def _beyond(errors, limit):
    return any((np.abs(error) > limit).any() for error in errors.values())
