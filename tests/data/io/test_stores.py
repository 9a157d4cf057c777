import os
import subprocess
import sys

import numpy as np
import pytest

from msrnn_keras import data
from msrnn_keras.data import MinMax, RainRate
from msrnn_keras.data.io.stores import is_zarr
from msrnn_keras.data.lazy_frames import LazyFrames
from tests.recordings import (
    grid_dataset,
    rain,
    times_of,
    write_grib,
    write_tiff,
)

xarray = pytest.importorskip("xarray")
for name in ("netCDF4", "zarr", "rioxarray", "cfgrib"):
    pytest.importorskip(name)

VALUES = rain(4, (8, 9))
ZARR = {
    f".v{n}.zarr": {"zarr_format": n, "consolidated": n == 2} for n in (2, 3)
}


def write(path, dataset):
    if path.suffix == ".nc":
        dataset.to_netcdf(path)
    else:
        dataset.to_zarr(path, **ZARR[path.name.removeprefix("a")])
    return path


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("suffix", [".nc", *ZARR])
@pytest.mark.parametrize("packed", [False, True])
def test_values_and_georeference_are_kept(tmp_path, suffix, packed):
    dataset = grid_dataset(VALUES)
    if packed:
        encoding = {"dtype": "int16", "scale_factor": 0.1, "add_offset": 5.0}
        dataset["rain"].encoding |= {**encoding, "_FillValue": -999}
    read = data.open(write(tmp_path / f"a{suffix}", dataset))
    assert isinstance(read.frames, LazyFrames)
    np.testing.assert_allclose(read.frames[..., 0], VALUES, atol=1e-6)
    assert np.isnan(read.frames[0, -1, -1, 0])
    np.testing.assert_array_equal(read.times, times_of(4))
    assert (read.unit, read.scaling) == ("mm/h", RainRate())
    assert (read.interval, len(read)) == (300, 4)
    grid = read.coordinates
    for name in "xy":
        np.testing.assert_array_equal(grid[name], dataset[name])
        assert grid[name].attrs == dataset[name].attrs
    assert grid["crs"].attrs == pytest.approx(dataset["crs"].attrs)
    assert grid["rain"].encoding["grid_mapping"] == "crs"


@pytest.mark.parametrize("dims", [("y", "x", "time"), ("x", "time", "y")])
def test_axes_of_any_order_and_direction(tmp_path, dims):
    dataset = grid_dataset(VALUES).isel(y=slice(None, None, -1))
    dataset["rain"] = dataset["rain"].transpose(*dims)
    for suffix in (".nc", *ZARR):
        read = data.open(write(tmp_path / f"a{suffix}", dataset))
        expected = VALUES[:, ::-1]
        if dims[0] == "x":
            expected = expected.swapaxes(1, 2)
        np.testing.assert_array_equal(read.frames[..., 0], expected)


def test_default_fill_values_are_of_netcdf_only(tmp_path):
    values = np.zeros((3, 4, 5), "int16")
    values[0, 0, 0] = -32767  # netCDF's default
    dataset = grid_dataset(values)
    read = data.open(write(tmp_path / "a.nc", dataset))
    assert np.isnan(read.frames[0, 0, 0, 0])
    read = data.open(write(tmp_path / "a.v3.zarr", dataset))
    assert read.frames[0, 0, 0, 0] == -32767


def test_the_content_tells_the_format_of_another_ending(tmp_path):
    write(tmp_path / "a.nc", grid_dataset(VALUES)).rename(tmp_path / "nc")
    grid_dataset(VALUES).to_netcdf(
        tmp_path / "classic", engine="netcdf4", format="NETCDF3_CLASSIC"
    )
    write(tmp_path / "a.v3.zarr", grid_dataset(VALUES)).rename(tmp_path / "z.d")
    write_tiff(tmp_path / "t", np.nan_to_num(VALUES))
    write_grib(tmp_path / "g.dat", VALUES)
    for name in ("nc", "classic", "z.d", "t", "g.dat"):
        read = data.open(tmp_path / name, scaling=MinMax(0, 20))
        expected = np.nan_to_num(VALUES) if name == "t" else VALUES
        np.testing.assert_allclose(read.frames[..., 0], expected, atol=1e-5)
    (tmp_path / "x.dat").write_bytes(b"GRIM")
    with pytest.raises(ValueError, match="must end in .*Received: .*x.dat"):
        data.open(tmp_path / "x.dat")


