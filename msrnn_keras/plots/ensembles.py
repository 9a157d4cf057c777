"""Maps of ensembles: probability of exceedance and postage stamps."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from msrnn_keras.plots import clips
from msrnn_keras.plots.colors import probability_style, style_of
from msrnn_keras.plots.forecast import check_extent
from msrnn_keras.plots.grid import Block, Row, draw_grid
from msrnn_keras.plots.times import (
    MAX_COLUMNS,
    check_above_0,
    future_columns,
    time_label,
)
from msrnn_keras.utils.checks import check_finite

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def plot_exceedance(
    members: npt.ArrayLike,
    threshold: float,
    future: npt.ArrayLike | None = None,
    interval: float = 1,
    unit: str = "frame",
    units: str | None = None,
    title: str | None = None,
    extent: Sequence[float] | None = None,
) -> "Figure":
    """Draw the probability of an event at each lead time, and what happened.

    The event is a value at or above the threshold, its probability the share of
    the members with it. At most ten evenly spaced frames are drawn.

    Args:
        members: Ensemble of one clip, (members, time, height, width, 1).
        threshold: Number, in the units of the members.
        future: True frames, (time, height, width, 1), in the same units, or
            None. NaN is missing.
        interval: As in `plot_forecast`.
        unit: As in `plot_forecast`.
        units: Name of the units of the threshold, such as "mm/h", or None.
        title: As in `plot_forecast`.
        extent: As in `plot_radar`.

    Returns:
        A `matplotlib.figure.Figure`.

    Raises:
        ValueError: If a shape, a number or `extent` is wrong.

    Example:
        >>> rain = scaling.inverse(model.forecast(past, members=20, seed=0))
        >>> figure = plot_exceedance(rain[0], threshold=2, units="mm/h")
    """
    members, future = clips.check_ensemble(members, future)
    if members.shape[-1] != 1:
        raise ValueError(
            "`members` must have 1 channel. "
            f"Received: {members.shape[-1]} channels"
        )
    check_finite("threshold", threshold)
    check_above_0("interval", interval)
    check_extent(extent)
    event = f"{threshold:g} {units}" if units else f"{threshold:g}"
    style = probability_style(f"P(≥ {event})")
    missing = np.isnan(members).any(axis=0)
    share = np.where(missing, np.nan, (members >= threshold).mean(axis=0))
    ahead, times = future_columns(len(share), interval, unit)
    rows = [Row("Forecast", share[ahead], style)]
    if future is not None:
        happened = np.where(np.isnan(future), np.nan, future >= threshold)
        rows.insert(0, Row("Truth", happened[ahead], style))
    return draw_grid([Block(times, rows)], title, extent)


def plot_stamps(
    members: npt.ArrayLike,
    future: npt.ArrayLike | None = None,
    past: npt.ArrayLike | None = None,
    frame: int = -1,
    colors: Literal["gray", "rain"] = "gray",
    interval: float = 1,
    unit: str = "frame",
    title: str | None = None,
    extent: Sequence[float] | None = None,
) -> "Figure":
    """Draw the members of an ensemble side by side at one lead time.

    Above them are the last input frame, the truth and the mean of the members.

    Args:
        members: Ensemble of one clip, (members, time, height, width, channels),
            with 1 channel or 3 (RGB).
        future: True frames, (time, height, width, channels), or None.
        past: Input frames, (time, height, width, channels), or None.
        frame: Integer, index of the frame to draw; -1 is the last.
        colors: "gray", for frames in [0, 1], or "rain", for mm/h.
        interval: As in `plot_forecast`.
        unit: As in `plot_forecast`.
        title: As in `plot_forecast`.
        extent: As in `plot_radar`.

    Returns:
        A `matplotlib.figure.Figure`.

    Raises:
        ValueError: If shapes do not match, or an option is invalid.

    Example:
        >>> members = model.forecast(past, members=20, seed=0)
        >>> figure = plot_stamps(members[0], truth[0], past[0])
    """
    members, future = clips.check_ensemble(members, future)
    length = members.shape[1]
    if not -length <= frame < length:
        raise ValueError(
            f"`frame` must be the index of one of {length} frames. "
            f"Received: frame={frame}"
        )
    check_above_0("interval", interval)
    check_extent(extent)
    style = style_of(colors)
    if colors == "gray":
        members = np.clip(members, 0.0, 1.0)
    above = {"Mean": members[:, frame].mean(axis=0)}
    if future is not None:
        above = {"Truth": future[frame], **above}
    if past is not None:
        now = time_label(0, interval, unit)
        above = {f"Input, {now}": _last_input(past, members), **above}
    label = time_label(frame % length + 1, interval, unit)
    blocks = [
        Block(
            [*above], [Row(f"At {label}", np.stack([*above.values()]), style)]
        )
    ]
    for first in range(0, len(members), MAX_COLUMNS):
        shown = members[first : first + MAX_COLUMNS, frame]
        numbers = [str(first + i + 1) for i in range(len(shown))]
        row = Row("" if first else "Members", shown, style)
        blocks.append(Block(numbers, [row]))
    return draw_grid(blocks, title, extent)


def _last_input(past, members):
    past = clips.check_clip(past, "past")
    if past.shape[1:] != members.shape[2:]:
        raise ValueError(
            "`past` and `members` must have frames of one shape. Received: "
            f"shapes {past.shape} and {members.shape}"
        )
    return past[-1]
