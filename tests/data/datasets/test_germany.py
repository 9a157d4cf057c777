import os
import shutil

import h5py
import numpy as np
import pytest

from msrnn_keras.data import Germany, RainRate, load
from tests.data.datasets import published

pytestmark = pytest.mark.backend_free

YEARS = {"train": range(2006, 2015), "validation": [2015], "test": [2016, 2017]}


@pytest.fixture
def open_split(germany, cache):
    return lambda split, **kwargs: load(
        "germany", split, path=germany, cache=cache, **kwargs
    )


def numbers(frames):
    return np.rint(frames[:, 100, 100, 0] * 100 / 12).astype("int64")


@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_clips_are_all_windows_without_a_gap(open_split, split):
    times = [
        time
        for time in published.rain_times()
        if published.rain_name(time) not in published.RAIN_GAPS
        and int(str(time)[:4]) in YEARS[split]
    ]
    clips = open_split(split, stride=1)
    windows = published.whole_windows(np.array(times), 10, 5)
    assert 0 < len(windows) < len(times)
    found = published.written_times(clips, numbers)
    np.testing.assert_array_equal(found, published.rain_number(windows))
    np.testing.assert_array_equal(clips.source.times, times)


def test_test_clips_share_no_frame(open_split):
    assert open_split("test").starts.tolist() == [0, 12, 29]


def test_blocks_are_means_of_valid_pixels(germany, cache):
    source = Germany("test", germany, cache)
    frame = source.read(0, 1)[0, ..., 0]
    rain = 12 * published.rain_number(source.times[0]) / 100
    assert frame.dtype == "float32"
    assert np.isnan(frame[[0, 1], [0, 0]]).all()
    assert np.isnan(frame).sum() == 2  # no others
    np.testing.assert_allclose(frame[0, 1], rain, rtol=1e-6)
    np.testing.assert_allclose(frame[2, 0], (36 + rain) / 2, rtol=1e-6)
    row = (300 - 194) // 4
    np.testing.assert_allclose(frame[row, row], rain * 15 / 16, rtol=1e-6)
    np.testing.assert_allclose(frame[5:20, 5:20], rain, rtol=1e-6)


def test_missing_pixels_stay_missing(open_split):
    x, y = open_split("test", batch_size=2)[0]
    assert x.shape == (2, 5, 128, 128, 1)
    for frames in (x, y):
        assert np.isnan(frames[:, :, [0, 1], 0]).all()
        assert np.isnan(frames).sum() == 2 * 2 * 5
        assert np.nanmin(frames) > 0


def test_pixels_are_reflectivity(open_split):
    clips = open_split("validation")
    assert clips.scaling == RainRate()
    rain = clips.source.read(0, 10)
    z = 256 * rain[:, 9, 9] ** 1.42
    expected = (10 * np.log10(z) + 10) / 70
    np.testing.assert_allclose(clips.clip(0)[:, 9, 9], expected, rtol=1e-5)
    back = clips.inverse(clips.clip(0))
    np.testing.assert_allclose(back, rain, rtol=1e-4)


def test_only_the_center_of_the_requested_frames_is_read(
    open_split, bytes_read
):
    clips = open_split("test", batch_size=2)
    assert sum(bytes_read) == 0
    clips[0]
    assert sum(bytes_read) == 2 * 10 * 512 * 512 * 4


def test_the_names_are_listed_once(germany, tmp_path, monkeypatch):
    first = Germany("train", germany, tmp_path)
    listing = "msrnn_keras.data.datasets.germany._times"
    monkeypatch.setattr(listing, lambda path: pytest.fail("again"))
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
    published.assert_no_file_stays_open(source)


def test_a_truncated_file(germany, tmp_path):
    path = shutil.copy(germany, tmp_path / "RYDL.hdf5")
    os.truncate(path, germany.stat().st_size // 2)
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
