import numpy as np
import pytest

from msrnn_keras import plots
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
        ("radar", (TWO, None, TWO), {"extent": (0, 1, 2, 1)}, "extent="),
        ("errors", (None, TWO), {}, "Received: future=None"),
        ("errors", (TWO, TWO), {"limit": 0}, "Received: limit=0"),
        ("curves", ({}, "MSE"), {}, "Received: curves={}"),
        ("curves", ({"a": [[1.0], [2.0]]}, "MSE"), {}, r"\(2, 1\) for 'a'"),
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


def test_bad_arguments_of_animations():
    for name, value in (("scale", 1.5), ("colors", "green")):
        with pytest.raises(ValueError, match=f"Received: {name}={value!r}"):
            plots.forecast_frames(TWO, None, TWO, **{name: value})
