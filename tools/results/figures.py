"""Plots of the presets of Moving MNIST."""

from matplotlib.figure import Figure

from msrnn_keras.plots import plot_curves
from tools.publishing.comparison import MULTI_SCALE

BEST = 5  # curves by lead time
SIZE = (7.0, 4.2)  # inches
SPAN = (40, 200)  # validation MSE that is shown


def training(found):
    """Draw the validation MSE against the hours of training."""
    axes = _axes("Hours of training", "Validation MSE, forecast frames")
    for result, style in zip(found, _styles(found), strict=True):
        hours, mse = zip(*result.history(), strict=True)
        axes.plot(hours, mse, label=result.label, **style)
    axes.set_yscale("log")
    axes.set_ylim(SPAN)
    axes.set_yticks(*2 * [[40, 50, 60, 80, 100, 150, 200]], minor=False)
    axes.set_yticks([], minor=True)
    return _legend(axes)


def cost(found):
    """Draw the test MSE against the FLOPs of a forecast."""
    axes = _axes("GFLOPs of a forecast", "Test MSE, forecast frames")
    for result, style in zip(found, _styles(found), strict=True):
        style |= {"linestyle": "", "markersize": 7}
        point = [result.flops / 1e9], [result.score()]
        axes.plot(*point, label=result.label, **style)
    axes.set_xlim(0)
    return _legend(axes)


def lead_times(found):
    """Draw the test MSE of the best presets by lead time."""
    curves = {x.label: x.metadata["curves"]["mse"] for x in found[:BEST]}
    return plot_curves(curves, "Test MSE")


FIGURES = {"training": training, "cost": cost, "lead-times": lead_times}


def _axes(xlabel, ylabel):
    axes = Figure(SIZE, layout="constrained").add_subplot()
    axes.set_xlabel(xlabel)
    axes.set_ylabel(ylabel)
    axes.grid(color="0.9")
    axes.spines[["top", "right"]].set_visible(False)
    return axes


def _legend(axes):
    """Put the legend beside the axes and return the figure."""
    axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    return axes.figure


def _styles(found):
    """Return a color for each cell, and a line and a marker of the wiring."""
    cells = [result.model.removeprefix(MULTI_SCALE) for result in found]
    colors = {name: f"C{i}" for i, name in enumerate(sorted({*cells}))}
    return [
        {
            "color": colors[cell],
            "linestyle": "-" if result.is_multi_scale else "--",
            "marker": "o" if result.is_multi_scale else "s",
            "markersize": 3,
            "linewidth": 1.2,
        }
        for result, cell in zip(found, cells, strict=True)
    ]
