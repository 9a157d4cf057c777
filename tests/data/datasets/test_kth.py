import pickle
import shutil

import numpy as np
import pytest

from msrnn_keras.data import KTH, Clips, load
from msrnn_keras.data.datasets import kth
from msrnn_keras.data.datasets.kth import decode
from tests.data.datasets import published

pytestmark = pytest.mark.backend_free

pytest.importorskip("av")


def open_split(path, split, cache, name="kth", **kwargs):
    return load(name, split, path=path, cache=cache, **kwargs)


def numbers(frames):
    """Person and number of each frame, counted from 1."""
    size = frames.shape[1]
    left = frames[:, size // 2, size // 4, 0]
    right = frames[:, size // 2, 3 * size // 4, 0]
    return np.stack([left / 5, right / 2], axis=-1).astype("int64")


def windows(rows, length):
    """All windows in ranges `(person, first, last)`, both ends included."""
    return [
        [(person, n) for n in range(start, start + length)]
        for person, first, last in rows
        for start in range(first, last + 2 - length)
    ]


@pytest.mark.parametrize(
    ("split", "rows"),
    [
        ("train", [(1, 1, 40), (1, 45, 80), (1, 1, 35), (14, 1, 40)]),
        ("validation", [(15, 3, 40), (16, 1, 35)]),
        ("test", [(17, 1, 40), (17, 41, 80), (25, 1, 35)]),
    ],
)
def test_windows_are_all_those_of_a_range(kth, cache, split, rows):
    clips = open_split(kth, split, cache, stride=1)
    assert clips.image_shape == (128, 128, 1)
    found = published.written_times(clips, numbers)
    np.testing.assert_array_equal(found, windows(rows, 30))


def test_three_actions_of_msrnn(kth, cache):
    clips = open_split(kth, "train", cache, "kth-msrnn", stride=1)
    assert clips.image_shape == (88, 88, 1)
    assert (clips.context, clips.horizon) == (10, 10)
    found = published.written_times(clips, numbers)
    rows = [(1, 1, 40), (1, 45, 80), (14, 1, 40)]
    np.testing.assert_array_equal(found, windows(rows, 20))


def test_test_clips_share_no_frame(kth, cache):
    clips = open_split(kth, "test", cache)
    assert clips.starts.tolist() == [0, 40, 80]


def test_frames_are_decoded_once(kth, tmp_path, monkeypatch):
    first = open_split(kth, "validation", tmp_path)
    assert len(list(tmp_path.rglob("*.npy"))) == first.num_clips == 2
    monkeypatch.setattr("msrnn_keras.data.datasets.kth.decode", pytest.fail)
    again = open_split(kth, "validation", tmp_path)
    np.testing.assert_array_equal(first.clip(1), again.clip(1))
    assert np.load(next(tmp_path.rglob("*.npy"))).dtype == "uint8"


def test_pixels_and_grey_values(kth, cache):
    clips = pickle.loads(pickle.dumps(open_split(kth, "validation", cache)))
    pixels = clips.clip(0)
    assert pixels.dtype == "float32"
    np.testing.assert_allclose(pixels[:, 9, 9, 0], 75 / 255, rtol=1e-6)
    gray = clips.inverse(pixels)
    np.testing.assert_allclose(gray, clips.source.read(0, 30), rtol=1e-6)


def test_reading_across_two_ranges(kth, cache):
    source = KTH("test", kth, cache=cache)
    found = numbers(source.read(38, 43))
    expected = [(17, 39), (17, 40), (17, 41), (17, 42), (17, 43)]
    np.testing.assert_array_equal(found, expected)


def test_resized_as_a_ramp_is(tmp_path):
    ramp = np.tile(np.arange(160, dtype="uint8"), (3, 120, 1))
    published.write_video(tmp_path / "ramp.avi", ramp)
    found = decode(tmp_path / "ramp.avi", 80)
    assert found.shape == (3, 80, 80)
    expected = 2 * np.arange(80) + 0.5  # between the pixels 2j and 2j + 1
    inner = found[:, :, 2:-2].astype("float64") - expected[2:-2]
    assert np.abs(inner).max() <= 0.6


def test_videos_compressed_with_loss(tmp_path):
    frames = published.kth_frames(3, 30)
    published.write_video(tmp_path / "a.avi", frames, "mpeg4", "yuv420p")
    found = decode(tmp_path / "a.avi", 64)
    assert len(found) == 30
    right = found[:, 32, 48].astype("int64")
    assert np.abs(right - 2 * np.arange(1, 31)).max() <= 4


@pytest.fixture
def copied(kth, tmp_path):
    return shutil.copytree(kth, tmp_path / "kth")


def test_unreadable_and_missing_videos(copied, tmp_path):
    video = copied / "person16_jogging_d4_uncomp.avi"
    noise = np.random.default_rng(0).integers(0, 256, (35, 120, 160))
    published.write_video(video, noise.astype("uint8"))
    whole = video.read_bytes()
    for content, message in (
        (b"RIFF not a video", "decoded .*Received: .*person16_jogging_d4"),
        (whole[:2000], "Received: .*person16_jogging_d4"),
        (whole[: len(whole) // 2], "35 frames.*Received: .*person16_jogging"),
    ):
        video.write_bytes(content)
        with pytest.raises(OSError, match=message) as caught:
            open_split(copied, "validation", tmp_path / "cache")
        assert "\n" not in str(caught.value)
    video.unlink()
    with pytest.raises(FileNotFoundError, match="person16_jogging_d4_uncomp"):
        open_split(copied, "validation", tmp_path / "cache")
    (copied / "00sequences.txt").unlink()
    with pytest.raises(FileNotFoundError, match="00sequences.txt.*Received"):
        open_split(copied, "validation", tmp_path / "cache")


def test_the_video_published_cut_off(copied, cache, monkeypatch):
    monkeypatch.setitem(kth.CUT_OFF, "person17_walking_d1", 70)
    video = copied / "walking" / "person17_walking_d1_uncomp.avi"
    published.write_video(video, published.kth_frames(17, 70))
    clips = open_split(copied, "test", cache, horizon=10, stride=1)
    found = published.written_times(clips, numbers)
    rows = [(17, 1, 40), (17, 41, 70), (25, 1, 35)]
    np.testing.assert_array_equal(found, windows(rows, 20))
    assert kth.CUT_OFF["person01_boxing_d4"] == 304


def test_no_video_of_the_split(copied, cache):
    line = "person01_boxing_d1 frames 1-35"
    (copied / "00sequences.txt").write_text(line)
    with pytest.raises(ValueError, match="persons 17 to 25 .*Received: "):
        KTH("test", copied, cache=cache)
    with pytest.raises(ValueError, match="some of boxing.*Received: "):
        KTH("train", copied, cache=cache, actions=("sleeping",))
    assert Clips(KTH("train", copied, cache=cache), 10, 10).num_clips == 16


def test_without_pyav(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "av", None)
    with pytest.raises(ImportError, match=r'install "msrnn-keras\[video\]"'):
        decode(tmp_path / "a.avi", 64)
