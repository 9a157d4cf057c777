"""Times of frames: units, zones, rounded axes, their order."""

import datetime

import numpy as np
import pytest

from msrnn_keras.data import forecast_dataset, from_arrays, from_netcdf
from msrnn_keras.data.io.recording import split_at_gaps, times_ahead
from msrnn_keras.data.sources import as_times
from tests.recordings import rain, rain_dataset, times_of

pytestmark = pytest.mark.backend_free

EVEN = times_of(4).astype("datetime64[s]")
SECONDS = EVEN.astype("int64")
TEXT = np.datetime_as_string(EVEN)


def read(times):
    return from_arrays(np.zeros((len(times), 2, 2)), times=times)


# === Units ===


@pytest.mark.parametrize(
    "times",
    [
        SECONDS,
        SECONDS.astype("float64"),
        SECONDS * 1000,
        SECONDS * 10**9,
        SECONDS.tolist(),
        SECONDS.astype(object),
        np.array([0, 5, 10, 15]),
        EVEN - EVEN[0],
        np.ma.masked_array(SECONDS),
        ["noon", "later", "at one", "at two"],
    ],
)
def test_times_without_a_unit_are_refused(times):
    with pytest.raises(ValueError, match=r"astype\('datetime64.*Received: "):
        read(times)


def test_the_advice_helps():
    for times in (SECONDS, SECONDS.astype("float64")):
        source = read(times.astype("datetime64[s]"))
        np.testing.assert_array_equal(source.times, EVEN)


@pytest.mark.parametrize("unit", ["m", "s", "ms", "us", "ns"])
@pytest.mark.parametrize("order", ["<", ">"])
def test_dates_of_every_unit(unit, order):
    source = read(EVEN.astype(f"{order}M8[{unit}]"))
    assert source.interval == 300
    np.testing.assert_array_equal(times_ahead(source, 1), times_of(5)[4:])


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("zone, hours", [("", 0), ("Z", 0), ("+02:00", 2)])
def test_text_is_turned_to_utc(zone, hours):
    expected = EVEN - np.timedelta64(hours, "h")
    for times in (
        np.array([time + zone for time in TEXT]),
        np.array([time + zone for time in TEXT], "S"),
        [datetime.datetime.fromisoformat(time + zone) for time in TEXT],
    ):
        source = read(times)
        np.testing.assert_array_equal(source.times, expected)
        assert source.interval == 300
        assert times_ahead(source, 1) == expected[-1] + np.timedelta64(300, "s")


def test_a_time_that_is_masked_is_refused():
    times = np.ma.masked_array(EVEN, [0, 0, 1, 0])
    assert np.isnat(as_times(times)[2])
    with pytest.raises(ValueError, match="Received: none for frame 2"):
        read(times)


# === Order and steps ===


@pytest.mark.parametrize(
    "order", [[0, 1, 1, 2], [0, 2, 1, 3], [3, 2, 1, 0], [2, 3, 0, 1]]
)
@pytest.mark.parametrize("interval", [None, 300])
def test_repeated_and_unsorted_times_are_refused(order, interval):
    message = "sort the frames.*Received: frame [12] is not after"
    with pytest.raises(ValueError, match=message):
        split_at_gaps(EVEN[order], interval)
    pytest.importorskip("netCDF4")
    dataset = rain_dataset(rain(), times=times_of(4)[order])
    with pytest.raises(ValueError, match=message):
        from_netcdf(dataset, interval=interval)


@pytest.mark.parametrize("times", [[15, 10, 5, 0], [0, 0, 0, 0]])
def test_numbers_that_do_not_rise_are_refused(times):
    pytest.importorskip("netCDF4")
    dataset = rain_dataset(rain()).drop_vars(["time", "time_bnds"])
    with pytest.raises(ValueError, match="rise.*Received: frame 1 "):
        from_netcdf(dataset.assign_coords(time=times))


def test_thirds_of_a_second_are_counted_over_all_frames():
    times = np.round(np.arange(31) * 1000 / 30).astype("datetime64[ms]")
    interval, segments = split_at_gaps(times)
    np.testing.assert_allclose(interval, 1 / 30)
    assert segments == [(0, 31)]
    source = from_arrays(np.zeros((31, 2, 2)), times=times)
    ahead = times_ahead(source, 300)[-1] - times[-1]
    assert ahead == np.timedelta64(10, "s")


# === Axes of float32 ===


def float_axis(numbers, units, dtype="float32"):
    """A file in memory whose time axis is rounded."""
    xarray = pytest.importorskip("xarray")
    pytest.importorskip("netCDF4")
    frames = np.arange(len(numbers)) / 100
    values = np.ones((len(numbers), 4, 4)) * frames[:, None, None]
    time = ("time", np.asarray(numbers, dtype), {"units": units})
    return xarray.Dataset(
        {"rain": (("time", "y", "x"), values, {"units": "mm/h"})},
        {"time": time},
    )


AXES = {
    "days since 2020-01-01": (20, 86400, 300),
    "hours since 2020-01-01": (2000, 3600, 600),
    "hours since 2000-01-01": (175000, 3600, 900),
    "minutes since 2020-01-01": (40000, 60, 2.5),
    "days since 1900-01-01": (43830, 86400, 3600),
}


@pytest.mark.parametrize("units", AXES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_rounded_axis_is_one_row(tmp_path, units, dtype):
    first, unit, interval = AXES[units]
    numbers = first + np.arange(12) * interval / unit
    dataset = float_axis(numbers, units, dtype)
    dataset.to_netcdf(tmp_path / "a.nc")
    for given in (dataset, tmp_path / "a.nc"):
        for asked in (None, interval):
            source = from_netcdf(given, interval=asked)
            assert source.segments == [(0, 12)]
            assert source.interval == interval


@pytest.mark.filterwarnings("error")
def test_a_forecast_goes_on_from_a_rounded_axis(tmp_path):
    units = "days since 2020-01-01"
    source = from_netcdf(float_axis(20 + np.arange(12) * 300 / 86400, units))
    ahead = forecast_dataset(source, source.frames[:2])
    ahead.to_netcdf(tmp_path / "a.nc")
    times = from_netcdf(tmp_path / "a.nc").times
    expected = np.array(["2020-01-21T01:00", "2020-01-21T01:05"], "M8[ms]")
    late = np.abs(times - expected)
    assert np.all(late < np.timedelta64(100, "ms"))


def test_a_gap_in_a_rounded_axis_is_one():
    steps = np.array([0, 1, 2, 3, 5, 6, 7])
    units = "days since 2020-01-01"
    dataset = float_axis(20 + steps * 300 / 86400, units)
    with pytest.raises(ValueError, match="evenly.*Received: frame 4, .* 600"):
        from_netcdf(dataset)
    source = from_netcdf(dataset, interval=300)
    assert source.segments == [(0, 4), (4, 7)]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("times", [[20, 20, 20], [20, np.nan, 21], [21, 20]])
def test_a_rounded_axis_must_rise_too(times):
    dataset = float_axis(times, "days since 2020-01-01")
    with pytest.raises(ValueError, match="must (rise|have a time)"):
        from_netcdf(dataset)


def test_an_axis_too_rough_to_tell_a_gap_is_refused():
    # float32 hours since 1900 are 450 s apart.
    numbers = 1051920 + np.arange(12) * 0.125
    dataset = float_axis(numbers, "hours since 1900-01-01")
    for interval in (None, 450):
        with pytest.raises(ValueError, match="too imprecise.*Received: .*450"):
            from_netcdf(dataset, interval=interval)
