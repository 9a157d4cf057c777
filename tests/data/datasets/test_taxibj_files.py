"""Files of TaxiBJ that are not as they should be."""

import shutil

import h5py
import numpy as np
import pytest

from msrnn_keras.data import Clips, TaxiBJ
from tests.data.datasets import published

pytestmark = pytest.mark.backend_free


@pytest.fixture
def copied(taxibj, tmp_path):
    return shutil.copytree(taxibj, tmp_path / "taxibj")


def change_dates(folder, changes, name="BJ14"):
    with h5py.File(folder / f"{name}_M32x32_T30_InOut.h5", "r+") as file:
        for row, date in changes.items():
            file["date"][row] = date


def test_invalid_and_repeated_slots_break_the_row(copied):
    with h5py.File(copied / "BJ14_M32x32_T30_InOut.h5") as file:
        dates = file["date"][:]
    bad = {20: b"2014030149", 60: b"2014030200", 90: b"2014133001"}
    change_dates(copied, bad | {120: dates[119], 150: dates[100]})
    with pytest.warns(UserWarning, match="5 slots.*BJ14.*'2014030149'"):
        source = TaxiBJ("train", copied)
    assert len(source) == 300 + 200 - 5 + 100 + 2896 - 2688
    for start, stop in source.segments:
        found = source.read(start, stop)[:, 5, 5, 0]
        np.testing.assert_array_equal(np.diff(found), 1)
    lengths = [stop - start for start, stop in source.segments]
    assert lengths[:7] == [300, 20, 39, 29, 29, 29, 49]


def test_files_in_another_order(copied):
    change_dates(copied, {row: b"" for row in range(199)})
    change_dates(copied, {199: b"2013070101"})
    with (
        pytest.warns(UserWarning, match="199 slots"),
        pytest.raises(ValueError, match="Received: .*BJ14.* starts before"),
    ):
        TaxiBJ("train", copied)


def rewrite(folder, **arrays):
    with h5py.File(folder / "BJ15_M32x32_T30_InOut.h5", "r+") as file:
        for name, array in arrays.items():
            del file[name]
            if array is not None:
                file[name] = array


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"data": None}, "array 'data'. Received: .*BJ15"),
        ({"date": None}, "array 'date'. Received: .*BJ15"),
        ({"data": np.zeros((100, 32, 32, 2))}, r"\(100, 32, 32, 2\) in .*BJ15"),
        ({"data": np.zeros((9, 2, 32, 32))}, "Received: 100 and 9 in .*BJ15"),
    ],
)
def test_wrong_contents(copied, arrays, message):
    rewrite(copied, **arrays)
    with pytest.raises(ValueError, match=message):
        TaxiBJ("train", copied)


def test_cut_off_and_missing_files(copied):
    path = copied / "BJ15_M32x32_T30_InOut.h5"
    path.write_bytes(path.read_bytes()[:10_000])
    with pytest.raises(OSError, match="cut off .*Received: .*BJ15") as caught:
        TaxiBJ("train", copied)
    assert "\n" not in str(caught.value)
    path.unlink()
    with pytest.raises(FileNotFoundError, match="missing: BJ15_.*Received:"):
        TaxiBJ("train", copied)


def test_too_few_slots(copied):
    path = copied / "BJ16_M32x32_T30_InOut.h5"
    shutil.copy(copied / "BJ15_M32x32_T30_InOut.h5", path)
    dates = published.taxi_dates(
        np.datetime64("2016-01-01", "m") + 30 * np.arange(100)
    )
    change_dates(copied, dict(enumerate(dates)), "BJ16")
    with pytest.raises(ValueError, match="more than 2688 .*Received: 700 in"):
        Clips(TaxiBJ("test", copied), 4, 4)
