import numpy as np
import pytest

from msrnn_keras import plots
from msrnn_keras.plots.clips import check_clips, in_units
from tests.plots.pictures import clip

pytestmark = pytest.mark.backend_free

TWO, ARROWS = clip(2), np.ones((8, 8, 2))
RGB = clip(2, channels=3)


@pytest.mark.parametrize(
    ("name", "arguments", "options", "message"),
    [
        ("forecast", (TWO[None], None, TWO), {}, r"shape \(1, 2, 6, 8, 1\)"),
        ("forecast", (clip(2, channels=2), None, TWO), {}, "2 channels"),
        ("forecast", (TWO.astype("uint8"), None, TWO), {}, "dtype uint8"),
        ("forecast", (TWO, None, clip(2, height=7)), {}, "frames of one shape"),
        ("forecast", (TWO, clip(3), TWO), {}, "`future` and `forecast`"),
        ("forecast", (TWO, None, {"a": TWO, "b": clip(3)}), {}, "for 'b'"),
        ("forecast", (TWO, None, {}), {}, "Received: forecast={}"),
        ("forecast", (TWO, None, TWO), {"interval": 0}, "interval=0"),
        ("radar", (RGB, None, RGB), {}, "Received: 3 channels"),
        ("radar", (TWO, None, TWO), {"extent": (0, 0, 0, 1)}, "extent="),
        ("radar", (TWO, None, TWO), {"extent": (0, 1)}, "extent="),
        ("radar", (TWO, None, TWO), {"extent": (0, 1, 2, 1)}, "extent="),
        ("errors", (None, TWO), {}, "Received: future=None"),
        ("errors", (TWO, TWO), {"limit": 0}, "Received: limit=0"),
        ("errors", (TWO, {"a": clip(3)}), {}, "for 'a'"),
        ("curves", ({}, "MSE"), {}, "Received: curves={}"),
        ("curves", ({"a": [[1.0], [2.0]]}, "MSE"), {}, r"\(2, 1\) for 'a'"),
        ("curves", ({"a": [1.0]}, "MSE"), {"interval": -1}, "interval=-1"),
        ("flow", (np.zeros((8, 8, 3)),), {}, r"shape \(1, 8, 8, 3\)"),
        ("flow", (ARROWS,), {"arrows": 0}, "Received: arrows=0"),
        ("flow", (ARROWS,), {"magnify": -1}, "Received: magnify=-1"),
        ("flow", (ARROWS,), {"colors": "blue"}, "Received: colors='blue'"),
    ],
)
def test_bad_arguments_of_figures(name, arguments, options, message):
    with pytest.raises(ValueError, match=message) as error:
        getattr(plots, f"plot_{name}")(*arguments, **options)
    assert "Received: " in str(error.value)


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((TWO, None, TWO), {"scale": 1.5}, "Received: scale=1.5"),
        ((TWO, TWO, clip(3)), {}, "`future` and `forecast`"),
        ((TWO, None, TWO), {"colors": "green"}, "Received: colors='green'"),
    ],
)
def test_bad_arguments_of_animations(arguments, options, message):
    with pytest.raises(ValueError, match=message):
        plots.forecast_frames(*arguments, **options)


def test_good_clips_are_given_back():
    past, future, forecast = clip(3), clip(2), clip(2, seed=1)
    given = check_clips(past, future, forecast)
    assert given == (past, future, {"Forecast": forecast})


class Tenfold:
    def inverse(self, frames):
        return 10 * frames


def test_units_are_those_of_the_scaling():
    frames = clip(2)
    assert in_units(frames, None) is frames
    np.testing.assert_array_equal(in_units(frames, Tenfold()), 10 * frames)
