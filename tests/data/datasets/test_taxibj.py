import pickle

import h5py
import numpy as np
import pytest

from msrnn_keras.data import TaxiBJ, load
from tests.data.datasets import published

pytestmark = pytest.mark.backend_free

HALF_HOUR = np.timedelta64(30, "m")


@pytest.fixture(scope="module")
def times(tmp_path_factory):
    return published.write_taxibj(tmp_path_factory.mktemp("again") / "taxi")


def parts(times):
    return {
        "train": times[:-2688],
        "validation": times[-2688:-1344],
        "test": times[-1344:],
    }


def numbers(frames):
    return frames[:, 5, 5, 0].astype("int64")


@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_windows_are_all_those_without_a_gap(taxibj, times, split):
    part = parts(times)[split]
    clips = load("taxibj", split, path=taxibj, stride=1)
    found = published.written_times(clips, numbers)
    windows = np.lib.stride_tricks.sliding_window_view(part, 8)
    whole = np.all(np.diff(windows, axis=1) == HALF_HOUR, axis=1)
    expected = published.taxi_number(windows[whole])
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(clips.source.times, part)


def test_the_last_28_days_are_the_test(taxibj, times):
    test, validation = (TaxiBJ(s, taxibj) for s in ("test", "validation"))
    assert len(test) == len(validation) == 28 * 48
    assert test.times[-1] == times[-1]
    assert validation.times[-1] < test.times[0]


@pytest.mark.parametrize("split", ["train", "test"])
def test_scaled_by_the_extremes_of_training(taxibj, times, split):
    source = TaxiBJ(split, taxibj)
    # Negative counts are 0, and lower than every other value.
    high = published.taxi_number(parts(times)["train"]).max()
    assert source.scaling.get_config() == {
        "low": 0.0,
        "high": float(high),
        "unit": "vehicles",
    }
    frames = source.read(0, 3)
    expected = np.clip(frames / high, 0, 1)
    np.testing.assert_allclose(source.pixels(0, 3), expected, rtol=1e-6)
    assert frames[0, 5, 5, 1] == frames[0, 5, 5, 0] - 7
    assert frames[0, 0, 0, 0] == 0


def test_vehicles_come_back(taxibj):
    clips = load("taxibj", "train", path=taxibj)
    vehicles = clips.inverse(clips.clip(3))
    start = int(clips.starts[3])
    expected = clips.source.read(start, start + 8)
    np.testing.assert_allclose(vehicles, expected, rtol=1e-5, atol=0.01)


def test_only_the_frames_asked_for_are_read(taxibj, bytes_read):
    clips = load("taxibj", "test", path=taxibj, batch_size=2)
    frame = 4 * 2 * 32 * 32
    assert max(bytes_read) <= 512 * frame  # for the extremes of training
    bytes_read.clear()
    clips[0]
    assert sum(bytes_read) == 2 * 8 * frame


def test_no_file_stays_open(taxibj):
    source = TaxiBJ("test", taxibj)
    before = source.read(2, 5)
    assert not h5py.h5f.get_obj_count(h5py.h5f.OBJ_ALL, h5py.h5f.OBJ_FILE)
    copy = pickle.loads(pickle.dumps(source))
    np.testing.assert_array_equal(copy.read(2, 5), before)
