import numpy as np
import pytest

from msrnn_keras import plots
from msrnn_keras.plots import plot_errors, plot_forecast, plot_radar
from tests.plots import pictures
from tests.plots.pictures import check_texts, clip, names, panels, shown, times

pytestmark = pytest.mark.backend_free


def test_rows_hold_input_truth_forecasts_and_error():
    past, future, forecast = clip(3), clip(2, seed=1), clip(2, seed=2) * 1.5
    forecasts = {"one": forecast, "two": clip(2, seed=3)}
    figure = plot_forecast(past, future, forecasts)
    assert names(figure) == ["Input", "Truth", "one", "two"]
    clips = (past, future, *forecasts.values())
    for row, frames in zip(panels(figure), clips, strict=True):
        np.testing.assert_allclose(shown(row), frames[..., 0])
    figure = plot_forecast(past, None, forecasts)
    assert names(figure) == ["Input", "one", "two"]
    future[1, 2, 3] = np.nan
    figure = plot_forecast(past, future, forecast, title="A $title")
    rows = panels(figure)
    assert names(figure) == ["Input", "Truth", "Forecast", "Error"]
    error = np.clip(forecast, 0, 1) - future
    for row, frames in zip(rows, (past, future, forecast, error), strict=True):
        np.testing.assert_allclose(shown(row), frames[..., 0], rtol=1e-6)
    assert rows[0][0].images[0].get_clim() == (0, 1)
    assert rows[3][0].images[0].get_clim() == (-1, 1)
    assert times(rows[0]) == ["t−2", "t−1", "t0"]
    assert times(rows[1]) == ["t+1", "t+2"]
    assert times(rows[2]) == times(rows[3]) == ["", ""]
    texts = [text.get_text() for text in figure.texts]
    assert texts == ["A $title", "■", "no data"]
    lefts = [[ax.get_position().x0 for ax in row] for row in rows]
    assert lefts[1] == lefts[2] == lefts[3]
    assert lefts[0][:2] == pytest.approx(lefts[1])


def test_long_clips_are_thinned_out_and_labelled_with_units():
    past, forecast = clip(1), clip(40, seed=1)
    figure = plot_forecast(past, None, forecast, interval=5, unit="min")
    rows = panels(figure)
    assert names(figure) == ["Input", "Forecast"]
    assert times(rows[0]) == ["0 min"]
    steps = [1, 5, 10, 14, 18, 23, 27, 31, 36, 40]
    assert times(rows[1]) == [f"+{5 * step} min" for step in steps]
    expected = forecast[np.array(steps) - 1, ..., 0]
    np.testing.assert_allclose(shown(rows[1]), expected)


def test_color_frames_and_their_mean_error():
    past, future = clip(2, channels=3), clip(2, channels=3, seed=1)
    figure = plot_forecast(past, future, past)
    rows = panels(figure)
    np.testing.assert_allclose(rows[0][1].images[0].get_array(), past[1])
    error = (past[1] - future[1]).mean(axis=-1)
    np.testing.assert_allclose(shown(rows[3])[1], error)
    figure = plot_errors(future, 5 * past, clip=False, limit=0.25)
    (row,) = panels(figure)
    error = (5 * past - future).mean(axis=-1)
    np.testing.assert_allclose(shown(row), error)
    (bar,) = pictures.bars(figure)
    assert bar.get_yticklabels()[-1].get_text() == "+0.25"


@pytest.mark.parametrize("channels", [1, 3])
def test_missing_pixels_have_their_own_color(channels):
    frames = clip(2, channels=channels)
    frames[1, 2, 3] = np.nan
    figure = plot_forecast(frames, frames, clip(2, channels=channels))
    rows = panels(figure)
    color = 255 * np.array(plots.MISSING_COLOR)
    for row in (rows[0], rows[1], rows[3]):
        missing = (abs(pictures.pixels(row[1]) - color) <= 1).all(axis=-1)
        assert missing[2, 3] and missing.sum() == 1


@pytest.mark.parametrize("time", [1, 40])
def test_no_text_overlaps_or_leaves_the_figure(time, tmp_path):
    from matplotlib import pyplot

    long = "A title that is quite a bit longer than one column"
    settings = {"interval": 15, "unit": "min", "title": long}
    frames = clip(time)
    frames[0, 0, 0] = np.nan
    check_texts(plot_forecast(frames, frames, frames, **settings))
    several = {"ms-predrnn++ with unet3+ skips": frames, "b": frames}
    figure = plot_forecast(frames, frames, several, **settings)
    check_texts(figure)
    figure.savefig(tmp_path / "figure.png")
    height, width, _ = pyplot.imread(tmp_path / "figure.png").shape
    size = figure.get_size_inches() * figure.dpi
    assert (width, height) == pytest.approx(tuple(size), abs=1)
    assert pyplot.get_fignums() == []


