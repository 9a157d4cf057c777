import numpy as np
import pytest

from msrnn_keras.data import (
    Clips,
    MinMax,
    RainRate,
    forecast_dataset,
    from_netcdf,
)
from tests.recordings import STEP, rain, rain_dataset, times_of, write_netcdf

pytestmark = pytest.mark.backend_free

xarray = pytest.importorskip("xarray")
netcdf = pytest.importorskip("netCDF4")


@pytest.fixture
def path(tmp_path):
    return write_netcdf(tmp_path / "rain.nc", rain())


def test_packed_values_and_fill_values(path):
    raw = xarray.open_dataset(path, decode_cf=False)["rain"]
    assert raw.dtype == "int16" and (raw == -1).sum() == 8
    source = from_netcdf(path, "rain")
    np.testing.assert_allclose(source.frames[..., 0], rain(), rtol=1e-6)
    assert source.frames.dtype == "float32"
    assert source.image_shape == (8, 9, 1)


def test_metadata_of_the_file_is_kept(path):
    source = from_netcdf(path)
    assert source.unit == "mm h-1" and source.scaling == RainRate()
    assert source.interval == 300 and source.segments == [(0, 4)]
    np.testing.assert_array_equal(source.times, times_of(4))
    assert source.metadata["institution"] == "a weather service"
    assert {"crs", "lon", "time_bnds"} <= set(source.coordinates.coords)
    assert set(source.coordinates.data_vars) == {"rain"}


def test_a_dataset_in_memory_is_read_like_its_file(path):
    decoded = rain_dataset(rain())
    for dataset in (decoded, xarray.open_dataset(path, decode_cf=False)):
        source = from_netcdf(dataset)
        np.testing.assert_allclose(source.frames[..., 0], rain(), rtol=1e-6)
        assert source.coordinates["rain"].encoding["grid_mapping"] == "crs"
        assert source.interval == 300


def test_other_order_of_dimensions_and_dimensions_of_length_1():
    dataset = rain_dataset(rain())
    values = dataset["rain"].expand_dims("level")
    dataset["rain"] = values.transpose("y", "level", "x", "time")
    source = from_netcdf(dataset, "rain")
    np.testing.assert_allclose(source.frames[..., 0], rain())


def test_another_unit_needs_a_scaling(tmp_path):
    path = write_netcdf(tmp_path / "a.nc", rain() + 250, units="K")
    with pytest.raises(ValueError, match="`scaling` is .* in the unit 'K'"):
        from_netcdf(path)
    source = from_netcdf(path, scaling=MinMax(250, 270))
    expected = rain()[..., None] / 20
    np.testing.assert_allclose(source.pixels(0, 4), expected, atol=1e-6)
    assert source.unit == "K"


def test_the_variable_must_be_unambiguous(path):
    several = rain_dataset(rain())
    several["snow"] = several["rain"]
    with pytest.raises(ValueError, match="variable=None of .*'snow'"):
        from_netcdf(several)
    assert from_netcdf(several, "snow").unit == "mm h-1"
    for name in ("height", "hail", "crs"):
        with pytest.raises(ValueError, match=f"Received: variable='{name}'"):
            from_netcdf(several, name)
    with pytest.raises(ValueError, match="Received: variable=None"):
        from_netcdf(several[["height"]])


def test_bad_files(tmp_path, path):
    with pytest.raises(FileNotFoundError, match="Received: .*none.nc"):
        from_netcdf(tmp_path / "none.nc")
    content = path.read_bytes()
    for cut in (b"", b"not NetCDF", content[: len(content) // 2]):
        path.write_bytes(cut)
        with pytest.raises(ValueError, match="cannot be read.*rain.nc"):
            from_netcdf(path)


def test_no_frame_and_a_single_frame():
    dataset = rain_dataset(rain())
    with pytest.raises(ValueError, match="at least one frame.*'time': 0"):
        from_netcdf(dataset.isel(time=slice(0, 0)), "rain")
    source = from_netcdf(dataset.isel(time=[2]))
    assert source.interval is None and len(source) == 1
    np.testing.assert_array_equal(source.times, times_of(1) + 2 * STEP)


def test_times_without_a_unit_are_no_dates():
    dataset = rain_dataset(rain()).drop_vars(["time", "time_bnds"])
    source = from_netcdf(dataset)
    assert source.times is None and source.interval is None
    source = from_netcdf(dataset.assign_coords(time=[0, 5, 10, 15]))
    assert source.times is None and len(source) == 4
    for times, frame in (
        ([0, 5, 11, 16], 2),
        ([15, 10, 5, 0], 1),
        ([0, 0, 0, 0], 1),
    ):
        message = f"rise and be even.*Received: frame {frame} "
        with pytest.raises(ValueError, match=message):
            from_netcdf(dataset.assign_coords(time=times))


def test_uneven_times_are_refused_or_split_the_frames(tmp_path):
    times = times_of(6)[[0, 1, 2, 4, 5]]
    path = write_netcdf(tmp_path / "a.nc", rain(5), times=times)
    with pytest.raises(ValueError, match="Received: frame 3, .* comes 600 s"):
        from_netcdf(path)
    source = from_netcdf(path, interval=300)
    assert source.segments == [(0, 3), (3, 5)]
    clips = Clips(source, context=1, horizon=1, teacher_forcing=True)
    assert clips.num_clips == 3
    expected = RainRate()(rain(5)[[3, 4]])[None, ..., None]
    x, y = clips[0]
    np.testing.assert_allclose(np.stack([x[2, 0], y[2, 0]])[None], expected)


def test_other_calendars_are_refused():
    times = xarray.date_range(
        "2020-02-29", periods=4, freq="D", calendar="360_day", use_cftime=True
    )
    dataset = rain_dataset(rain()).drop_vars("time_bnds")
    with pytest.raises(ValueError, match="Received: calendar='360_day'"):
        from_netcdf(dataset.assign_coords(time=times))


def float_axis(numbers, units, dtype="float32"):
    """Return a data set with a time axis of floats."""
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
        ("hours since 2020-01-01", 2000, 3600, 600),
        ("hours since 2000-01-01", 175000, 3600, 900),
        ("minutes since 2020-01-01", 40000, 60, 2.5),
        ("days since 1900-01-01", 43830, 86400, 3600),
    ],
)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_rounded_axis_is_one_segment(
    tmp_path, units, first, unit, interval, dtype
):
    numbers = first + np.arange(12) * interval / unit
    dataset = float_axis(numbers, units, dtype)
    dataset.to_netcdf(tmp_path / "a.nc")
    for given in (dataset, tmp_path / "a.nc"):
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


