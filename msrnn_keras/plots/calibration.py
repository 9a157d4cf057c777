"""Charts of the calibration of ensembles."""

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from msrnn_keras.plots.curves import STEPS, plot_curves
from msrnn_keras.plots.grid import new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from msrnn_keras.metrics.calibration import Reliability

_GUIDE = {"color": "0.45", "linestyle": "--", "linewidth": 1}


def plot_spread_skill(
    spread: npt.ArrayLike,
    error: npt.ArrayLike,
    interval: float = 1,
    unit: str = "frame",
    units: str | None = None,
    title: str | None = None,
) -> "Figure":
    """Draw the spread of an ensemble and the error of its mean by lead time.

    Both curves of a calibrated ensemble are equal.

    Args:
        spread: Spread of each lead time, such as `metrics.Spread.curve()`.
        error: Error of each, such as `metrics.EnsembleRMSE.curve()`.
        interval: As in `plot_curves`.
        unit: As in `plot_curves`.
        units: Name of the units of both, or None.
        title: As in `plot_curves`.

    Returns:
        A `matplotlib.figure.Figure`.

    Raises:
        ValueError: If the curves differ in length or are not of rank 1, or
            `interval` is not positive.

    Example:
        >>> figure = plot_spread_skill(spread.curve(), error.curve())
    """
    shapes = np.shape(spread), np.shape(error)
    if shapes[0] != shapes[1]:
        raise ValueError(
            "`spread` and `error` must have the same lead times. "
            f"Received: shapes {shapes[0]} and {shapes[1]}"
        )
    curves = {"RMSE of the mean": error, "Spread": spread}
    ylabel = f"Spread and error ({units})" if units else "Spread and error"
    figure = plot_curves(curves, ylabel, interval, unit, title)
    figure.axes[0].set_ylim(bottom=0)
    return figure


def plot_rank_histogram(
    counts: npt.ArrayLike, title: str | None = None
) -> "Figure":
    """Draw how often each number of members lies below the truth.

    The bars of a calibrated ensemble reach the dashed line. A U shape means
    too little spread, a slope a bias.

    Args:
        counts: Array (members + 1,), such as `metrics.rank_histogram(...)`.
        title: Title of the figure.

    Returns:
        A `matplotlib.figure.Figure`.

    Raises:
        ValueError: If `counts` is not of rank 1, or nothing was counted.

    Example:
        >>> figure = plot_rank_histogram(metrics.rank_histogram(truth, members))
    """
    from matplotlib.ticker import MaxNLocator

    counts = np.asarray(counts, dtype="float64")
    if counts.ndim != 1 or not counts.sum() > 0:
        raise ValueError(
            "`counts` must be the counts of the ranks, not all of them 0. "
            f"Received: shape {counts.shape}, sum {counts.sum():g}"
        )
    figure = new_figure(6.0, 3.8, layout="constrained")
    axes = figure.add_subplot()
    axes.bar(np.arange(len(counts)), counts / counts.sum(), width=0.85)
    axes.axhline(1 / len(counts), label="calibrated", **_GUIDE)
    axes.set_xlabel("Number of members below the truth")
    axes.set_ylabel("Relative frequency")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, steps=STEPS))
    axes.margins(y=0.15)  # room for the legend
    axes.set_xlim(-0.6, len(counts) - 0.4)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    if title:
        axes.set_title(title, parse_math=False)
    return figure


def plot_reliability(
    results: "Reliability | dict[str, Reliability]",
    units: str | None = None,
    title: str | None = None,
) -> "Figure":
    """Draw observed frequencies by forecast probability, and their counts.

    The points of a reliable forecast lie on the diagonal. The lower panel has
    the number of pixels of each point, on a logarithmic scale.

    Args:
        results: A `metrics.Reliability`, or a dict from names to those, of one
            threshold.
        units: Name of the units of the threshold, or None.
        title: Title of the figure.

    Returns:
        A `matplotlib.figure.Figure`.

    Raises:
        ValueError: If there is no result, the thresholds differ, or a result
            counted nothing.

    Example:
        >>> result = metrics.reliability(truth, members, threshold=2.0)
        >>> figure = plot_reliability(result, units="mm/h")
    """
    if not isinstance(results, dict):
        results = {"Forecast": results}
    thresholds = {result.threshold for result in results.values()}
    counted = [int(result.count.sum()) for result in results.values()]
    if len(thresholds) != 1 or 0 in counted:
        raise ValueError(
            "`results` must be reliabilities of one threshold, each of one "
            f"pixel or more. Received: thresholds {sorted(thresholds)} of "
            f"{counted} pixels"
        )
    figure = new_figure(4.8, 5.6, layout="constrained")
    above, below = figure.subplots(
        2, sharex=True, gridspec_kw={"height_ratios": (3.4, 1)}
    )
    above.plot([0, 1], [0, 1], label="reliable", **_GUIDE)
    for name, result in results.items():
        known = result.count > 0
        points = result.forecast[known], result.observed[known]
        above.plot(*points, marker="o", markersize=4, label=name)
        color = above.lines[-1].get_color()
        edges = np.linspace(0, 1, len(known) + 1)
        counts = result.count.astype("float64")
        below.stairs(counts, edges, color=color, fill=len(results) == 1)
    if len(results) == 1:
        style = {**_GUIDE, "linestyle": ":"}
        above.axhline(result.base_rate, label="observed overall", **style)
    event = f"{thresholds.pop():g}" + (f" {units}" if units else "")
    _label_reliability(above, below, event)
    if title:
        above.set_title(title, parse_math=False)
    return figure


def _label_reliability(above, below, event):
    above.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    above.set_ylabel("Observed frequency")
    below.set_yscale("log")
    below.set_ylabel("Pixels")
    below.set_xlabel(f"Forecast probability of ≥ {event}", parse_math=False)
    for axes in (above, below):
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(color="0.9")
        axes.set_axisbelow(True)
    for text in above.legend(frameon=False, fontsize=9).get_texts():
        text.set_parse_math(False)
