import pickle
import shutil

import h5py
import numpy as np
import pytest

from msrnn_keras.data import Germany, RainRate, load
from tests.data.datasets import published

pytestmark = pytest.mark.backend_free

FIVE_MINUTES = np.timedelta64(5, "m")
YEARS = {"train": range(2006, 2015), "validation": [2015], "test": [2016, 2017]}


def open_split(path, split, cache, **kwargs):
    return load("germany", split, path=path, cache=cache, **kwargs)


def numbers(frames):
    return np.rint(frames[:, 100, 100, 0] * 100 / 12).astype("int64")


def written(split):
    times = [
        time
        for time in published.rain_times()
        if published.rain_name(time) not in published.RAIN_GAPS
        and int(str(time)[:4]) in YEARS[split]
    ]
    return np.array(times)


@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_windows_are_all_those_without_a_gap(germany, cache, split):
    clips = open_split(germany, split, cache, stride=1)
    part = written(split)
    windows = np.lib.stride_tricks.sliding_window_view(part, 10)
    whole = np.all(np.diff(windows, axis=1) == FIVE_MINUTES, axis=1)
    assert 0 < whole.sum() < len(part)
    found = published.written_times(clips, numbers)
    np.testing.assert_array_equal(found, published.rain_number(windows[whole]))
    np.testing.assert_array_equal(clips.source.times, part)


def test_test_clips_share_no_frame(germany, cache):
    starts = open_split(germany, "test", cache).starts
    assert starts.tolist() == [0, 12, 29]


def test_blocks_are_means_of_what_is_there(germany, cache):
    source = Germany("test", germany, cache)
    frame = source.read(0, 1)[0, ..., 0]
    rain = 12 * published.rain_number(source.times[0]) / 100
    assert frame.dtype == "float32"
    assert np.isnan(frame[[0, 1], [0, 0]]).all()
    assert np.isnan(frame).sum() == 2  # nothing else
    np.testing.assert_allclose(frame[0, 1], rain, rtol=1e-6)
    np.testing.assert_allclose(frame[2, 0], (36 + rain) / 2, rtol=1e-6)
    row, column = (300 - 194) // 4, (300 - 194) // 4
    np.testing.assert_allclose(frame[row, column], rain * 15 / 16, rtol=1e-6)
    np.testing.assert_allclose(frame[5:20, 5:20], rain, rtol=1e-6)


def test_missing_pixels_stay_missing(germany, cache):
    x, y = open_split(germany, "test", cache, batch_size=2)[0]
    assert x.shape == (2, 5, 128, 128, 1)
    for frames in (x, y):
        assert np.isnan(frames[:, :, 0, 0]).all()
        assert np.isnan(frames[:, :, 1, 0]).all()
        assert np.isnan(frames).sum() == 2 * 2 * 5
        assert np.nanmin(frames) > 0


def test_pixels_are_reflectivity(germany, cache):
    clips = open_split(germany, "validation", cache)
    assert clips.scaling == RainRate()
    rain = clips.source.read(0, 10)
    z = 256 * rain[:, 9, 9] ** 1.42
    expected = (10 * np.log10(z) + 10) / 70
    np.testing.assert_allclose(clips.clip(0)[:, 9, 9], expected, rtol=1e-5)
    back = clips.inverse(clips.clip(0))
    np.testing.assert_allclose(back, rain, rtol=1e-4)


def test_only_the_centre_of_the_frames_asked_for_is_read(
    germany, cache, bytes_read
):
    clips = open_split(germany, "test", cache, batch_size=2)
    assert sum(bytes_read) == 0
    clips[0]
    assert sum(bytes_read) == 2 * 10 * 512 * 512 * 4


def test_the_names_are_listed_once(germany, tmp_path, monkeypatch):
    first = Germany("train", germany, tmp_path)
    monkeypatch.setattr(
        "msrnn_keras.data.datasets.germany._times",
        lambda path: pytest.fail("again"),
    )
    again = Germany("train", germany, tmp_path)
    np.testing.assert_array_equal(first.times, again.times)
    assert len(list(tmp_path.iterdir())) == 1


def test_names_of_a_year(tmp_path):
    times = np.arange("2015-01-01", "2016-01-01", 65, "datetime64[m]")
    with h5py.File(tmp_path / "RYDL.hdf5", "w") as file:
        file["about"] = 1
        file["201501010000"] = np.zeros((900, 900), "int8")
        for time in times[1:]:
            file[published.rain_name(time)] = file["201501010000"]
    source = Germany("validation", tmp_path, tmp_path)
    np.testing.assert_array_equal(source.times, times)
    assert source.segments == [(i, i + 1) for i in range(len(times))]


def test_no_file_stays_open(germany, cache):
    source = Germany("test", germany.parent, cache)
    before = source.read(2, 4)
    assert not h5py.h5f.get_obj_count(h5py.h5f.OBJ_ALL, h5py.h5f.OBJ_FILE)
    copy = pickle.loads(pickle.dumps(source))
    np.testing.assert_array_equal(copy.read(2, 4), before)


def test_a_truncated_file(germany, tmp_path):
    path = shutil.copy(germany, tmp_path / "RYDL.hdf5")
    with open(path, "r+b") as file:
        file.truncate(germany.stat().st_size // 2)
    with pytest.raises(OSError, match="cut off .*Received: .*RYDL") as caught:
        Germany("test", path, tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("201613010000", "YYYYMMDDHHMM. Received: '201613010000' in .*RYDL"),
        ("201602300000", "Received: '201602300000' in"),
        ("201602012400", "Received: '201602012400' in"),
        ("rain", "Received: none in .*RYDL"),
        ("201501010000", "frames of 2016 to 2017 .*Received: none in .*RYDL"),
    ],
)
def test_wrong_names(tmp_path, name, message):
    with h5py.File(tmp_path / "RYDL.hdf5", "w") as file:
        file[name] = np.zeros((900, 900), "int8")
    with pytest.raises(ValueError, match=message):
        Germany("test", tmp_path, tmp_path)


def test_wrong_shape_and_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="3629951.*Received: .*RYDL"):
        Germany("test", tmp_path, tmp_path)
    with h5py.File(tmp_path / "RYDL.hdf5", "w") as file:
        file["201601010000"] = np.zeros((900, 901), "int8")
    source = Germany("test", tmp_path, tmp_path)
    with pytest.raises(ValueError, match=r"Received: \(900, 901\) in .*RYDL"):
        source.read(0, 1)