def test_a_gap_in_a_rounded_axis_is_found():
    steps = np.array([0, 1, 2, 3, 5, 6, 7])
    dataset = float_axis(20 + steps * 300 / 86400, "days since 2020-01-01")
    with pytest.raises(ValueError, match="evenly.*Received: frame 4, .* 600"):
        from_netcdf(dataset)
    source = from_netcdf(dataset, interval=300)
    assert source.segments == [(0, 4), (4, 7)]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("times", [[20, 20, 20], [20, np.nan, 21], [21, 20]])
def test_a_rounded_axis_must_rise(times):
    dataset = float_axis(times, "days since 2020-01-01")
    with pytest.raises(ValueError, match="must (rise|have a time)"):
        from_netcdf(dataset)


def test_an_axis_too_imprecise_to_detect_a_gap_is_refused():
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
        options = {"fill_value": fill, "endian": "native"}
        if dtype[0] == ">":
            options["endian"] = "big"
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
        ("f4", RAW - 5.0, {"valid_max": np.float32(32)}, None),
        ("f4", RAW - 5.0, limits(0, 32, "f4"), np.float32(-4)),
        ("f8", RAW - 5.0, limits(0, 32, "f8"), None),
        ("i2", RAW - 5, limits(0, 32, "i2") | PACKED, np.int16(-1)),
        ("i2", RAW - 5, limits(0, 32, "i2") | BOTH, None),
        ("i2", RAW - 5, limits(0.0, 32.0, "f8") | PACKED, None),
        ("u2", RAW + 65500, {"valid_max": np.uint16(65520)} | PACKED, None),
        ("i1", BYTES, limits(10, -56, "i1") | UNSIGNED, np.int8(5)),
        ("u1", RAW, {"valid_max": np.uint8(32)}, None),
        ("u1", RAW, {}, None),
        (">i2", RAW - 5, limits(0, 32, ">i2") | PACKED, np.int16(-1)),
        (">f4", RAW - 5.0, {"valid_min": np.float32(0)}, None),
        # The default fill values of netCDF.
        ("i4", np.where(RAW == 7, -2147483647, RAW), PACKED, None),
        ("f4", np.where(RAW == 7, 9.969209968386869e36, RAW), {}, None),
        # netCDF4 ignores a limit of text.
        ("i2", RAW - 5, {"valid_range": "0, 32"} | PACKED, None),
    ],
)
def test_missing_values_are_those_of_netcdf4(
    tmp_path, dtype, stored, attributes, fill
):
    path = write(tmp_path / "a.nc", dtype, stored, attributes, fill)
    with netcdf.Dataset(path) as file:
        masked = file["rain"][:].astype("float64")
    expected = np.ma.filled(masked, np.nan)
    raw = xarray.load_dataset(path, decode_cf=False)
    for given in (path, xarray.load_dataset(path), raw):
        frames = from_netcdf(given, scaling=SCALE).frames[..., 0]
        np.testing.assert_allclose(frames, expected, rtol=1e-5)


def test_a_limit_that_cannot_be_stored_is_in_unpacked_units(tmp_path):
    attributes = {"valid_max": 2.55} | PACKED
    path = write(tmp_path / "a.nc", "i2", RAW, attributes, None)
    frames = from_netcdf(path, scaling=SCALE).frames[..., 0]
    np.testing.assert_array_equal(np.isnan(frames), RAW > 25)


def test_bytes_with_missing_values_keep_their_scaling(tmp_path):
    attributes = {"valid_max": np.uint8(50)}
    path = write(tmp_path / "a.nc", "u1", RAW, attributes, None)
    pixels = from_netcdf(path).pixels(0, 3)[..., 0]
    expected = np.where(RAW > 50, np.nan, RAW / 255)
    np.testing.assert_allclose(pixels, expected, rtol=1e-6)