class Rain:
    unit = "mm/h"

    def inverse(self, frames):
        return 100 * frames**2


def test_maps_are_forecast_minus_truth_with_one_bar_beside_them():
    future = clip(3)
    future[0, 1, 2] = np.nan
    forecasts = {"one": clip(3, seed=1) * 2, "two": clip(3, seed=2)}
    figure = plot_errors(future, forecasts)
    rows = panels(figure)
    assert names(figure) == ["one", "two"]
    for row, frames in zip(rows, forecasts.values(), strict=True):
        error = (np.clip(frames, 0, 1) - future)[..., 0]
        np.testing.assert_allclose(shown(row), error)
        assert row[0].images[0].get_clim() == (-1, 1)
        assert row[0].images[0].get_cmap().name == "RdBu_r"
    (bar,) = pictures.bars(figure)
    assert [t.get_text() for t in bar.get_yticklabels()] == ["−1", "0", "+1"]
    place = bar.get_position()
    assert place.y1 == pytest.approx(rows[0][0].get_position().y1)
    assert place.y0 == pytest.approx(rows[1][0].get_position().y0)


def test_errors_in_the_units_of_the_data():
    future, forecast = clip(2), clip(2, seed=1)
    figure = plot_errors(future, forecast, scaling=Rain())
    error = 100 * (forecast**2 - future**2)[..., 0]
    (row,) = panels(figure)
    np.testing.assert_allclose(shown(row), error)
    (bar,) = pictures.bars(figure)
    assert bar.get_ylabel() == "Error (mm/h)"
    limit = np.percentile(np.abs(error), 99.5)
    assert row[0].images[0].get_clim() == pytest.approx((-limit, limit))


def test_no_text_of_error_maps_overlaps():
    for height in (2, 20):
        future = clip(6, height=height)
        future[:, 0] = np.nan
        forecasts = {"a name of several words": future, "b": future}
        figure = plot_errors(future, forecasts, scaling=Rain(), title="Title")
        check_texts(figure)
        check_texts(plot_errors(future * np.nan, forecasts, clip=False))


def rgb(color):
    from matplotlib.colors import to_rgb

    return tuple(np.round(255 * np.array(to_rgb(color))).astype(int))


def test_each_class_has_its_color():
    inside = [1.01 * level for level in plots.RAIN_LEVELS]
    values = [*plots.RAIN_LEVELS, *inside, 0.0, 0.0999, 1e6, np.nan]
    frame = np.reshape(values, (1, 1, -1, 1))
    figure = plot_radar(frame, None, frame)
    expected = [*plots.RAIN_COLORS, *plots.RAIN_COLORS, "white", "white"]
    expected += [plots.RAIN_COLORS[-1], plots.NO_DATA_COLOR]
    got = [tuple(color) for color in pictures.pixels(panels(figure)[1][0])[0]]
    assert got == [rgb(color) for color in expected]
    assert len(set(got)) == len(plots.RAIN_COLORS) + 2


def test_rows_have_times_and_one_color_bar():
    forecasts = {"model": clip(3), "persistence": clip(3, seed=1)}
    figure = plot_radar(clip(2), clip(3), forecasts)
    assert names(figure) == ["Input", "Truth", "model", "persistence"]
    rows = panels(figure)
    assert times(rows[0]) == ["−5 min", "0 min"]
    assert times(rows[1]) == ["+5 min", "+10 min", "+15 min"]
    (bar,) = pictures.bars(figure)
    figure.canvas.draw()
    ticks = [float(tick.get_text()) for tick in bar.get_yticklabels()]
    assert ticks == list(plots.RAIN_LEVELS)
    assert bar.get_ylabel() == "Rain rate (mm/h)"
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
    assert not figure.texts  # a key only where data are missing


@pytest.mark.parametrize(
    "extent, height", [(None, 1), ((-1000, 1000, 0, 2000), 8)]
)
def test_no_text_of_rain_overlaps(extent, height):
    frames = clip(6, height=height)
    frames[:, 0, 0] = np.nan
    forecasts = {"ms-predrnn++ with unet3+ skips": frames, "b": frames}
    figure = plot_radar(frames, frames, forecasts, title="Title", extent=extent)
    check_texts(figure)
    assert [t.get_text() for t in figure.texts] == ["Title", "■", "no data"]
