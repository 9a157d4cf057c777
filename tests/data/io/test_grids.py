import numpy as np
import pytest

from msrnn_keras.data import MinMax, RainRate, forecast_dataset, from_netcdf
from tests.recordings import rain, rain_dataset, times_of, write_netcdf

xarray = pytest.importorskip("xarray")
netcdf = pytest.importorskip("netCDF4")


@pytest.fixture
def path(tmp_path):
    return write_netcdf(tmp_path / "rain.nc", rain())


def test_packed_values_and_metadata(path):
    raw = xarray.open_dataset(path, decode_cf=False)["rain"]
    assert raw.dtype == "int16" and (raw == -1).sum() == 8
    source = from_netcdf(path, "rain")
    np.testing.assert_allclose(source.frames[..., 0], rain(), rtol=1e-6)
    assert source.image_shape == (8, 9, 1)
    assert source.unit == "mm h-1" and source.scaling == RainRate()
    assert source.interval == 300 and source.segments == [(0, 4)]
    np.testing.assert_array_equal(source.times, times_of(4))
    assert source.metadata["institution"] == "a weather service"
    assert {"crs", "lon", "time_bnds"} <= set(source.coordinates.coords)
    assert set(source.coordinates.data_vars) == {"rain"}
    # A data set in memory is read like its file.
    decoded = rain_dataset(rain())
    for dataset in (decoded, xarray.open_dataset(path, decode_cf=False)):
        source = from_netcdf(dataset)
        np.testing.assert_allclose(source.frames[..., 0], rain(), rtol=1e-6)
        assert source.coordinates["rain"].encoding["grid_mapping"] == "crs"
        assert source.interval == 300


