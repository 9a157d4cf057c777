import numpy as np
import pytest

from msrnn_keras.metrics import Reliability
from msrnn_keras.plots import (
    plot_rank_histogram,
    plot_reliability,
    plot_spread_skill,
)

pytestmark = pytest.mark.backend_free


def legend(axes):
    return [text.get_text() for text in axes.get_legend().get_texts()]


def result(threshold=2.0):
    counts = np.array([80, 0, 20]), np.array([8, 0, 10]), np.array([4, 0, 16.0])
    return Reliability(threshold, *counts)


def test_spread_and_error_by_lead_time():
    options = {"interval": 5, "unit": "min", "units": "mm/h", "title": "Title"}
    figure = plot_spread_skill([1.0, 2.0, np.nan], [2.0, 3.0, 4.0], **options)
    (axes,) = figure.axes
    figure.canvas.draw()
    error, spread = axes.lines
    np.testing.assert_array_equal(error.get_xydata().T[1], [2, 3, 4])
    np.testing.assert_array_equal(spread.get_xydata()[:2], [[5, 1], [10, 2]])
    assert legend(axes) == ["RMSE of the mean", "Spread"]
    assert axes.get_ylabel() == "Spread and error (mm/h)"
    assert axes.get_xlabel() == "Lead time (min)"
    assert axes.get_ylim()[0] == 0
    with pytest.raises(ValueError, match=r"Received: shapes \(1,\) and \(2,\)"):
        plot_spread_skill([1.0], [1.0, 2.0])


def test_rank_histogram():
    figure = plot_rank_histogram([30, 10, 10, 50], title="A $title")
    figure.canvas.draw()
    (axes,) = figure.axes
    heights = [bar.get_height() for bar in axes.patches]
    assert heights == pytest.approx([0.3, 0.1, 0.1, 0.5])
    centers = [bar.get_x() + bar.get_width() / 2 for bar in axes.patches]
    assert centers == pytest.approx([0, 1, 2, 3])
    np.testing.assert_allclose(axes.lines[0].get_ydata(), 0.25)
    for counts in ([0, 0], [[1, 2]]):
        with pytest.raises(ValueError, match="Received: shape"):
            plot_rank_histogram(counts)


def test_reliability_with_counts():
    figure = plot_reliability(result(), units="mm/h", title="Title")
    figure.canvas.draw()
    above, below = figure.axes
    diagonal, points, rate = above.lines
    np.testing.assert_array_equal(diagonal.get_xydata(), [[0, 0], [1, 1]])
    np.testing.assert_allclose(points.get_xydata(), [[0.05, 0.1], [0.8, 0.5]])
    np.testing.assert_allclose(rate.get_ydata(), 0.18)
    (counts,) = below.patches
    np.testing.assert_array_equal(counts.get_data().values, [80, 0, 20])
    np.testing.assert_allclose(counts.get_data().edges, [0, 1 / 3, 2 / 3, 1])
    assert below.get_xlabel() == "Forecast probability of ≥ 2 mm/h"
    assert legend(above) == ["reliable", "Forecast", "observed overall"]
    figure = plot_reliability({"$a": result(), "b$": result()})
    figure.canvas.draw()
    assert legend(figure.axes[0]) == ["reliable", "$a", "b$"]
    assert figure.axes[1].get_xlabel() == "Forecast probability of ≥ 2"
    nothing = Reliability(1.0, *np.zeros((3, 4), int))
    for wrong in ({}, nothing, {"a": result(), "b": result(3.0)}):
        with pytest.raises(ValueError, match="Received: thresholds"):
            plot_reliability(wrong)
