import shutil
import subprocess

import numpy as np
import pytest

from msrnn_keras import data
from msrnn_keras.data import MinMax, from_netcdf
from msrnn_keras.data.io.geotiff import georeference
from msrnn_keras.data.io.write import check_writable, write_forecast
from tests.recordings import grid_dataset, rain, rain_dataset, write_tiff

xarray = pytest.importorskip("xarray")
rasterio = pytest.importorskip("rasterio")
pyproj = pytest.importorskip("pyproj")
pytest.importorskip("netCDF4")
pytest.importorskip("rioxarray")

VALUES = rain(3, (8, 9))
PLACE = rasterio.Affine(250, 0, 4.1e6 - 125, 0, -250, 3.2e6 + 125)


def write(path, dataset, **options):
    """Write the first two frames as the forecast of a data set."""
    source = from_netcdf(dataset, **options)
    ahead = np.array(source.pixels(0, 2))
    write_forecast(path, [source], source.pixels(0, 3)[None], ahead[None])
    return source.scaling.inverse(ahead)[..., 0]


@pytest.mark.parametrize("dims", [("time", "y", "x"), ("x", "time", "y")])
@pytest.mark.parametrize("rising", [False, True])
@pytest.mark.parametrize("unit", ["m", "km"])
def test_bands_have_values_place_and_times(tmp_path, dims, rising, unit):
    dataset = grid_dataset(VALUES)
    if unit == "km":
        for name in "xy":
            values = dataset[name] / 1000
            dataset[name] = values.assign_attrs(dataset[name].attrs, units="km")
    if rising:
        dataset = dataset.isel(y=slice(None, None, -1))
    dataset["rain"] = dataset["rain"].transpose(*dims)
    expected = write(tmp_path / "a.tif", dataset)
    expected = expected.swapaxes(1, 2) if dims[0] == "x" else expected
    expected = expected[:, ::-1] if rising else expected
    with rasterio.open(tmp_path / "a.tif") as file:
        np.testing.assert_array_equal(file.read(), expected)
        assert file.transform == PLACE and file.crs == "EPSG:3035"
        assert np.isnan(file.nodata) and np.isnan(expected[0, -1, -1])
        assert file.units == ("mm/h", "mm/h")
        assert file.descriptions[0] == "2020-06-01T12:15:00Z"
        tags = file.tags(2)
        assert tags["time"] == "2020-06-01T12:20:00Z"
        assert tags["lead_time_seconds"] == "600"
        assert file.tags()["variable"] == "rain"
        assert file.tags()["history"].startswith("forecast by msrnn-keras")
    if shutil.which("gdalinfo"):
        told = subprocess.check_output(["gdalinfo", tmp_path / "a.tif"])
        assert b"time=2020-06-01T12:20:00Z" in told and b"3035" in told


def test_a_forecast_is_read_with_its_georeference(tmp_path):
    expected = write(tmp_path / "a.tif", grid_dataset(VALUES))
    read = data.open(tmp_path / "a.tif")
    np.testing.assert_array_equal(read.frames[..., 0], expected)
    times = ["2020-06-01T12:15", "2020-06-01T12:20"]
    np.testing.assert_array_equal(read.times, np.array(times, "M8[ns]"))
    assert (read.unit, read.interval) == ("mm/h", 300)
    (values,) = read.coordinates.data_vars.values()
    assert (values.name, values.attrs["long_name"]) == ("rain", "rain rate")
    # A forecast of it has the same georeference, as GeoTIFF and as NetCDF.
    ahead = read.pixels(0, 2)[None]
    for name in ("b.tif", "b.nc"):
        write_forecast(tmp_path / name, [read], ahead, ahead)
        again = data.open(tmp_path / name)
        place, said = georeference(again.coordinates)
        assert place == {"transform": PLACE, "crs": "EPSG:3035"} and not said
        assert str(again.times[0]).startswith("2020-06-01T12:25:00")


def test_packed_bands_and_bands_without_times(tmp_path):
    stored = np.arange(72, dtype="int16").reshape(2, 4, 9)
    path = write_tiff(tmp_path / "a.tif", stored, nodata=5)
    with rasterio.open(path, "r+") as file:
        file.scales, file.offsets, file.units = (0.5, 0.5), (1, 1), ("K", "K")
    read = data.open(path, scaling=MinMax(0, 100))
    expected = np.where(stored == 5, np.nan, stored / 2 + 1)
    np.testing.assert_allclose(read.frames[..., 0], expected)
    assert read.times is None and read.unit == "K" and len(read) == 2
    path = write_tiff(tmp_path / "b.tif", stored.astype("uint8"))
    assert data.open(path).scaling == MinMax(0, 255)


