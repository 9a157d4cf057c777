import os
import subprocess
import sys
import types

import numpy as np
import pytest

from msrnn_keras.data import MinMax, RainRate, TrainedOn, load
from msrnn_keras.training import read_history
from msrnn_keras.utils import motion
from tests.recordings import (
    grid_dataset,
    write_empty_zarr,
    write_knmi_reflectivity,
    write_netcdf,
)
from tests.runs import RECIPE

SIZES = {"context": 3, "horizon": 2}


def write(path, first, count, size=(6, 7)):
    """Write frames that show their number in hundredths."""
    numbers = np.arange(first, first + count, dtype="float32") / 100
    np.save(path, np.ones((count, *size), "float32") * numbers[:, None, None])


def shown(dataset):
    clips = [np.concatenate(x, axis=1) for x in dataset]
    clips = np.concatenate(clips)[:, :, 0, 0, 0]
    np.testing.assert_allclose(np.diff(clips), 0.01, rtol=1e-3)
    return np.unique(np.rint(100 * clips).astype(int)).tolist()


def test_splits_are_parts_in_time_order(tmp_path):
    write(tmp_path / "rain-9.npy", 0, 50)
    write(tmp_path / "rain-10.npy", 50, 30, (8, 6))
    options = {"path": str(tmp_path / "rain-*.npy"), **SIZES}
    train = load("recordings", "train", image_shape=(4, 4), **options)
    assert shown(train) == list(range(64))
    assert train.image_shape == (4, 4, 1) and train.augment
    validation = load("recordings", "validation", **options, stride=1)
    assert shown(validation) == list(range(64, 72))
    assert validation.image_shape == (8, 6, 1)
    assert shown(load("recordings", "test", **options, stride=1)) == [
        *range(72, 80)
    ]
    crops = load("recordings", "validation", image_shape=(4, 4), **options)
    assert crops.fixed and crops.image_shape == (4, 4, 1)


def test_gaps_times_and_units_are_kept(tmp_path):
    frames = np.ones((40, 4, 4), "float32")
    times = np.datetime64("2024-01-01") + 5 * np.arange(40).astype("m8[m]")
    times[10:] += np.timedelta64(5, "m")
    np.savez(tmp_path / "a.npz", frames=frames, times=times)
    clips = load(
        *("recordings", "train"),
        **{"path": tmp_path / "a.npz", "interval": 300, "image_shape": (4, 4)},
        **{"scaling": RainRate(), **SIZES},
    )
    assert clips.sources[0].segments == [(0, 10), (10, 32)]
    assert clips.sources[0].interval == 300
    np.testing.assert_array_equal(clips.sources[0].times, times[:32])
    assert clips.scaling == RainRate()
    np.testing.assert_allclose(clips.inverse(clips[0][0]), 1, rtol=1e-5)


