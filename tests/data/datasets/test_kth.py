import pickle
import shutil

import numpy as np
import pytest

from msrnn_keras.data import KTH, load
from msrnn_keras.data.datasets import kth as module
from tests.data.datasets import published
from tests.recordings import write_avi

pytest.importorskip("av")


def numbers(frames):
    """Return the person and the index of each frame, counted from 1."""
    size = frames.shape[1]
    left = frames[:, size // 2, size // 4, 0]
    right = frames[:, size // 2, 3 * size // 4, 0]
    return np.stack([left / 5, right / 2], axis=-1).astype("int64")


def windows(rows, length):
    """Return all windows in inclusive ranges `(person, first, last)`."""
    return [
        [(person, n) for n in range(start, start + length)]
        for person, first, last in rows
        for start in range(first, last + 2 - length)
    ]


TRAIN = [(1, 1, 40), (1, 45, 80), (1, 1, 35), (14, 1, 40)]


@pytest.mark.parametrize(
    ("name", "split", "size", "length", "rows"),
    [
        ("kth", "train", 128, 30, TRAIN),
        ("kth", "validation", 128, 30, [(15, 3, 40), (16, 1, 35)]),
        ("kth", "test", 128, 30, [(17, 1, 40), (17, 41, 80), (25, 1, 35)]),
        ("kth-msrnn", "train", 88, 20, TRAIN[:2] + TRAIN[3:]),  # no boxing
    ],
)
def test_clips_are_all_windows(kth, cache, name, split, size, length, rows):
    clips = load(name, split, path=kth, cache=cache, stride=1)
    assert clips.image_shape == (size, size, 1)
    found = published.written_times(clips, numbers)
    np.testing.assert_array_equal(found, windows(rows, length))


def test_videos_are_decoded_once(kth, tmp_path, monkeypatch):
    clips = load("kth", "validation", path=kth, cache=tmp_path)
    files = list(tmp_path.rglob("*.npy"))
    assert len(files) == 2 and np.load(files[0]).dtype == "uint8"
    monkeypatch.setattr(module, "decode", pytest.fail)
    again = load("kth", "validation", path=kth, cache=tmp_path)
    clips = pickle.loads(pickle.dumps(clips))
    np.testing.assert_array_equal(clips.clip(1), again.clip(1))
    pixels = clips.clip(0)
    np.testing.assert_allclose(pixels[:, 9, 9, 0], 75 / 255, rtol=1e-6)
    gray = clips.inverse(pixels)
    np.testing.assert_allclose(gray, clips.source.read(0, 30), rtol=1e-6)


def test_decode(tmp_path):
    ramp = np.tile(np.arange(160, dtype="uint8"), (3, 120, 1))
    write_avi(tmp_path / "ramp.avi", ramp, form="gray")
    found = module.decode(tmp_path / "ramp.avi", 80)
    assert found.shape == (3, 80, 80)
    expected = 2 * np.arange(80) + 0.5  # between the pixels 2j and 2j + 1
    inner = found[:, :, 2:-2].astype("float64") - expected[2:-2]
    assert np.abs(inner).max() <= 0.6
    frames = published.kth_frames(3, 30)
    write_avi(tmp_path / "a.avi", frames, codec="mpeg4", form="yuv420p")
    found = module.decode(tmp_path / "a.avi", 64)
    assert len(found) == 30
    right = found[:, 32, 48].astype("int64")
    assert np.abs(right - 2 * np.arange(1, 31)).max() <= 4


@pytest.fixture
def copied(kth, tmp_path):
    return shutil.copytree(kth, tmp_path / "kth")


def test_damaged_and_missing_videos(copied, tmp_path):
    video = copied / "person16_jogging_d4_uncomp.avi"
    noise = np.random.default_rng(0).integers(0, 256, (35, 120, 160), "uint8")
    write_avi(video, noise, form="gray")
    whole = video.read_bytes()
    for content, message in (
        (b"RIFF not a video", "decoded .*Received: .*person16_jogging_d4"),
        (whole[: len(whole) // 2], "35 frames.*Received: .*person16_jogging"),
    ):
        video.write_bytes(content)
        with pytest.raises(OSError, match=message):
            KTH("validation", copied, cache=tmp_path / "cache")
    for name in (video.name, "00sequences.txt"):
        (copied / name).unlink()
        with pytest.raises(FileNotFoundError, match=f"{name}.*Received"):
            KTH("validation", copied, cache=tmp_path / "cache")


def test_incomplete_videos_and_listings(copied, cache, monkeypatch):
    monkeypatch.setitem(module.CUT_OFF, "person17_walking_d1", 70)
    video = copied / "walking" / "person17_walking_d1_uncomp.avi"
    write_avi(video, published.kth_frames(17, 70), form="gray")
    options = {"path": copied, "cache": cache, "horizon": 10, "stride": 1}
    clips = load("kth", "test", **options)
    found = published.written_times(clips, numbers)
    rows = [(17, 1, 40), (17, 41, 70), (25, 1, 35)]
    np.testing.assert_array_equal(found, windows(rows, 20))
    assert module.CUT_OFF["person01_boxing_d4"] == 304
    line = "person01_boxing_d1 frames 1-35"
    (copied / "00sequences.txt").write_text(line)
    with pytest.raises(ValueError, match="persons 17 to 25 .*Received: "):
        KTH("test", copied, cache=cache)
    with pytest.raises(ValueError, match="subset of boxing.*Received: "):
        KTH("train", copied, cache=cache, actions=("sleeping",))


def test_parse_sequences():
    found = module.parse_sequences(published.KTH_LISTING)
    assert len(found) == 7
    assert found["person01_walking_d1"] == [(0, 40), (44, 80), (80, 85)]
    assert found["person14_running_d2"] == [(0, 40)]
    assert "person13_handclapping_d3" not in found
    for line in (
        "person01_boxing_d1 frames 1-a",
        "person01_boxing_d1 frames",
        "person01_boxing_d1 frames 0-8",
        "person02_boxing_d1 frames 1-8",  # repeated
    ):
        text = f"header\nperson02_boxing_d1 frames 1-8\n{line}\n"
        with pytest.raises(ValueError, match=f"Line 3 .*Received: '{line}'$"):
            module.parse_sequences(text)
    with pytest.raises(ValueError, match="Received: 6 characters"):
        module.parse_sequences("header")


@pytest.fixture
def server(kth, tmp_path, monkeypatch):
    """Return a folder that stands in for the server, and that of KTH."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))
    folder = tmp_path / "server"
    folder.mkdir()
    for action in ("walking", "boxing"):
        files = folder / action
        files.mkdir()
        for video in kth.rglob(f"*_{action}_*.avi"):
            shutil.copy(video, files)
        shutil.make_archive(str(files), "zip", files)
    shutil.copy(kth / "00sequences.txt", folder)
    monkeypatch.setattr(module, "ADDRESS", folder.as_uri() + "/")
    return folder, tmp_path / "home" / "datasets" / "kth"


def test_videos_are_downloaded_and_unpacked_once(server, kth, cache):
    server, home = server
    options = {"size": 32, "actions": ("walking", "boxing")}
    found = KTH("train", **options).read(0, 9)
    assert (home / "walking" / "person01_walking_d1_uncomp.avi").is_file()
    expected = KTH("train", kth, cache=cache, **options).read(0, 9)
    np.testing.assert_array_equal(found, expected)
    shutil.rmtree(server)
    (home / "walking.zip").unlink()
    found = KTH("train", **options).read(0, 9)
    np.testing.assert_array_equal(found, expected)
    assert len(list(home.rglob("*.npy"))) == 2


def test_failed_downloads(server):
    home = server[1]
    with pytest.raises(FileNotFoundError, match="running.zip cannot") as caught:
        KTH("train", actions=("walking", "running"))
    message = str(caught.value)
    assert "AVI files walking, running" in message
    assert message.endswith(f"no running.zip in {str(home)!r}")
    whole = (home / "walking.zip").read_bytes()
    (home / "walking.zip").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(OSError, match="delete it .*Received: .*walking.zip"):
        KTH("train", actions=("walking",))
    names = sorted(path.name for path in home.iterdir())
    assert names == ["00sequences.txt", "walking.zip"]
