import numpy as np
import pytest

from msrnn_keras.plots import plot_errors
from tests.plots.pictures import bars, check_texts, clip, names, panels, shown

pytestmark = pytest.mark.backend_free

pytest.importorskip("matplotlib")


class Rain:
    """A scaling that is not linear."""

    unit = "mm/h"

    def inverse(self, frames):
        return 100 * frames**2


def test_maps_are_forecast_minus_truth():
    future = clip(3)
    future[0, 1, 2] = np.nan
    forecasts = {"one": clip(3, seed=1) * 2, "two": clip(3, seed=2)}
    figure = plot_errors(future, forecasts)
    assert names(figure) == ["one", "two"]
    for row, frames in zip(panels(figure), forecasts.values(), strict=True):
        error = (np.clip(frames, 0, 1) - future)[..., 0]
        np.testing.assert_allclose(shown(row), error)
        assert row[0].images[0].get_clim() == (-1, 1)
    (bar,) = bars(figure)
    assert [t.get_text() for t in bar.get_yticklabels()] == ["−1", "0", "+1"]


def test_red_is_too_high_and_blue_too_low():
    frames = np.full((1, 2, 2, 1), 0.5)
    figure = plot_errors(frames, {"high": frames + 0.5, "low": frames - 0.5})
    (high,), (low,) = panels(figure)
    for ax, more, less in ((high, 0, 2), (low, 2, 0)):
        image = ax.images[0]
        color = image.to_rgba(image.get_array())[0, 0]
        assert color[more] > color[less] + 0.3


def test_errors_in_the_units_of_the_data():
    future, forecast = clip(2), clip(2, seed=1)
    figure = plot_errors(future, forecast, scaling=Rain())
    error = 100 * (forecast**2 - future**2)[..., 0]
    (row,) = panels(figure)
    np.testing.assert_allclose(shown(row), error)
    (bar,) = bars(figure)
    assert bar.get_ylabel() == "Error (mm/h)"
    limit = np.percentile(np.abs(error), 99.5)
    assert row[0].images[0].get_clim() == pytest.approx((-limit, limit))


def test_one_bar_beside_all_rows():
    future = clip(2)
    figure = plot_errors(future, {"one": future, "two": future}, limit=0.25)
    (bar,) = bars(figure)
    (one, _), (two, _) = panels(figure)
    place = bar.get_position()
    assert place.y1 == pytest.approx(one.get_position().y1)
    assert place.y0 == pytest.approx(two.get_position().y0)
    assert bar.get_yticklabels()[-1].get_text() == "+0.25"


def test_unclipped_channels_are_averaged():
    future, forecast = clip(2, channels=3), 5 * clip(2, channels=3, seed=1)
    figure = plot_errors(future, forecast, clip=False, limit=3)
    (row,) = panels(figure)
    expected = (forecast - future).mean(axis=-1)
    np.testing.assert_allclose(shown(row), expected)


@pytest.mark.parametrize("height", [2, 20])
def test_no_text_overlaps(height):
    future = clip(6, height=height)
    future[:, 0] = np.nan
    forecasts = {"a name of several words": future, "b": future}
    check_texts(plot_errors(future, forecasts, scaling=Rain(), title="Title"))
    check_texts(plot_errors(future * np.nan, forecasts, clip=False))
