import numpy as np
import pytest

from msrnn_keras.plots import plot_curves, plot_forecast

pytest.importorskip("matplotlib")


def clip(time, height=6, width=8, channels=1, seed=0):
    rng = np.random.default_rng(seed)
    return rng.random((time, height, width, channels))


def pictures(figure):
    """The axes that hold a picture, row by row from the top."""
    axes = [ax for ax in figure.axes if ax.images]
    rows = sorted({round(-ax.get_position().y0, 6) for ax in axes})
    return [
        sorted(
            (ax for ax in axes if round(-ax.get_position().y0, 6) == row),
            key=lambda ax: ax.get_position().x0,
        )
        for row in rows
    ]


def labels(row):
    return [ax.get_title() for ax in row]


def test_rows_hold_input_truth_forecast_and_error():
    past, future, forecast = clip(3), clip(2, seed=1), clip(2, seed=2) * 1.5
    future[1, 2, 3] = np.nan
    figure = plot_forecast(past, future, forecast, title="A title")
    rows = pictures(figure)
    names = [row[0].get_ylabel() for row in rows]
    assert names == ["Input", "Truth", "Forecast", "Error"]
    error = np.clip(forecast, 0, 1) - future
    for row, frames in zip(rows, (past, future, forecast, error), strict=True):
        assert len(row) == len(frames)
        for ax, frame in zip(row, frames, strict=True):
            shown = ax.images[0].get_array().filled(np.nan)
            np.testing.assert_allclose(shown, frame[..., 0], rtol=1e-6)
    assert [
        rows[0][0].images[0].get_clim(),
        rows[3][0].images[0].get_clim(),
    ] == [(0, 1), (-1, 1)]
    assert labels(rows[0]) == ["t−2", "t−1", "t0"]
    assert labels(rows[1]) == ["t+1", "t+2"]
    assert labels(rows[2]) == labels(rows[3]) == ["", ""]
    assert [text.get_text() for text in figure.texts] == ["A title"]


def test_columns_of_truth_and_forecast_are_aligned():
    figure = plot_forecast(clip(12), clip(3), clip(3, seed=1))
    rows = pictures(figure)
    lefts = [[ax.get_position().x0 for ax in row] for row in rows]
    assert lefts[1] == lefts[2] == lefts[3]
    assert lefts[0][:3] == pytest.approx(lefts[1])


def test_long_clips_are_thinned_out_and_labelled_with_units():
    past, forecast = clip(1), clip(40, seed=1)
    figure = plot_forecast(past, None, forecast, interval=5, unit="min")
    rows = pictures(figure)
    assert [row[0].get_ylabel() for row in rows] == ["Input", "Forecast"]
    assert labels(rows[0]) == ["0 min"]
    steps = [1, 5, 10, 14, 18, 23, 27, 31, 36, 40]
    assert labels(rows[1]) == [f"+{5 * step} min" for step in steps]
    for ax, step in zip(rows[1], steps, strict=True):
        shown = ax.images[0].get_array()
        np.testing.assert_allclose(shown, forecast[step - 1, ..., 0])


def test_colour_frames_and_their_mean_error():
    past, future = clip(2, channels=3), clip(2, channels=3, seed=1)
    figure = plot_forecast(past, future, past)
    rows = pictures(figure)
    np.testing.assert_allclose(rows[0][1].images[0].get_array(), past[1])
    error = (past[1] - future[1]).mean(axis=-1)
    np.testing.assert_allclose(rows[3][1].images[0].get_array(), error)


@pytest.mark.parametrize("time", [1, 4, 40])
def test_no_text_overlaps_or_leaves_the_figure(time):
    figure = plot_forecast(
        clip(time),
        clip(time),
        clip(time),
        interval=15,
        unit="min",
        title="A title that is quite a bit longer than one column",
    )
    figure.canvas.draw()
    renderer = figure.canvas.get_renderer()
    texts = list(figure.texts)
    for ax in figure.axes:
        texts += [ax.title, ax.yaxis.label, *ax.get_yticklabels()]
    boxes = [
        text.get_window_extent(renderer) for text in texts if text.get_text()
    ]
    for index, box in enumerate(boxes):
        assert figure.bbox.x0 <= box.x0 and box.x1 <= figure.bbox.x1
        assert figure.bbox.y0 <= box.y0 and box.y1 <= figure.bbox.y1
        assert not any(box.overlaps(other) for other in boxes[:index])


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


def test_curves():
    figure = plot_curves(
        {"one": [3.0, 4.0, 6.0], "two": [5.0, None]},
        ylabel="MSE",
        interval=5,
        unit="min",
        title="Scores",
    )
    (axes,) = figure.axes
    one, two = axes.lines
    np.testing.assert_array_equal(one.get_xdata(), [5, 10, 15])
    np.testing.assert_array_equal(one.get_ydata(), [3, 4, 6])
    np.testing.assert_array_equal(two.get_ydata(), [5, np.nan])
    names = [text.get_text() for text in axes.get_legend().get_texts()]
    assert names == ["one", "two"]
    assert axes.get_xlabel() == "Lead time (min)"
    assert axes.get_ylabel() == "MSE"
    assert axes.get_title() == "Scores"
    (axes,) = plot_curves({"one": [1.0]}, ylabel="MSE").axes
    assert axes.get_xlabel() == "Lead time (frames)"


def test_errors():
    with pytest.raises(ValueError, match=r"Received: shape \(1, 2, 6, 8, 1\)"):
        plot_forecast(clip(2)[None], None, clip(2))
    with pytest.raises(ValueError, match="Received: 2 channels"):
        plot_forecast(clip(2, channels=2), None, clip(2, channels=2))
    with pytest.raises(ValueError, match="Received: dtype uint8"):
        plot_forecast(clip(2).astype("uint8"), None, clip(2))
    with pytest.raises(ValueError, match="frames of one shape"):
        plot_forecast(clip(2), None, clip(2, height=7))
    with pytest.raises(ValueError, match="`future` and `forecast`"):
        plot_forecast(clip(2), clip(3), clip(2))
    with pytest.raises(ValueError, match="Received: interval=0"):
        plot_forecast(clip(2), None, clip(2), interval=0)
    with pytest.raises(ValueError, match="Received: curves={}"):
        plot_curves({}, ylabel="MSE")
    with pytest.raises(ValueError, match=r"Received: shape \(2, 1\) for 'a'"):
        plot_curves({"a": [[1.0], [2.0]]}, ylabel="MSE")
