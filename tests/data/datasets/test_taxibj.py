import shutil

import h5py
import numpy as np
import pytest

from msrnn_keras.data import MinMax, TaxiBJ, load
from tests.data.datasets import published


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    times = published.write_taxibj(tmp_path_factory.mktemp("again") / "taxi")
    parts = np.split(times, [-2688, -1344])
    return dict(zip(("train", "validation", "test"), parts, strict=True))


def numbers(frames):
    return frames[:, 5, 5, 0].astype("int64")


@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_windows_without_a_gap_and_scaling_of_training(taxibj, parts, split):
    clips = load("taxibj", split, path=taxibj, stride=1)
    found = published.written_times(clips, numbers)
    windows = published.whole_windows(parts[split], 8, 30)
    np.testing.assert_array_equal(found, published.taxi_number(windows))
    np.testing.assert_array_equal(clips.source.times, parts[split])
    source = clips.source
    # Negative counts are 0, which is the minimum.
    high = float(published.taxi_number(parts["train"]).max())
    assert source.scaling == MinMax(0, high, "vehicles")
    frames = source.read(0, 3)
    expected = np.clip(frames / high, 0, 1)
    np.testing.assert_allclose(source.pixels(0, 3), expected, rtol=1e-6)
    assert frames[0, 5, 5, 1] == frames[0, 5, 5, 0] - 7
    assert frames[0, 0, 0, 0] == 0


def test_only_the_requested_frames_are_read(taxibj, bytes_read):
    clips = load("taxibj", "test", path=taxibj, batch_size=2)
    frame = 4 * 2 * 32 * 32
    assert max(bytes_read) <= 512 * frame  # for the range of training
    bytes_read.clear()
    clips[0]
    assert sum(bytes_read) == 2 * 8 * frame
    published.assert_no_file_stays_open(clips.source)


@pytest.fixture
def copied(taxibj, tmp_path):
    return shutil.copytree(taxibj, tmp_path / "taxibj")


def file_of(folder, name):
    return folder / f"{name}_M32x32_T30_InOut.h5"


def change_dates(folder, changes, name="BJ14"):
    with h5py.File(file_of(folder, name), "r+") as file:
        for row, date in dict(changes).items():
            file["date"][row] = date


def test_invalid_and_repeated_slots_end_a_segment(copied):
    with h5py.File(file_of(copied, "BJ14")) as file:
        dates = file["date"][:]
    bad = {20: b"2014030149", 60: b"2014030200", 90: b"2014133001"}
    change_dates(copied, bad | {120: dates[119], 150: dates[100]})
    with pytest.warns(UserWarning, match="5 slots.*BJ14.*'2014030149'"):
        source = TaxiBJ("train", copied)
    assert len(source) == 300 + 200 - 5 + 100 + 2896 - 2688
    for start, stop in source.segments:
        assert (np.diff(numbers(source.read(start, stop))) == 1).all()
    lengths = [stop - start for start, stop in source.segments]
    assert lengths[:7] == [300, 20, 39, 29, 29, 29, 49]
    # The files must be in order.
    change_dates(copied, dict.fromkeys(range(199), b"") | {199: b"2013070101"})
    with (
        pytest.warns(UserWarning, match="199 slots"),
        pytest.raises(ValueError, match="Received: .*BJ14.* starts before"),
    ):
        TaxiBJ("train", copied)


def test_wrong_cut_off_and_missing_files(copied):
    shutil.copy(file_of(copied, "BJ15"), file_of(copied, "BJ16"))
    times = np.datetime64("2016-01-01", "m") + 30 * np.arange(100)
    change_dates(copied, enumerate(published.taxi_dates(times)), "BJ16")
    with pytest.raises(ValueError, match="more than 2688 .*Received: 700 in"):
        TaxiBJ("test", copied)
    for shape, message in (
        ((100, 32, 32, 2), r"\(100, 32, 32, 2\) in .*BJ15"),
        ((9, 2, 32, 32), "Received: 100 and 9 in .*BJ15"),
    ):
        with h5py.File(file_of(copied, "BJ15"), "r+") as file:
            del file["data"]
            file["data"] = np.zeros(shape)
        with pytest.raises(ValueError, match=message):
            TaxiBJ("train", copied)
    path = file_of(copied, "BJ15")
    path.write_bytes(path.read_bytes()[:10_000])
    with pytest.raises(OSError, match="cut off .*Received: .*BJ15"):
        TaxiBJ("train", copied)
    path.unlink()
    with pytest.raises(FileNotFoundError, match="missing: BJ15_.*Received:"):
        TaxiBJ("train", copied)