def test_bad_variables_and_files(path):
    several = rain_dataset(rain())
    several["snow"] = several["rain"]
    with pytest.raises(ValueError, match="variable=None of .*'snow'"):
        from_netcdf(several)
    assert from_netcdf(several, "snow").unit == "mm h-1"
    for name in ("height", "hail", "crs"):
        with pytest.raises(ValueError, match=f"Received: variable='{name}'"):
            from_netcdf(several, name)
    content = path.read_bytes()
    for cut in (b"", b"not NetCDF", content[: len(content) // 2]):
        path.write_bytes(cut)
        with pytest.raises(ValueError, match="cannot be read.*rain.nc"):
            from_netcdf(path)
    with pytest.raises(ValueError, match="at least one frame.*'time': 0"):
        from_netcdf(several.isel(time=slice(0, 0)), "rain")
    source = from_netcdf(several.isel(time=[2]), "rain")
    assert source.interval is None
    np.testing.assert_array_equal(source.times, times_of(3)[2:])


def test_times_without_a_unit_and_other_calendars():
    dataset = rain_dataset(rain()).drop_vars(["time", "time_bnds"])
    source = from_netcdf(dataset)
    assert source.times is None and source.interval is None
    source = from_netcdf(dataset.assign_coords(time=[0, 5, 10, 15]))
    assert source.times is None and len(source) == 4
    for times, frame in (([0, 5, 11, 16], 2), ([15, 10, 5, 0], 1)):
        message = f"rise and be even.*Received: frame {frame} "
        with pytest.raises(ValueError, match=message):
            from_netcdf(dataset.assign_coords(time=times))
    times = xarray.date_range(
        "2020-02-29", periods=4, freq="D", calendar="360_day", use_cftime=True
    )
    with pytest.raises(ValueError, match="Received: calendar='360_day'"):
        from_netcdf(dataset.assign_coords(time=times))


def float_axis(numbers, units, dtype="float32"):
    frames = np.arange(len(numbers)) / 100
    values = np.ones((len(numbers), 4, 4)) * frames[:, None, None]
    return xarray.Dataset(
        {"rain": (("time", "y", "x"), values, {"units": "mm/h"})},
        {"time": ("time", np.asarray(numbers, dtype), {"units": units})},
    )


@pytest.mark.parametrize(
    ("units", "first", "unit", "interval"),
    [
        ("days since 2020-01-01", 20, 86400, 300),
        ("hours since 2000-01-01", 175000, 3600, 900),
        ("minutes since 2020-01-01", 40000, 60, 2.5),
        ("days since 1900-01-01", 43830, 86400, 3600),
    ],
)
def test_a_rounded_axis_is_one_segment(tmp_path, units, first, unit, interval):
    numbers = first + np.arange(12) * interval / unit
    for dtype in ("float32", "float64"):
        dataset = float_axis(numbers, units, dtype)
        dataset.to_netcdf(tmp_path / f"{dtype}.nc")
        for given in (dataset, tmp_path / f"{dtype}.nc"):
            for asked in (None, interval):
                source = from_netcdf(given, interval=asked)
                assert source.segments == [(0, 12)]
                assert source.interval == interval


@pytest.mark.filterwarnings("error")
def test_a_forecast_continues_a_rounded_axis(tmp_path):
    units = "days since 2020-01-01"
    source = from_netcdf(float_axis(20 + np.arange(12) * 300 / 86400, units))
    ahead = forecast_dataset(source, source.frames[:2])
    ahead.to_netcdf(tmp_path / "a.nc")
    times = from_netcdf(tmp_path / "a.nc").times
    expected = np.array(["2020-01-21T01:00", "2020-01-21T01:05"], "M8[ms]")
    assert np.all(np.abs(times - expected) < np.timedelta64(100, "ms"))
    steps = np.array([0, 1, 2, 3, 5, 6, 7])
    dataset = float_axis(20 + steps * 300 / 86400, units)
    with pytest.raises(ValueError, match="evenly.*Received: frame 4, .* 600"):
        from_netcdf(dataset)
    source = from_netcdf(dataset, interval=300)
    assert source.segments == [(0, 4), (4, 7)]
    for times in ([20, 20, 20], [20, np.nan, 21], [21, 20]):
        dataset = float_axis(times, "days since 2020-01-01")
        with pytest.raises(ValueError, match="must (rise|have a time)"):
            from_netcdf(dataset)
    # float32 hours since 1900 are 450 s apart.
    numbers = 1051920 + np.arange(12) * 0.125
    dataset = float_axis(numbers, "hours since 1900-01-01")
    for interval in (None, 450):
        with pytest.raises(ValueError, match="too imprecise.*Received: .*450"):
            from_netcdf(dataset, interval=interval)


RAW = np.arange(60).reshape(3, 4, 5)
SCALE = MinMax(0, 100)
PACKED = {"scale_factor": np.float32(0.1)}
BOTH = {"scale_factor": 0.1, "add_offset": -0.3}
UNSIGNED = {"_Unsigned": "true", "scale_factor": 0.5}
BYTES = (4 * RAW).astype("u1").astype("i1")


def limits(least, most, dtype):
    return {"valid_range": np.array([least, most], dtype)}


def write(path, dtype, stored, attributes, fill):
    with netcdf.Dataset(path, "w") as file:
        for name, length in (("time", 3), ("y", 4), ("x", 5)):
            file.createDimension(name, length)
        time = file.createVariable("time", "i4", ("time",))
        time.units = "minutes since 2020-01-01"
        time[:] = [0, 5, 10]
        endian = "big" if dtype[0] == ">" else "native"
        options = {"fill_value": fill, "endian": endian}
        dims = ("time", "y", "x")
        values = file.createVariable("rain", dtype, dims, **options)
        values.set_auto_maskandscale(False)
        values.setncatts(attributes)
        values[:] = stored
    return path


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize(
    ("dtype", "stored", "attributes", "fill"),
    [
        ("f4", RAW - 99.9, {"valid_min": np.float32(-70)}, None),
        ("f4", RAW - 5.0, limits(0, 32, "f4"), np.float32(-4)),
        ("i2", RAW - 5, limits(0, 32, "i2") | PACKED, np.int16(-1)),
        ("i2", RAW - 5, limits(0, 32, "i2") | BOTH, None),
        ("i2", RAW - 5, limits(0.0, 32.0, "f8") | PACKED, None),
        ("u2", RAW + 65500, {"valid_max": np.uint16(65520)} | PACKED, None),
        ("i1", BYTES, limits(10, -56, "i1") | UNSIGNED, np.int8(5)),
        ("u1", RAW, {}, None),
        (">i2", RAW - 5, limits(0, 32, ">i2") | PACKED, np.int16(-1)),
        # The default fill values of netCDF.
        ("i4", np.where(RAW == 7, -2147483647, RAW), PACKED, None),
        ("f4", np.where(RAW == 7, 9.969209968386869e36, RAW), {}, None),
        # netCDF4 ignores a limit of text.
        ("i2", RAW - 5, {"valid_range": "0, 32"} | PACKED, None),
    ],
)
def test_missing_values_of_netcdf4(tmp_path, dtype, stored, attributes, fill):
    path = write(tmp_path / "a.nc", dtype, stored, attributes, fill)
    with netcdf.Dataset(path) as file:
        expected = np.ma.filled(file["rain"][:].astype("float64"), np.nan)
    raw = xarray.load_dataset(path, decode_cf=False)
    for given in (path, xarray.load_dataset(path), raw):
        frames = from_netcdf(given, scaling=SCALE).frames[..., 0]
        np.testing.assert_allclose(frames, expected, rtol=1e-5)


def test_limits_of_packed_values_and_of_bytes(tmp_path):
    # A limit that cannot be stored is in unpacked units.
    attributes = {"valid_max": 2.55} | PACKED
    path = write(tmp_path / "a.nc", "i2", RAW, attributes, None)
    frames = from_netcdf(path, scaling=SCALE).frames[..., 0]
    np.testing.assert_array_equal(np.isnan(frames), RAW > 25)
    # Bytes with missing values keep their scaling.
    attributes = {"valid_max": np.uint8(50)}
    path = write(tmp_path / "a.nc", "u1", RAW, attributes, None)
    pixels = from_netcdf(path).pixels(0, 3)[..., 0]
    expected = np.where(RAW > 50, np.nan, RAW / 255)
    np.testing.assert_allclose(pixels, expected, rtol=1e-6)
