import numpy as np
import pytest

from msrnn_keras.plots import (
    MAX_COLUMNS,
    MISSING_COLOR,
    plot_curves,
    plot_forecast,
)
from tests.plots.pictures import (
    check_texts,
    clip,
    names,
    panels,
    pixels,
    shown,
    times,
)

pytestmark = pytest.mark.backend_free

pytest.importorskip("matplotlib")


def test_rows_hold_input_truth_forecast_and_error():
    past, future, forecast = clip(3), clip(2, seed=1), clip(2, seed=2) * 1.5
    future[1, 2, 3] = np.nan
    figure = plot_forecast(past, future, forecast, title="A $title")
    rows = panels(figure)
    assert names(figure) == ["Input", "Truth", "Forecast", "Error"]
    error = np.clip(forecast, 0, 1) - future
    for row, frames in zip(rows, (past, future, forecast, error), strict=True):
        np.testing.assert_allclose(shown(row), frames[..., 0], rtol=1e-6)
    assert [
        rows[0][0].images[0].get_clim(),
        rows[3][0].images[0].get_clim(),
    ] == [(0, 1), (-1, 1)]
    assert times(rows[0]) == ["t−2", "t−1", "t0"]
    assert times(rows[1]) == ["t+1", "t+2"]
    assert times(rows[2]) == times(rows[3]) == ["", ""]
    texts = [text.get_text() for text in figure.texts]
    assert texts == ["A $title", "■", "no data"]


def test_several_models_have_a_row_each():
    past, future = clip(3), clip(2, seed=1)
    forecasts = {"one": clip(2, seed=2), "two": clip(2, seed=3)}
    figure = plot_forecast(past, future, forecasts)
    assert names(figure) == ["Input", "Truth", "one", "two"]
    for row, frames in zip(
        panels(figure), (past, future, *forecasts.values()), strict=True
    ):
        np.testing.assert_allclose(shown(row), frames[..., 0])
    assert names(plot_forecast(past, None, forecasts)) == [
        "Input",
        "one",
        "two",
    ]


def test_columns_of_truth_and_forecast_are_aligned():
    figure = plot_forecast(clip(12), clip(3), clip(3, seed=1))
    rows = panels(figure)
    lefts = [[ax.get_position().x0 for ax in row] for row in rows]
    assert lefts[1] == lefts[2] == lefts[3]
    assert lefts[0][:3] == pytest.approx(lefts[1])


def test_long_clips_are_thinned_out_and_labelled_with_units():
    past, forecast = clip(1), clip(40, seed=1)
    figure = plot_forecast(past, None, forecast, interval=5, unit="min")
    rows = panels(figure)
    assert names(figure) == ["Input", "Forecast"]
    assert times(rows[0]) == ["0 min"]
    steps = [1, 5, 10, 14, 18, 23, 27, 31, 36, 40]
    assert len(steps) == MAX_COLUMNS
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


@pytest.mark.parametrize("channels", [1, 3])
def test_missing_pixels_have_their_own_color(channels):
    frames = clip(2, channels=channels)
    frames[1, 2, 3] = np.nan
    figure = plot_forecast(frames, frames, clip(2, channels=channels))
    rows = panels(figure)
    color = 255 * np.array(MISSING_COLOR)
    for row in (rows[0], rows[1], rows[3]):
        missing = (abs(pixels(row[1]) - color) <= 1).all(axis=-1)
        assert missing[2, 3] and missing.sum() == 1
    assert len(set(color)) > 1  # not a gray
    everything = plot_forecast(frames * np.nan, None, frames * np.nan)
    assert (abs(pixels(panels(everything)[1][0]) - color) <= 1).all()


@pytest.mark.parametrize("time", [1, 40])
def test_no_text_overlaps_or_leaves_the_figure(time):
    long = "A title that is quite a bit longer than one column"
    settings = {"interval": 15, "unit": "min", "title": long}
    frames = clip(time)
    frames[0, 0, 0] = np.nan
    check_texts(plot_forecast(frames, frames, frames, **settings))
    several = {"ms-predrnn++ with unet3+ skips": frames, "b": frames}
    check_texts(plot_forecast(frames, frames, several, **settings))


def test_figures_can_be_saved_and_leave_pyplot_alone(tmp_path):
    from matplotlib import pyplot

    figures = [
        plot_forecast(clip(3), clip(2), clip(2)),
        plot_curves({"a": [1.0, 2.0]}, ylabel="MSE"),
    ]
    for index, figure in enumerate(figures):
        path = tmp_path / f"{index}.png"
        figure.savefig(path)
        width, height = (figure.get_size_inches() * figure.dpi).astype(int)
        assert pyplot.imread(path).shape[:2] == (height, width)
    assert pyplot.get_fignums() == []
