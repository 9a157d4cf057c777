"""Clips as a report draws them: in the units and colors of the data."""

from typing import Any, NamedTuple

from msrnn_keras.plots.clips import in_units


class Clip(NamedTuple):
    """One clip as it is drawn."""

    name: str
    past: Any  # frames: rain in mm/h, all else in [0, 1]
    future: Any
    forecasts: dict  # name -> frames
    colors: str  # "gray" or "rain"
    truth: Any  # `future` in the units of the data
    estimates: dict  # `forecasts` in the units of the data
    units: str | None
    clipped: bool  # whether errors are those of clipped frames


def clips_of(name, past, future, forecasts, radar, scaling):
    """Return the clip as it is drawn, or one clip for each channel.

    Forecasts are (..., time, height, width, channels); ensembles have an axis
    of members first.
    """
    truth = in_units(future, scaling)
    estimates = {k: in_units(x, scaling) for k, x in forecasts.items()}
    units = getattr(scaling, "unit", None)
    if radar:
        past, future, forecasts = in_units(past, scaling), truth, estimates
        units = "mm/h"
    count = past.shape[-1]
    if count == 1 or (count == 3 and not radar):
        parts = {name: slice(None)}
    else:
        parts = {f"{name}, channel {i}": slice(i, i + 1) for i in range(count)}
    return [
        Clip(
            part,
            past[..., chosen],
            future[..., chosen],
            {k: x[..., chosen] for k, x in forecasts.items()},
            "rain" if radar else "gray",
            truth[..., chosen],
            {k: x[..., chosen] for k, x in estimates.items()},
            units,
            scaling is None and not radar,
        )
        for part, chosen in parts.items()
    ]
