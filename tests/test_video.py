import numpy as np
import pytest

from msrnn_keras import video
from msrnn_keras.video import forecast_frames, save_gif

Image = pytest.importorskip("PIL.Image")


def clip(time, channels=1, seed=0):
    rng = np.random.default_rng(seed)
    return rng.random((time, 5, 6, channels))


def read(path):
    """The frames of a GIF as floats, and their durations in ms."""
    frames, durations = [], []
    with Image.open(path) as image:
        for index in range(image.n_frames):
            image.seek(index)
            frames.append(np.asarray(image.convert("RGB")) / 255)
            durations.append(image.info["duration"])
    return np.stack(frames), durations


def test_gif_holds_grey_frames_exactly(tmp_path):
    path = tmp_path / "clip.gif"
    frames = clip(4)
    frames[0, 0, 0], frames[0, 0, 1] = -0.5, 1.5
    save_gif(path, frames, fps=4, scale=3)
    pixels, durations = read(path)
    expected = np.kron(np.clip(frames, 0, 1), np.ones((1, 3, 3, 3)))
    np.testing.assert_allclose(pixels, expected, atol=0.51 / 255)
    assert durations == [250] * 4
    assert list(tmp_path.iterdir()) == [path]
    with Image.open(path) as image:
        assert image.info["loop"] == 0


def test_gif_holds_colour_frames(tmp_path):
    path = tmp_path / "clip.gif"
    frames = clip(3, channels=3)
    save_gif(path, frames.astype("float32"), fps=10)
    pixels, durations = read(path)
    np.testing.assert_allclose(pixels, frames, atol=0.03)
    assert durations == [100] * 3


def test_equal_frames_last_as_long(tmp_path):
    path = tmp_path / "clip.gif"
    frames = clip(3)
    frames[1] = frames[0]
    save_gif(path, frames, fps=5)
    assert sum(read(path)[1]) == 600


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "clip.gif"
    path.write_text("old")

    def fail(self, target, **options):
        target.write_text("half")
        raise OSError("disk full")

    monkeypatch.setattr(Image.Image, "save", fail)
    with pytest.raises(OSError, match="disk full"):
        save_gif(path, clip(2))
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def panel(frames, index, scale):
    """The inside of one panel, one value per original pixel."""
    border = video._BORDER
    left = index * (6 * scale + 2 * border) + border
    inside = frames[:, border:-border, left : left + 6 * scale]
    return inside[:, scale // 2 :: scale, scale // 2 :: scale]


def test_forecast_frames_show_truth_forecast_and_error():
    past, future, forecast = clip(3), clip(2, seed=1), clip(2, seed=2) * 1.2
    frames = forecast_frames(past, future, forecast, scale=3)
    border = video._BORDER
    assert frames.shape == (5, 15 + 2 * border, 3 * (18 + 2 * border), 3)
    clipped = np.clip(forecast, 0, 1)
    ones = np.ones(3)
    truth = np.concatenate([past, future]) * ones
    np.testing.assert_allclose(panel(frames, 0, 3), truth)
    shown = np.concatenate([past, clipped]) * ones
    np.testing.assert_allclose(panel(frames, 1, 3), shown)
    error = panel(frames, 2, 3)
    np.testing.assert_array_equal(error[:3], np.ones((3, 5, 6, 3)))
    signed = error[3:, ..., 0] - error[3:, ..., 2]
    np.testing.assert_allclose(signed, (clipped - future)[..., 0], atol=1e-12)


def test_border_tells_context_from_forecast():
    frames = forecast_frames(clip(3), clip(2), clip(2, seed=1))
    width = frames.shape[2] // 3
    for index in range(3):
        corner = frames[:, 0, index * width]
        expected = [video.CONTEXT_COLOUR] * 3 + [video.FORECAST_COLOUR] * 2
        np.testing.assert_array_equal(corner, expected)


def test_without_truth_only_the_forecast_is_shown(tmp_path):
    past, forecast = clip(3, channels=3), clip(4, channels=3, seed=1)
    frames = forecast_frames(past, None, forecast, scale=3)
    assert frames.shape[2] == 18 + 2 * video._BORDER
    expected = np.concatenate([past, forecast])
    np.testing.assert_allclose(panel(frames, 0, 3), expected)


def test_missing_pixels_have_their_colour_and_can_be_saved(tmp_path):
    past, future, forecast = clip(2), clip(2, seed=1), clip(2, seed=2)
    future[0, 1, 2] = np.nan
    frames = forecast_frames(past, future, forecast, scale=3)
    for index in (0, 2):
        missing = panel(frames, index, 3)[2, 1, 2]
        np.testing.assert_array_equal(missing, video.MISSING_COLOUR)
    save_gif(tmp_path / "clip.gif", frames)
    pixels, _ = read(tmp_path / "clip.gif")
    np.testing.assert_allclose(pixels, frames, atol=0.1)


def test_errors(tmp_path):
    path = tmp_path / "clip.gif"
    with pytest.raises(ValueError, match=r"Received: shape \(5, 6, 1\)"):
        save_gif(path, clip(2)[0])
    with pytest.raises(ValueError, match="Received: 2 channels"):
        save_gif(path, clip(2, channels=2))
    with pytest.raises(ValueError, match="Received: dtype int64"):
        save_gif(path, clip(2).astype("int64"))
    with pytest.raises(ValueError, match="Received: 60 NaN"):
        save_gif(path, clip(2) * np.nan)
    for fps in (0, 51):
        with pytest.raises(ValueError, match=f"Received: fps={fps}"):
            save_gif(path, clip(2), fps=fps)
    with pytest.raises(ValueError, match="Received: scale=0"):
        save_gif(path, clip(2), scale=0)
    with pytest.raises(FileNotFoundError, match="Received: path="):
        save_gif(tmp_path / "none" / "clip.gif", clip(2))
    with pytest.raises(ValueError, match="Received: scale=1.5"):
        forecast_frames(clip(2), None, clip(2), scale=1.5)
    with pytest.raises(ValueError, match="`future` and `forecast`"):
        forecast_frames(clip(2), clip(2), clip(3))
    assert list(tmp_path.iterdir()) == []