def test_grib_of_analyses_and_of_a_forecast(tmp_path):
    steps = [
        {"dataTime": 1200, "stepUnits": "m"},
        {"forecastTime": [0, 5, 10, 15]},
    ]
    forecast = {"indicatorOfUnitOfTimeRange": 0, **steps[0], **steps[1]}
    for keys in ({}, forecast):
        path = write_grib(tmp_path / "a.grib2", VALUES, **keys)
        with pytest.raises(ValueError, match=r"kg m\*\*-2 s\*\*-1"):
            data.open(path)
        read = data.open(path, scaling=MinMax(0, 20))
        np.testing.assert_allclose(read.frames[..., 0], VALUES, atol=1e-5)
        assert np.isnan(read.frames[0, -1, -1, 0])
        np.testing.assert_array_equal(read.times, times_of(4))
        grid = read.coordinates
        np.testing.assert_array_equal(grid["latitude"], 57.0 - np.arange(8))
        np.testing.assert_array_equal(grid["longitude"], 5.0 + np.arange(9))
        part = data.open(path, (6, 51, 8, 53), 1, scaling=MinMax(0, 20))
        expected = VALUES[:, 4:7, 1:4]
        np.testing.assert_allclose(part.frames[..., 0], expected, atol=1e-5)
    assert [x.name for x in tmp_path.iterdir()] == ["a.grib2"]  # no index


def test_broken_missing_and_unfit_files_are_refused(tmp_path):
    for name in ("a.zarr", "a.nc", "a.tif", "a.grib2"):
        with pytest.raises(FileNotFoundError, match=f"Received: .*{name}"):
            data.open(tmp_path / name)
        if name != "a.zarr":
            (tmp_path / name).write_bytes(b"broken")
            with pytest.raises(ValueError, match=f"cannot be read.*{name}"):
                data.open(tmp_path / name)
    (tmp_path / "b.zarr").mkdir()
    (tmp_path / "b.zarr" / "zarr.json").write_text("broken")
    assert is_zarr(tmp_path / "b.zarr") and not is_zarr(tmp_path)
    with pytest.raises(ValueError, match="cannot be read.*b.zarr"):
        data.open(tmp_path / "b.zarr")
    np.save(tmp_path / "a.npy", np.zeros((2, 3, 4, 4, 1)))
    with pytest.raises(ValueError, match="one clip. Received: 2 clips"):
        data.open(tmp_path / "a.npy")


def test_values_without_a_unit_are_checked_when_they_are_read(tmp_path):
    values = np.zeros((4, 3, 5), "float32")
    values[2] = 2
    read = data.open(write(tmp_path / "a.nc", grid_dataset(values, "1")))
    np.testing.assert_array_equal(read.pixels(0, 2), 0)
    with pytest.raises(ValueError, match="`scaling` is needed.*from 0 to 2"):
        read.pixels(0, 4)


def test_a_chunk_that_cannot_be_read_is_an_error(tmp_path):
    path = write(tmp_path / "a.v3.zarr", grid_dataset(VALUES))
    (chunk,) = (x for x in (path / "rain" / "c").rglob("*") if x.is_file())
    chunk.write_bytes(chunk.read_bytes()[:20])
    with pytest.raises(ValueError, match="cannot be read.*a.v3.zarr"):
        data.open(path)


MEASURE = """
import sys
import numpy as np
import netCDF4, rioxarray, xarray
from msrnn_keras import data

def resident(key):
    with open("/proc/self/status") as file:
        (line,) = (x for x in file if x.startswith(key))
    return int(line.split()[1]) / 1000  # MB

xarray.backends.list_engines()
before = resident("VmRSS")
for path in sys.argv[1:]:
    source = data.open(path, scaling=data.MinMax(0, 20))
    assert source.frames.shape == (80, 1024, 1024, 1)
    for start in range(0, 80, 5):
        source.read(start, start + 5)
    print(path, resident("VmHWM") - before)
"""
SHAPE = (80, 1024, 1024)  # 335 MB


def write_large_netcdf(path):
    import netCDF4

    dims = ("time", "y", "x")
    with netCDF4.Dataset(path, "w") as file:
        for name, length in zip(dims, SHAPE, strict=True):
            file.createDimension(name, length)
        options = {"chunksizes": (5, *SHAPE[1:]), "zlib": True}
        file.createVariable("rain", "f4", dims, **options)


def write_large_tiff(path):
    import rasterio

    sizes = dict(zip(("count", "height", "width"), SHAPE, strict=True))
    options = {"dtype": "float32", "sparse_ok": True, "crs": "EPSG:3035"}
    options["transform"] = rasterio.Affine(250, 0, 4.1e6, 0, -250, 3.2e6)
    with rasterio.open(path, "w", driver="GTiff", **options, **sizes):
        pass


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is of Linux")
def test_readers_hold_little_of_large_files(tmp_path):
    writers = {"a.nc": write_large_netcdf, "a.tif": write_large_tiff}
    for name, writer in writers.items():
        writer(tmp_path / name)
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, *(tmp_path / x for x in writers)],
        env={**os.environ, "PYTHONPATH": os.getcwd()},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    held = [float(line.split()[-1]) for line in done.stdout.splitlines()]
    assert len(held) == len(writers) and max(held) < 300, done.stdout
