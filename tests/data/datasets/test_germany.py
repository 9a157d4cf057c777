import h5py
import numpy as np
import pytest

from msrnn_keras.data import Germany, RainRate, load
from tests.data.datasets import published

YEARS = {"train": [2014], "validation": [2015], "test": [2016, 2017]}


def numbers(frames):
    return np.rint(frames[:, 100, 100, 0] * 100 / 12).astype("int64")


@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_clips_are_all_windows_without_a_gap(germany, cache, split):
    times = published.rain_times()
    years = times.astype("datetime64[Y]").astype(int) + 1970
    times = times[np.isin(years, YEARS[split])]
    clips = load("germany", split, path=germany, cache=cache, stride=1)
    windows = published.whole_windows(times, 10, 5)
    assert 0 < len(windows) < len(times)
    found = published.written_times(clips, numbers)
    np.testing.assert_array_equal(found, published.rain_number(windows))
    np.testing.assert_array_equal(clips.source.times, times)


def test_blocks_are_means_of_valid_pixels(germany, cache):
    source = Germany("test", germany, cache)
    assert source.scaling == RainRate()
    frame = source.read(0, 1)[0, ..., 0]
    rain = 12 * published.rain_number(source.times[0]) / 100
    assert np.isnan(frame[[0, 1], [0, 0]]).all()
    assert np.isnan(frame).sum() == 2  # no others
    np.testing.assert_allclose(frame[0, 1], rain, rtol=1e-6)
    np.testing.assert_allclose(frame[2, 0], (36 + rain) / 2, rtol=1e-6)
    row = (300 - 194) // 4
    np.testing.assert_allclose(frame[row, row], rain * 15 / 16, rtol=1e-6)
    np.testing.assert_allclose(frame[5:20, 5:20], rain, rtol=1e-6)


def test_little_is_read(germany, cache, bytes_read, tmp_path, monkeypatch):
    options = {"path": germany, "cache": cache, "batch_size": 2}
    clips = load("germany", "test", **options)
    assert clips.starts.tolist() == [0, 12, 29]  # clips share no frame
    assert sum(bytes_read) == 0
    clips[0]
    assert sum(bytes_read) == 2 * 10 * 512 * 512 * 4
    first = Germany("train", germany, tmp_path)
    listing = "msrnn_keras.data.datasets.germany._times"
    monkeypatch.setattr(listing, lambda path: pytest.fail("again"))
    again = Germany("train", germany, tmp_path)
    np.testing.assert_array_equal(first.times, again.times)
    assert len(list(tmp_path.iterdir())) == 1
    published.assert_no_file_stays_open(again)


def test_wrong_and_missing_files(tmp_path):
    with pytest.raises(FileNotFoundError, match="3629951.*Received: .*RYDL"):
        Germany("test", tmp_path / "RYDL.hdf5")
    for name, message in (
        ("201613010000", "YYYYMMDDHHMM. Received: '201613010000' in .*RYDL"),
        ("201602300000", "Received: '201602300000' in"),
        ("201602012400", "Received: '201602012400' in"),
        ("rain", "Received: none in .*RYDL"),
        ("201501010000", "frames of 2016 to 2017 .*Received: none in .*RYDL"),
    ):
        with h5py.File(tmp_path / "RYDL.hdf5", "w") as file:
            file[name] = np.zeros((900, 900), "int8")
        with pytest.raises(ValueError, match=message):
            Germany("test", tmp_path, tmp_path)
    with h5py.File(tmp_path / "RYDL.hdf5", "w") as file:
        file["201601010000"] = np.zeros((900, 901), "int8")
    source = Germany("test", tmp_path, tmp_path)
    with pytest.raises(ValueError, match=r"Received: \(900, 901\) in .*RYDL"):
        source.read(0, 1)
