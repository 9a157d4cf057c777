import numpy as np
import pytest

from msrnn_keras.plots import (
    MISSING_COLOR,
    NO_DATA_COLOR,
    RAIN_COLORS,
    RAIN_LEVELS,
    animation,
)
from msrnn_keras.plots.animation import forecast_frames

pytestmark = pytest.mark.backend_free

pytest.importorskip("matplotlib")
BORDER = animation._BORDER


def clip(time, channels=1, seed=0):
    rng = np.random.default_rng(seed)
    return rng.random((time, 5, 6, channels))


def panel(frames, index, scale=3):
    """Return the inside of one panel, one value per original pixel."""
    left = index * (6 * scale + 2 * BORDER) + BORDER
    inside = frames[:, BORDER:-BORDER, left : left + 6 * scale]
    return inside[:, scale // 2 :: scale, scale // 2 :: scale]


def error_colors(error):
    from matplotlib import colormaps

    return colormaps["RdBu_r"]((error[..., 0] + 1) / 2)[..., :3]


def test_forecast_frames_show_truth_forecast_and_error():
    past, future, forecast = clip(3), clip(2, seed=1), clip(2, seed=2) * 1.2
    frames = forecast_frames(past, future, forecast, scale=3)
    assert frames.shape == (5, 15 + 2 * BORDER, 3 * (18 + 2 * BORDER), 3)
    clipped = np.clip(forecast, 0, 1)
    ones = np.ones(3)
    truth = np.concatenate([past, future]) * ones
    np.testing.assert_allclose(panel(frames, 0), truth)
    shown = np.concatenate([past, clipped]) * ones
    np.testing.assert_allclose(panel(frames, 1), shown)
    error = panel(frames, 2)
    np.testing.assert_array_equal(error[:3], np.ones((3, 5, 6, 3)))
    np.testing.assert_allclose(error[3:], error_colors(clipped - future))


def test_several_models():
    past, future = clip(3), clip(2, seed=1)
    forecasts = {"a": clip(2, seed=2), "b": clip(2, seed=3)}
    frames = forecast_frames(past, future, forecasts, scale=3)
    for index, forecast in enumerate(forecasts.values(), start=1):
        shown = panel(frames, index)[3:]
        np.testing.assert_allclose(shown, forecast * np.ones(3))
        error = panel(frames, index + 2)[3:]
        np.testing.assert_allclose(error, error_colors(forecast - future))
    assert frames.shape[2] == 5 * (18 + 2 * BORDER)


def test_border_differs_between_context_and_forecast():
    frames = forecast_frames(clip(3), clip(2), clip(2, seed=1))
    width = frames.shape[2] // 3
    for index in range(3):
        corner = frames[:, 0, index * width]
        expected = [animation.CONTEXT_COLOR] * 3 + [
            animation.FORECAST_COLOR
        ] * 2
        np.testing.assert_array_equal(corner, expected)


def test_without_truth_only_the_forecast_is_shown():
    past, forecast = clip(3, channels=3), clip(4, channels=3, seed=1)
    frames = forecast_frames(past, None, forecast, scale=3)
    assert frames.shape[2] == 18 + 2 * BORDER
    expected = np.concatenate([past, forecast])
    np.testing.assert_allclose(panel(frames, 0), expected)


def test_missing_pixels_have_their_color():
    past, future, forecast = clip(2), clip(2, seed=1), clip(2, seed=2)
    future[0, 1, 2] = np.nan
    frames = forecast_frames(past, future, forecast, scale=3)
    for index in (0, 2):
        missing = panel(frames, index)[2, 1, 2]
        np.testing.assert_allclose(missing, MISSING_COLOR)


def test_rain_has_its_colors():
    from matplotlib.colors import to_rgb

    rain = np.zeros((1, 5, 6, 1))
    rain[0, :2, :5] = np.reshape(RAIN_LEVELS, (2, 5, 1))
    rain[0, 4, 4] = np.nan
    frames = forecast_frames(
        rain, rain, rain + 10, 3, colors="rain", error_limit=20
    )
    truth = panel(frames, 0)[1]
    expected = np.reshape([to_rgb(c) for c in RAIN_COLORS], (2, 5, 3))
    np.testing.assert_allclose(truth[:2, :5], expected)
    np.testing.assert_allclose(truth[3], 1)  # no rain is white
    np.testing.assert_allclose(truth[4, 4], NO_DATA_COLOR)
    half = error_colors(np.full((1, 1, 1), 0.5))[0, 0]
    np.testing.assert_allclose(panel(frames, 2)[1, 0, 0], half)
