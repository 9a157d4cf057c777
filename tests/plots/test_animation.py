import functools
import sys

import numpy as np
import pytest
from PIL import Image

from msrnn_keras import plots
from msrnn_keras.plots import forecast_frames, save_animation, save_gif
from tests.plots import pictures

pytestmark = pytest.mark.backend_free

BORDER = plots.animation._BORDER
clip = functools.partial(pictures.clip, height=5, width=6)


def panel(frames, index, scale=3):
    """Return the inside of one panel, one value per original pixel."""
    left = index * (6 * scale + 2 * BORDER) + BORDER
    inside = frames[:, BORDER:-BORDER, left : left + 6 * scale]
    return inside[:, scale // 2 :: scale, scale // 2 :: scale]


def error_colors(error):
    from matplotlib import colormaps

    return colormaps["RdBu_r"]((error[..., 0] + 1) / 2)[..., :3]


def test_frames_show_truth_forecasts_and_errors():
    past, future = clip(3), clip(2, seed=1)
    forecasts = {"a": clip(2, seed=2) * 1.2, "b": clip(2, seed=3)}
    frames = forecast_frames(past, future, forecasts, scale=3)
    assert frames.shape == (5, 15 + 2 * BORDER, 5 * (18 + 2 * BORDER), 3)
    ahead = [future, *(np.clip(x, 0, 1) for x in forecasts.values())]
    for index in range(3):
        expected = np.concatenate([past, ahead[index]]) * np.ones(3)
        np.testing.assert_allclose(panel(frames, index), expected)
    for index in (1, 2):
        error = panel(frames, index + 2)
        np.testing.assert_array_equal(error[:3], np.ones((3, 5, 6, 3)))
        expected = error_colors(ahead[index] - future)
        np.testing.assert_allclose(error[3:], expected)
    for index in range(5):
        corner = frames[:, 0, index * frames.shape[2] // 5]
        expected = [plots.animation.CONTEXT_COLOR] * 3
        expected += [plots.animation.FORECAST_COLOR] * 2
        np.testing.assert_array_equal(corner, expected)


def test_missing_truth_and_missing_pixels():
    past, forecast = clip(3, channels=3), clip(4, channels=3, seed=1)
    frames = forecast_frames(past, None, forecast, scale=3)
    assert frames.shape[2] == 18 + 2 * BORDER
    expected = np.concatenate([past, forecast])
    np.testing.assert_allclose(panel(frames, 0), expected)
    past, future, forecast = clip(2), clip(2, seed=1), clip(2, seed=2)
    future[0, 1, 2] = np.nan
    frames = forecast_frames(past, future, forecast, scale=3)
    for index in (0, 2):
        missing = panel(frames, index)[2, 1, 2]
        np.testing.assert_allclose(missing, plots.MISSING_COLOR)


def test_rain_has_its_colors():
    from matplotlib.colors import to_rgb

    rain = np.zeros((1, 5, 6, 1))
    rain[0, :2, :5] = np.reshape(plots.RAIN_LEVELS, (2, 5, 1))
    rain[0, 4, 4] = np.nan
    frames = forecast_frames(rain, rain, rain + 10, 3, "rain", error_limit=20)
    truth = panel(frames, 0)[1]
    expected = np.reshape([to_rgb(c) for c in plots.RAIN_COLORS], (2, 5, 3))
    np.testing.assert_allclose(truth[:2, :5], expected)
    np.testing.assert_allclose(truth[3], 1)  # no rain is white
    np.testing.assert_allclose(truth[4, 4], plots.NO_DATA_COLOR)
    half = error_colors(np.full((1, 1, 1), 0.5))[0, 0]
    np.testing.assert_allclose(panel(frames, 2)[1, 0, 0], half)


def read(path):
    frames, durations = [], []
    with Image.open(path) as image:
        for index in range(image.n_frames):
            image.seek(index)
            frames.append(np.asarray(image.convert("RGB")) / 255)
            durations.append(image.info["duration"])
    return np.stack(frames), durations


@pytest.mark.parametrize("save", [save_gif, save_animation])
def test_gif_holds_gray_frames_exactly(tmp_path, save):
    path = tmp_path / "clip.gif"
    frames = clip(4)
    frames[0, 0, 0], frames[0, 0, 1] = -0.5, 1.5
    save(path, frames, fps=4, scale=3)
    pixels, durations = read(path)
    expected = np.kron(np.clip(frames, 0, 1), np.ones((1, 3, 3, 3)))
    np.testing.assert_allclose(pixels, expected, atol=0.51 / 255)
    assert durations == [250] * 4
    assert list(tmp_path.iterdir()) == [path]
    with Image.open(path) as image:
        assert image.info["loop"] == 0


def test_gif_holds_color_frames_and_missing_pixels(tmp_path):
    path = tmp_path / "clip.gif"
    frames = clip(3, channels=3)
    frames[1, 2, 3] = np.nan
    save_gif(path, frames.astype("float32"), fps=10)
    frames[1, 2, 3] = plots.MISSING_COLOR
    np.testing.assert_allclose(read(path)[0], frames, atol=0.03)
    save_gif(path, clip(2) * np.nan)
    assert abs(read(path)[0] - plots.MISSING_COLOR).max() < 0.01


def test_frames_last_as_long_as_they_should(tmp_path):
    path = tmp_path / "clip.gif"
    frames = clip(3)
    frames[1] = frames[0]
    save_gif(path, frames, fps=5)
    assert sum(read(path)[1]) == 600
    save_gif(path, clip(30), fps=30)  # 33.3 ms are no multiple of 10
    durations = read(path)[1]
    assert sum(durations) == 1000 and set(durations) == {30, 40}


def test_mp4_holds_the_frames(tmp_path, monkeypatch):
    imageio = pytest.importorskip("imageio.v3")
    path = tmp_path / "clip.mp4"
    # The codec keeps large areas well; the sides are odd.
    frames = np.linspace(0, 1, 12).reshape(3, 2, 2, 1).repeat(7, 1).repeat(9, 2)
    frames = frames[:, :13, :15]
    frames[1, :6, :6] = np.nan
    save_animation(path, frames, fps=4, scale=3)
    pixels = imageio.imread(path, plugin="pyav") / 255
    meta = imageio.immeta(path, plugin="pyav")
    assert pixels.shape == (3, 40, 46, 3)
    assert meta["fps"] == 4 and meta["codec"] == "h264"
    expected = frames.repeat(3, axis=1).repeat(3, axis=2) * np.ones(3)
    got = pixels[1, 4:14, 4:14].mean(axis=(0, 1))
    np.testing.assert_allclose(got, plots.MISSING_COLOR, atol=0.03)
    for index in (0, 2):
        error = abs(pixels[index, :39, :45] - expected[index])
        assert error.mean() < 0.02
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(ImportError, match=r"msrnn-keras\[video\].*Received: "):
        save_animation(tmp_path / "other.mp4", frames)
    assert list(tmp_path.iterdir()) == [path]


def test_bad_arguments_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"Received: shape \(5, 6, 1\)"):
        save_gif(tmp_path / "clip.gif", clip(2)[0])
    for key, value in (("fps", 0), ("fps", 51), ("scale", 0)):
        with pytest.raises(ValueError, match=f"Received: {key}={value}"):
            save_gif(tmp_path / "clip.gif", clip(2), **{key: value})
    with pytest.raises(FileNotFoundError, match="Received: "):
        save_gif(tmp_path / "none" / "clip.gif", clip(2))
    with pytest.raises(ValueError, match=r"\.gif, \.mp4.* Received: .*a.avi"):
        save_animation(tmp_path / "a.avi", clip(2))
    assert list(tmp_path.iterdir()) == []
