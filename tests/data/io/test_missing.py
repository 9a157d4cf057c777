"""Missing values: what netCDF4 masks, numpy.ma arrays, infinite values."""

import numpy as np
import pytest

from msrnn_keras.data import ArraySource, MinMax, from_arrays, from_netcdf

pytestmark = pytest.mark.backend_free

RAW = np.arange(60).reshape(3, 4, 5)
SCALE = MinMax(0, 100)
PACKED = {"scale_factor": np.float32(0.1)}
BOTH = {"scale_factor": 0.1, "add_offset": -0.3}
UNSIGNED = {"_Unsigned": "true", "scale_factor": 0.5}


def limits(least, most, dtype):
    return {"valid_range": np.array([least, most], dtype)}


def write(path, dtype, stored, attributes, fill):
    netcdf = pytest.importorskip("netCDF4")
    with netcdf.Dataset(path, "w") as file:
        for name, length in (("time", 3), ("y", 4), ("x", 5)):
            file.createDimension(name, length)
        time = file.createVariable("time", "i4", ("time",))
        time.units = "minutes since 2020-01-01"
        time[:] = [0, 5, 10]
        rain = file.createVariable(
            "rain",
            dtype,
            ("time", "y", "x"),
            fill_value=fill,
            endian="big" if dtype[0] == ">" else "native",
        )
        rain.set_auto_maskandscale(False)
        for name, value in attributes.items():
            rain.setncattr(name, value)
        rain[:] = stored
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
        ("i1", 4 * RAW, limits(10, -56, "i1") | UNSIGNED, np.int8(5)),
        ("u1", RAW, {"valid_max": np.uint8(32)}, None),
        ("u1", RAW, {}, None),
        (">i2", RAW - 5, limits(0, 32, ">i2") | PACKED, np.int16(-1)),
        (">f4", RAW - 5.0, {"valid_min": np.float32(0)}, None),
        # Never written, so that netCDF filled it.
        ("i4", np.where(RAW == 7, -2147483647, RAW), PACKED, None),
        ("f4", np.where(RAW == 7, 9.969209968386869e36, RAW), {}, None),
        # netCDF4 does not take a limit of text for one.
        ("i2", RAW - 5, {"valid_range": "0, 32"} | PACKED, None),
    ],
)
def test_what_netcdf4_masks_is_missing(
    tmp_path, dtype, stored, attributes, fill
):
    netcdf = pytest.importorskip("netCDF4")
    xarray = pytest.importorskip("xarray")
    if dtype == "i1":
        stored = stored.astype("u1").astype("i1")
    path = write(tmp_path / "a.nc", dtype, stored, attributes, fill)
    with netcdf.Dataset(path) as file:
        masked = file["rain"][:].astype("float64")
    expected = np.ma.filled(masked, np.nan)
    for given in (
        path,
        xarray.load_dataset(path),
        xarray.load_dataset(path, decode_cf=False),
    ):
        frames = from_netcdf(given, scaling=SCALE).frames[..., 0]
        np.testing.assert_allclose(frames, expected, rtol=1e-5)


def test_a_limit_in_the_unpacked_unit_counts_as_such(tmp_path):
    attributes = {"valid_max": 2.55} | PACKED  # no stored integer
    path = write(tmp_path / "a.nc", "i2", RAW, attributes, None)
    frames = from_netcdf(path, scaling=SCALE).frames[..., 0]
    np.testing.assert_array_equal(np.isnan(frames), RAW > 25)


def test_missing_bytes_keep_their_scaling(tmp_path):
    attributes = {"valid_max": np.uint8(50)}
    path = write(tmp_path / "a.nc", "u1", RAW, attributes, None)
    pixels = from_netcdf(path).pixels(0, 3)[..., 0]
    np.testing.assert_allclose(
        pixels, np.where(RAW > 50, np.nan, RAW / 255), rtol=1e-6
    )


# === Masked arrays ===


@pytest.mark.parametrize("dtype", ["float32", "float64", "uint8"])
def test_masked_pixels_are_missing(dtype):
    values = np.arange(60).reshape(3, 4, 5) % 50
    frames = np.ma.masked_greater(values.astype(dtype), 40)
    source = from_arrays(frames, scaling=MinMax(0, 100))
    expected = np.where(values > 40, np.nan, values / 100)
    pixels = source.pixels(0, 3)[..., 0]
    np.testing.assert_allclose(pixels, expected, rtol=1e-6)


def test_the_value_under_a_mask_does_not_count():
    frames = np.ma.masked_equal(np.full((2, 4, 4), 0.5), 1e20)
    frames[0, 0, 0] = np.ma.masked
    frames.data[0, 0, 0] = 1e20
    source = from_arrays(frames)
    assert np.isnan(source.pixels(0, 1)[0, 0, 0, 0])
    assert source.pixels(1, 2).max() == 0.5


def test_masked_bytes_are_divided_by_255():
    frames = np.ma.masked_equal(np.array([0, 51, 255], "uint8"), 255)
    for source in (
        from_arrays(frames.reshape(3, 1, 1)),
        ArraySource(frames.reshape(3, 1, 1, 1)),
    ):
        pixels = source.pixels(0, 3).ravel()
        np.testing.assert_allclose(pixels, [0, 0.2, np.nan])


def test_a_mask_of_nothing_changes_nothing():
    frames = np.ma.masked_array(np.zeros((2, 4, 4), "uint8"))
    source = from_arrays(frames)
    assert source.frames.dtype == np.uint8
    assert not isinstance(source.frames, np.ma.MaskedArray)


# === Other arrays ===


@pytest.mark.parametrize("value", [np.inf, -np.inf, 1e300])
def test_infinite_values_are_refused_by_frame(value):
    frames = np.zeros((4, 4, 4))
    frames[2, 1, 1] = value
    source = from_arrays(frames, scaling=MinMax(0, 100))
    assert source.pixels(0, 2).shape == (2, 4, 4, 1)
    with np.errstate(over="ignore"):
        with pytest.raises(ValueError, match="finite.*Received: .* frame 2$"):
            source.pixels(1, 4)


@pytest.mark.parametrize("dtype", [">f4", "<f4", ">f8", "<f8", "float16"])
def test_the_type_of_floats_does_not_count(dtype):
    frames = (np.arange(48).reshape(3, 4, 4) / 64).astype("float32")
    source = from_arrays(frames.astype(dtype))
    pixels = source.pixels(0, 3)
    assert pixels.dtype == np.dtype("float32")
    np.testing.assert_array_equal(pixels[..., 0], frames)
