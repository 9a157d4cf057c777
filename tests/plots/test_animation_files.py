import sys

import numpy as np
import pytest

from msrnn_keras.plots import MISSING_COLOR
from msrnn_keras.plots.animation import save_animation, save_gif

pytestmark = pytest.mark.backend_free

Image = pytest.importorskip("PIL.Image")


def clip(time, channels=1, seed=0):
    rng = np.random.default_rng(seed)
    return rng.random((time, 5, 7, channels))


def read(path):
    """Return the frames of a GIF as floats, and their durations in ms."""
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
    frames[1, 2, 3] = MISSING_COLOR
    pixels, durations = read(path)
    np.testing.assert_allclose(pixels, frames, atol=0.03)
    assert durations == [100] * 3
    save_gif(path, clip(2) * np.nan)
    pixels, _ = read(path)
    assert abs(pixels - MISSING_COLOR).max() < 0.01


def test_frames_last_as_long_as_they_should(tmp_path):
    path = tmp_path / "clip.gif"
    frames = clip(3)
    frames[1] = frames[0]
    save_gif(path, frames, fps=5)
    assert sum(read(path)[1]) == 600
    save_gif(path, clip(30), fps=30)  # 33.3 ms are no multiple of 10
    durations = read(path)[1]
    assert sum(durations) == 1000 and set(durations) == {30, 40}


def mp4(path):
    """Return the frames of an MP4 as floats, and its metadata."""
    import imageio.v3 as imageio

    frames = imageio.imread(path, plugin="pyav") / 255
    return frames, imageio.immeta(path, plugin="pyav")


def test_mp4_holds_the_frames(tmp_path):
    pytest.importorskip("imageio")
    pytest.importorskip("av")
    path = tmp_path / "clip.mp4"
    # The codec keeps large areas well; the sides are odd.
    frames = np.linspace(0, 1, 12).reshape(3, 2, 2, 1).repeat(7, 1).repeat(9, 2)
    frames = frames[:, :13, :15]
    frames[1, :6, :6] = np.nan
    save_animation(path, frames, fps=4, scale=3)
    pixels, meta = mp4(path)
    assert pixels.shape == (3, 40, 46, 3)
    assert meta["fps"] == 4 and meta["codec"] == "h264"
    expected = frames.repeat(3, axis=1).repeat(3, axis=2) * np.ones(3)
    missing = np.isnan(expected[1, 4:14, 4:14]).all()
    assert missing
    got = pixels[1, 4:14, 4:14].mean(axis=(0, 1))
    np.testing.assert_allclose(got, MISSING_COLOR, atol=0.03)
    for index in (0, 2):
        error = abs(pixels[index, :39, :45] - expected[index])
        assert error.mean() < 0.02
    assert list(tmp_path.iterdir()) == [path]


def test_mp4_without_the_extra_names_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(ImportError, match=r"msrnn-keras\[video\].*Received: "):
        save_animation(tmp_path / "clip.mp4", clip(2))
    assert list(tmp_path.iterdir()) == []


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


@pytest.mark.parametrize(
    ("frames", "options", "message"),
    [
        (clip(2)[0], {}, r"Received: shape \(5, 7, 1\)"),
        (clip(2, channels=2), {}, "Received: 2 channels"),
        (clip(2).astype("int64"), {}, "Received: dtype int64"),
        (clip(2), {"fps": 0}, "Received: fps=0"),
        (clip(2), {"fps": 51}, "Received: fps=51"),
        (clip(2), {"scale": 0}, "Received: scale=0"),
    ],
)
def test_bad_frames_are_refused(tmp_path, frames, options, message):
    with pytest.raises(ValueError, match=message):
        save_gif(tmp_path / "clip.gif", frames, **options)
    assert list(tmp_path.iterdir()) == []


def test_bad_paths_are_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="Received: "):
        save_gif(tmp_path / "none" / "clip.gif", clip(2))
    suffixes = r"\.gif, \.mp4.* Received: .*clip.avi"
    with pytest.raises(ValueError, match=suffixes):
        save_animation(tmp_path / "clip.avi", clip(2))
    assert list(tmp_path.iterdir()) == []
