import numpy as np
import pytest

from msrnn_keras.data import MinMax, forecast_dataset, from_arrays, from_netcdf
from tests.recordings import STEP, rain, rain_dataset, times_of, write_netcdf

xarray = pytest.importorskip("xarray")
netcdf = pytest.importorskip("netCDF4")

AHEAD = rain(3, seed=1)


def forecast(dataset, **kwargs):
    return forecast_dataset(from_netcdf(dataset, **kwargs), AHEAD[..., None])


def test_time_continues_and_the_rest_stays(tmp_path):
    path = write_netcdf(tmp_path / "past.nc", rain())
    forecast(path).to_netcdf(tmp_path / "ahead.nc")
    paths = (path, tmp_path / "ahead.nc")
    past, ahead = (xarray.open_dataset(x, decode_coords="all") for x in paths)
    np.testing.assert_allclose(ahead["rain"], AHEAD, rtol=1e-6)
    assert ahead["rain"].dims == ("time", "y", "x")
    times = times_of(7)[4:]
    np.testing.assert_array_equal(ahead["time"], times)
    bounds = np.stack([times - STEP, times], axis=1)
    np.testing.assert_array_equal(ahead["time_bnds"], bounds)
    for name in ("x", "y", "lon", "crs"):
        kept = (x[name].reset_coords(drop=True) for x in (ahead, past))
        xarray.testing.assert_identical(*kept)
    assert ahead["rain"].attrs["units"] == "mm h-1"
    assert ahead["rain"].attrs["long_name"] == "rain rate"
    assert ahead.attrs["institution"] == "a weather service"
    first, last = ahead.attrs["history"].splitlines()
    assert first.startswith("forecast by msrnn-keras") and last == "measured"
    with netcdf.Dataset(tmp_path / "ahead.nc") as file:  # it follows CF
        variable = file["rain"]
        assert variable.dtype == "float32"
        assert variable.grid_mapping == "crs"
        assert file["crs"].grid_mapping_name == "polar_stereographic"
        assert "lon" in variable.coordinates
        # A range of packed numbers would mask most of these values.
        assert "valid_range" not in variable.ncattrs()
        masked = np.ma.getmaskarray(variable[:])
        np.testing.assert_array_equal(masked, np.isnan(AHEAD))
        assert file["time"].units == "seconds since 2020-01-01"
        assert file["time"].bounds == "time_bnds"


def test_dimensions_are_kept_and_times_continue():
    dataset = rain_dataset(rain())
    values = dataset["rain"].expand_dims("level")
    dataset["rain"] = values.transpose("y", "level", "x", "time")
    ahead = forecast(dataset, variable="rain")["rain"]
    assert ahead.dims == ("y", "level", "x", "time")
    frames = ahead.isel(level=0).transpose("time", "y", "x")
    np.testing.assert_array_equal(frames, AHEAD)
    dataset = rain_dataset(rain()).drop_vars(["time", "time_bnds"])
    ahead = forecast(dataset)
    assert "time" not in ahead.coords and ahead.sizes["time"] == 3
    ahead = forecast(dataset.assign_coords(time=[0.5, 1.0, 1.5, 2.0]))
    np.testing.assert_array_equal(ahead["time"], [2.5, 3.0, 3.5])
    # After a gap, and after a single frame.
    dataset = rain_dataset(rain(5), times=times_of(9)[[0, 1, 2, 3, 8]])
    ahead = forecast(dataset, interval=300)
    np.testing.assert_array_equal(ahead["time"], times_of(12)[9:])
    dataset = rain_dataset(rain()).isel(time=[3])
    with pytest.raises(ValueError, match="two frames.*Received: 1 frame"):
        forecast(dataset)
    ahead = forecast(dataset, interval=300)
    np.testing.assert_array_equal(ahead["time"], times_of(7)[4:])
    frames = np.random.default_rng(0).random((2, 4, 5, 3))
    scaling = MinMax(0, 1, unit="m")
    source = from_arrays(frames, times=times_of(2), scaling=scaling)
    ahead = forecast_dataset(source, frames)
    assert ahead["frames"].dims == ("time", "y", "x", "channel")
    assert ahead["frames"].attrs["units"] == "m"
    np.testing.assert_array_equal(ahead["time"], times_of(4)[2:])
    ahead = forecast_dataset(from_arrays(frames[..., 0]), frames[..., :1])
    assert ahead["frames"].dims == ("time", "y", "x")
    assert not ahead.coords
