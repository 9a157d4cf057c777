import numpy as np
import pytest

from msrnn_keras.plots import plot_curves

pytestmark = pytest.mark.backend_free


def legend(axes):
    return [text.get_text() for text in axes.get_legend().get_texts()]


def test_curves():
    curves = {"one": [3.0, 4.0, 6.0], "two": [5.0, None]}
    options = {"interval": 5, "unit": "min", "title": "Scores"}
    (axes,) = plot_curves(curves, "MSE", **options).axes
    one, two = axes.lines
    np.testing.assert_array_equal(one.get_xdata(), [5, 10, 15])
    np.testing.assert_array_equal(one.get_ydata(), [3, 4, 6])
    np.testing.assert_array_equal(two.get_ydata(), [5, np.nan])
    assert legend(axes) == ["one", "two"]
    assert axes.get_xlabel() == "Lead time (min)"
    assert axes.get_ylabel() == "MSE"
    assert axes.get_title() == "Scores"
    curves = {"gaps": [None, 2.0, np.nan, 4.0], "none": [None] * 4}
    figure = plot_curves(curves, ylabel="CSI")
    gaps, none = figure.axes[0].lines
    np.testing.assert_array_equal(gaps.get_ydata(), [np.nan, 2, np.nan, 4])
    assert np.isnan(none.get_ydata()).all()
    assert figure.axes[0].get_xlabel() == "Lead time (frames)"
    figure.canvas.draw()


def test_many_curves_can_be_told_apart_and_names_are_no_formulas():
    names = [f"${i}$ of $" for i in range(12)]
    figure = plot_curves({name: [1.0, 2.0] for name in names}, "$ per $")
    figure.canvas.draw()
    (axes,) = figure.axes
    assert legend(axes) == names
    looks = {(line.get_color(), line.get_linestyle()) for line in axes.lines}
    assert len(looks) == 12
    box = axes.get_legend().get_window_extent()
    assert box.x0 >= axes.get_window_extent().x1
    assert box.x1 <= figure.bbox.x1 and box.y0 >= figure.bbox.y0
