"""Scores by lead time."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from msrnn_keras.plots.grid import new_figure
from msrnn_keras.plots.times import check_above_0

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_INSIDE = 6  # most curves whose legend fits inside the axes
STEPS = (1, 2, 5, 10)  # between ticks of the lead time, and tens of them
_COLORS = 10  # in matplotlib's cycle


def plot_curves(
    curves: Mapping[str, Any],
    ylabel: str,
    interval: float = 1,
    unit: str = "frame",
    title: str | None = None,
) -> "Figure":
    """Draw a score by lead time, one line per model.

    Args:
        curves: A dict from the name of each model to its score per lead time,
            such as `evaluate(...)["curves"]["mse"]`; None and NaN are gaps.
        ylabel: Name of the score.
        interval: Time between two frames, in `unit`.
        unit: Name of the unit of time.
        title: Title of the figure.

    Returns:
        A `matplotlib.figure.Figure`.

    Raises:
        ValueError: If `interval` is not positive, or a curve not of rank 1.

    Example:
        >>> figure = plot_curves({"model": [9.0, 12.0]}, ylabel="MSE")
    """
    from matplotlib.ticker import MaxNLocator

    if not curves:
        raise ValueError(
            f"`curves` needs at least one curve. Received: curves={curves}"
        )
    check_above_0("interval", interval)
    inside = len(curves) <= _INSIDE
    figure = new_figure(6.0 if inside else 8.0, 3.8, layout="constrained")
    axes = figure.add_subplot()
    for index, (name, curve) in enumerate(curves.items()):
        curve = np.asarray(curve, dtype="float64")
        if curve.ndim != 1 or len(curve) == 0:
            raise ValueError(
                "A curve must be a list of numbers, one for each lead time. "
                f"Received: shape {curve.shape} for {name!r}"
            )
        times = interval * np.arange(1, len(curve) + 1)
        line = ("-", "--", ":", "-.")[index // _COLORS % 4]
        style = {"linestyle": line, "marker": "o", "markersize": 3.5}
        axes.plot(times, curve, label=name, **style)
    axes.set_xlabel(f"Lead time ({'frames' if unit == 'frame' else unit})")
    axes.set_ylabel(ylabel, parse_math=False)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, steps=STEPS))
    axes.grid(color="0.9")
    axes.spines[["top", "right"]].set_visible(False)
    place = {} if inside else {"loc": "upper left", "bbox_to_anchor": (1, 1)}
    for text in axes.legend(frameon=False, **place).get_texts():
        text.set_parse_math(False)
    if title:
        axes.set_title(title, parse_math=False)
    return figure