@pytest.mark.filterwarnings("error::UserWarning")
def test_files_without_a_place(tmp_path):
    frames = np.random.default_rng(0).random((1, 3, 4, 5, 1), "float32")
    source = data.from_arrays(frames[0])
    write_forecast(tmp_path / "a.tif", [source], frames, frames)
    read = data.open(tmp_path / "a.tif")
    np.testing.assert_array_equal(read.frames, frames[0])


def degrees(values=VALUES, **attributes):
    axes = {
        "lat": ("lat", 50 + 0.1 * np.arange(8), {"units": "degrees_north"}),
        "lon": ("lon", 5 + 0.1 * np.arange(9), {"units": "degrees_east"}),
        "time": grid_dataset(values)["time"],
    }
    rows = ("time", "lat", "lon"), values, {"units": "mm/h", **attributes}
    return xarray.Dataset({"rain": rows}, axes)


def test_the_ellipsoid_of_degrees_is_said(tmp_path):
    with pytest.warns(UserWarning, match="does not state the ellipsoid.*WGS"):
        write(tmp_path / "a.tif", degrees())
    with rasterio.open(tmp_path / "a.tif") as file:
        assert file.crs == "EPSG:4326"
        place = rasterio.Affine(0.1, 0, 4.95, 0, -0.1, 50.75)
        assert file.transform == place


def test_a_missing_projection_is_said(tmp_path):
    dataset = grid_dataset(VALUES).drop_vars("crs")
    del dataset["rain"].encoding["grid_mapping"]
    with pytest.warns(UserWarning, match="not state its projection.*in m, "):
        write(tmp_path / "a.tif", dataset)
    with rasterio.open(tmp_path / "a.tif") as file:
        assert file.crs is None and file.transform == PLACE


def with_crs(dataset, crs):
    dataset["crs"] = ((), 0, crs)
    dataset["rain"].attrs["grid_mapping"] = "crs"
    return dataset


def rotated():
    crs = {
        "grid_mapping_name": "rotated_latitude_longitude",
        "grid_north_pole_latitude": 39.25,
        "grid_north_pole_longitude": -162.0,
    }
    return with_crs(degrees(), crs)


def uneven():
    dataset = grid_dataset(VALUES)
    x = dataset["x"].to_numpy()
    return dataset.assign_coords(x=("x", x + np.arange(9) ** 2, {"units": "m"}))


def curved():
    return grid_dataset(VALUES).drop_vars(["x", "y"])


def in_degrees():
    return with_crs(degrees(), pyproj.CRS("EPSG:3035").to_cf())


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (rotated, "no such CRS"),
        (uneven, "not evenly spaced"),
        (curved, "no coordinates along rows and columns"),
        (in_degrees, "are in m or km"),
        (lambda: rain_dataset(VALUES), "grid mapping is incomplete"),
        (lambda: grid_dataset(VALUES).isel(x=[0]), "has no size"),
    ],
)
def test_what_a_geotiff_cannot_keep_is_refused(tmp_path, make, message):
    source = from_netcdf(make(), "rain")
    message = (
        f"cannot keep this georeference: .*{message}.*; write .nc or .zarr"
    )
    with pytest.raises(ValueError, match=message):
        check_writable(tmp_path / "a.tif", [source])
    check_writable(tmp_path / "a.nc", [source])
    colors = data.from_arrays(np.zeros((3, 4, 4, 3), "uint8"))
    with pytest.raises(ValueError, match="1 channel.*Received: 3 channels"):
        check_writable(tmp_path / "a.tif", [colors])


def test_pictures_and_mixed_bands_are_refused(tmp_path):
    values = np.zeros((3, 4, 5), "uint8")
    path = write_tiff(tmp_path / "a.tif", values, photometric="RGB")
    with pytest.raises(ValueError, match="Received: the colors.*a.tif"):
        data.open(path)
    values = values.astype("int16")
    for key, value in (
        ("units", ("K", "m", "K")),
        ("scales", (1, 2, 1)),
        ("gcps", None),
    ):
        path = write_tiff(tmp_path / f"{key}.tif", values)
        with rasterio.open(path, "r+") as file:
            if value:
                setattr(file, key, value)
            else:
                points = [rasterio.control.GroundControlPoint(0, 0, 1, 2)]
                file.gcps = points, rasterio.CRS.from_epsg(4326)
        with pytest.raises(ValueError, match=f"(several|ground).*{key}.tif"):
            data.open(path)
