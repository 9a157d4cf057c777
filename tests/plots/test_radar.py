import numpy as np
import pytest

from msrnn_keras.plots import (
    NO_DATA_COLOR,
    RAIN_COLORS,
    RAIN_LEVELS,
    plot_radar,
)
from tests.plots.pictures import (
    bars,
    check_texts,
    clip,
    drawn,
    names,
    panels,
    pixels,
    times,
)

pytestmark = pytest.mark.backend_free

pytest.importorskip("matplotlib")


def rain(values):
    """Return a clip of one frame with the values in a row."""
    return np.array(values, "float64").reshape(1, 1, -1, 1)


def rgb(color):
    from matplotlib.colors import to_rgb

    return tuple(np.round(255 * np.array(to_rgb(color))).astype(int))


def test_each_class_has_its_color():
    inside = [1.01 * level for level in RAIN_LEVELS]
    values = [*RAIN_LEVELS, *inside, 0.0, 0.0999, 1e6, np.nan]
    figure = plot_radar(rain(values), None, rain(values))
    expected = [*RAIN_COLORS, *RAIN_COLORS, "white", "white"]
    expected += [RAIN_COLORS[-1], NO_DATA_COLOR]
    got = [tuple(color) for color in pixels(panels(figure)[1][0])[0]]
    assert got == [rgb(color) for color in expected]
    assert len(set(got)) == len(RAIN_COLORS) + 2


def test_rows_and_times():
    forecasts = {"model": clip(3), "persistence": clip(3, seed=1)}
    figure = plot_radar(clip(2), clip(3), forecasts)
    assert names(figure) == ["Input", "Truth", "model", "persistence"]
    rows = panels(figure)
    assert times(rows[0]) == ["−5 min", "0 min"]
    assert times(rows[1]) == ["+5 min", "+10 min", "+15 min"]


def test_one_color_bar_has_the_classes_and_the_unit():
    figure = plot_radar(clip(2), clip(3), clip(3, seed=1))
    (bar,) = bars(figure)
    figure.canvas.draw()
    ticks = [float(tick.get_text()) for tick in bar.get_yticklabels()]
    assert ticks == list(RAIN_LEVELS)
    assert bar.get_ylabel() == "Rain rate (mm/h)"
    rows = panels(figure)
    place = bar.get_position(original=True)  # with its arrow
    assert place.y1 == pytest.approx(rows[0][0].get_position().y1)
    assert place.y0 == pytest.approx(rows[-1][0].get_position().y0)


def test_the_extent_gives_the_axes_and_the_form():
    frames = clip(2, height=6, width=8)
    figure = plot_radar(frames, None, frames, extent=(-50, 50, 100, 300))
    rows = panels(figure)
    width, height = figure.get_size_inches()
    place = rows[1][0].get_position()
    assert place.height * height / (place.width * width) == pytest.approx(2)
    axes = rows[-1][0]
    assert axes.get_xlim() == (-50, 50) and axes.get_ylim() == (100, 300)
    assert axes.get_xlabel() == "km"
    figure.canvas.draw()
    assert len(axes.get_xticks()) >= 2 and len(axes.get_yticks()) >= 2
    assert not rows[0][0].get_xticks().size


def test_a_key_explains_missing_data():
    frames = 5 * clip(2)
    figure = plot_radar(frames, None, frames)
    assert not figure.texts
    missing = frames.copy()
    missing[0, :3] = np.nan
    figure = plot_radar(missing, None, frames)
    assert [t.get_text() for t in figure.texts] == ["■", "no data"]
    gray = (drawn(figure) == rgb(NO_DATA_COLOR)).all(axis=-1)
    axes = panels(figure)[0][0].get_window_extent()
    top = figure.bbox.height - axes.y1
    left = gray[:, : int(axes.x1)]
    assert left[int(top) : int(top + axes.height / 2)].mean() > 0.2


@pytest.mark.parametrize("extent", [None, (-1000, 1000, 0, 2000)])
@pytest.mark.parametrize("height", [1, 8])
def test_no_text_overlaps(extent, height):
    frames = clip(6, height=height)
    frames[:, 0, 0] = np.nan
    forecasts = {"ms-predrnn++ with unet3+ skips": frames, "b": frames}
    figure = plot_radar(frames, frames, forecasts, title="Title", extent=extent)
    check_texts(figure)