def test_moved_frames_in_the_cache_are_those_of_the_scaling(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(motion, "to_moving_frame", lambda x, context: x)
    write(tmp_path / "a.npy", 10, 40)
    options = {"path": tmp_path / "a.npy", "cache": tmp_path / "cache"}
    options |= {"moving": True, "image_shape": (4, 4), **SIZES}
    one, two = (
        load("recordings", "train", scaling=MinMax(0, top), **options)[0][0]
        for top in (1, 2)
    )
    np.testing.assert_allclose(one, 2 * two, rtol=1e-2)


def test_recordings_of_other_channels_are_refused(tmp_path):
    write(tmp_path / "a.npy", 0, 20)
    np.save(tmp_path / "b.npy", np.ones((20, 6, 7, 3), "float32"))
    with pytest.raises(ValueError, match="same interval.*Received"):
        load("recordings", "train", path=str(tmp_path / "*.npy"), **SIZES)


def test_radar_files_through_an_importer(tmp_path):
    pytest.importorskip("pysteps")
    for minute in range(10):
        path = tmp_path / f"RAD_20210206200{minute}.h5"
        write_knmi_reflectivity(path, np.full((4, 5), 64 + 2 * minute))
    options = {"path": tmp_path, "importer": "knmi_hdf5", **SIZES}
    clips = load("recordings", "train", image_shape=(4, 4), **options)
    assert clips.scaling == MinMax(-10, 60, unit="dBZ")
    assert sorted(set(np.rint(clips.sources[0].frames).ravel())) == [*range(8)]


def test_rain_becomes_the_pixels_of_a_preset(tmp_path):
    pytest.importorskip("netCDF4")
    scaling = RainRate(200.0, 1.6, 0.0, 60.0)
    model = types.SimpleNamespace(trained_on=TrainedOn(scaling, 300.0, 2.0))
    values = np.repeat(np.array([1.0, 3.0, 5.0, 7.0]), 5)[:, None, None]
    write_netcdf(tmp_path / "a.nc", np.ones((20, 4, 6)) * values)
    options = {"path": tmp_path / "a.nc", "variable": "rain", **SIZES}
    options |= {"like": model, "stride": 1}
    with pytest.raises(ValueError, match="Received: grid_step=1"):
        load("recordings", "test", **{**options, "like": None}, grid_step=1)
    with pytest.raises(ValueError, match="Received: grid_step=3"):
        load("recordings", "test", **options, grid_step=3)
    train = load("recordings", "train", image_shape=(2, 2), **options)
    assert train.scaling == scaling and train.sources[0].frames.shape[1] == 2
    expected = scaling(np.array([1.0, 3.0, 5.0, 7.0]))
    found = np.unique(train.sources[0].pixels(0, 16))
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_wrong_paths(tmp_path):
    with pytest.raises(ValueError, match="Received: path=None$"):
        load("recordings", "train")
    with pytest.raises(FileNotFoundError, match="Received: .*none"):
        load("recordings", "train", path=tmp_path / "none*.npy")
    write(tmp_path / "a.npy", 0, 1)
    with pytest.raises(ValueError, match="'validation'. Received: 1 frames"):
        load("recordings", "validation", path=tmp_path / "a.npy")


TRAIN = """
import sys
import netCDF4, numpy as np, xarray, zarr
from msrnn_keras import data
from msrnn_keras.cli.main import main

def resident(key):
    with open("/proc/self/status") as file:
        (line,) = (x for x in file if x.startswith(key))
    return int(line.split()[1]) / 1000  # MB

xarray.backends.list_engines()
store, recipe, run = sys.argv[1:]
before = resident("VmRSS")
source = data.open(store)
assert source.frames.nbytes > 20e9
past, future = data.Clips(source, 3, 2, batch_size=2, shuffle=True)[0]
assert past.shape == (2, 3, 1024, 1024, 1)
sizes = {"context": 3, "horizon": 2, "image_shape": (64, 64)}
crops = data.load("recordings", "train", path=store, num_clips=64, **sizes)
rain = np.concatenate([x for x, _ in crops])
print(resident("VmHWM") - before, (rain > 0).any(axis=(1, 2, 3, 4)).mean())
del crops
command = ["train", recipe, "--data", store, "--out", run, "--verbose", "0"]
assert main(command) == 0
"""


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is of Linux")
def test_a_store_of_20_gb_trains_in_little_memory(tmp_path):
    for name in ("xarray", "zarr", "netCDF4", "pyproj"):
        pytest.importorskip(name)
    shape, store = (5000, 1024, 1024), tmp_path / "a.zarr"
    axes = grid_dataset(np.broadcast_to(np.int8(0), shape)).drop_vars("rain")
    rain = write_empty_zarr(store, axes, shape)
    for first in (900, 2400):  # two events of eight hours
        rain[first : first + 100, 100:500, 100:500] = 4
    recipe = RECIPE.replace('"mnist"', '"recordings"')
    (tmp_path / "tiny.toml").write_text(
        recipe.replace("epochs = 3", "epochs = 1")
    )
    paths = [store, tmp_path / "tiny.toml", tmp_path / "run"]
    done = subprocess.run(
        [sys.executable, "-c", TRAIN, *paths],
        env={**os.environ, "PYTHONPATH": os.getcwd()},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    held, wet = map(float, done.stdout.splitlines()[0].split())
    assert held < 300 and wet > 0.5, done.stdout
    assert read_history(tmp_path / "run")
