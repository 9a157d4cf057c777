import pathlib

import numpy as np
import pytest

from msrnn_keras.data import from_radar
from msrnn_keras.data.io.radar_times import (
    check_name_order,
    file_times,
    stated_times,
)
from tests.recordings import (
    times_of,
    write_knmi,
    write_odim,
    write_pgm,
    write_rainfields,
)

for extra in ("pyproj", "pysteps", "xarray", "netCDF4"):
    pytest.importorskip(extra)

NOON = np.datetime64("2020-06-01T12:00", "s")
HOUR = np.timedelta64(3600, "s")
ONES = np.ones((4, 5))
ACRR = {"importer": "odim_hdf5", "qty": "ACRR"}


def write_sum(path, value=10.0, hours=None, end=NOON):
    """Write a sum in mm, and its period if `hours` is given."""
    period = None if hours is None else (end - hours * HOUR, end)
    counts = np.full((4, 5), round(10 * value), "uint16")
    return write_odim(path, counts, "ACRR", period=period)


def rates(path, importer, **options):
    return np.unique(from_radar([path], importer, **options).frames)


def pixels(files, **options):
    return from_radar(files, **options).frames[:, 0, 0, 0]


@pytest.mark.parametrize("importer", ["odim_hdf5", "opera_hdf5", "dwd_hdf5"])
def test_odim_sums_are_divided_by_their_own_period(tmp_path, importer):
    path = write_sum(tmp_path / "a.h5", 48.9, hours=2)
    # The importers say 15 minutes.
    found = rates(path, importer, qty="ACRR")
    np.testing.assert_allclose(found, 48.9 / 2, rtol=1e-6)


def test_own_and_given_periods_of_sums(tmp_path):
    path = write_knmi(tmp_path / "a.h5", 6 * ONES, "01-JUN-2020;11:55:00.000")
    np.testing.assert_allclose(rates(path, "knmi_hdf5"), 72.0)
    write_rainfields(path, np.full((64, 64), 24.0), hours=36)
    np.testing.assert_allclose(rates(path, "bom_rf3"), 24 / 36)
    path = write_sum(tmp_path / "a.h5")
    with pytest.raises(ValueError, match="period.*Received: .*a.h5"):
        rates(path, **ACRR)
    for given in ({"period": 1800}, {"accutime": 30}):
        np.testing.assert_allclose(rates(path, **ACRR, **given), 20)
    with pytest.raises(ValueError, match="Received: period=0"):
        rates(path, **ACRR, period=0)
    write_sum(path, hours=1)
    np.testing.assert_allclose(rates(path, **ACRR, period=1800), 20)
    write_odim(path, ONES)
    with pytest.raises(ValueError, match="sums.*Received: .*'mm/h'"):
        rates(path, "odim_hdf5", period=3600)


def test_the_interval_is_the_default_period(tmp_path):
    for minute in (0, 10, 20):
        name = f"radar_2020060112{minute:02}.h5"
        write_sum(tmp_path / name, 1 + minute / 10)
    np.testing.assert_allclose(pixels(tmp_path, **ACRR), [6, 12, 18], 1e-6)
    for hours in (1, 2):  # every file has its own period
        path = tmp_path / f"radar_20200601{12 + hours}00.h5"
        write_sum(path, 10, hours, NOON + hours * HOUR)
    files = str(tmp_path / "radar_*00.h5")
    np.testing.assert_allclose(pixels(files, **ACRR)[1:], [10, 5])
    # Reflectivity that is read as the importer's default quantity.
    path = write_knmi(tmp_path / "a.h5", ONES, "01-JUN-2020;12:00:00.000")
    with pytest.raises(ValueError, match="single time.*qty.*Received: "):
        rates(path, "knmi_hdf5")
    np.testing.assert_allclose(rates(path, "knmi_hdf5", period=600), 6)


NIGHT = np.datetime64("2020-06-01T23:50", "s") + 300 * np.arange(4)
CLOCKS = ("2350", "2355", "0000", "0005")
RAIN = np.float32([0.1, 0.2, 0.3, 0.4])


def write_night(folder, stated):
    paths = [folder / f"rain_{clock}.h5" for clock in CLOCKS]
    for index, time in enumerate(NIGHT):
        period = (time, time) if stated else None
        write_odim(paths[index], (index + 1) * ONES, period=period)
    return paths


@pytest.mark.parametrize("pattern", [None, "rain_%H%M.h5"])
def test_the_files_give_the_dates_across_midnight(tmp_path, pattern):
    write_night(tmp_path, stated=True)
    source = from_radar(tmp_path, "odim_hdf5", pattern=pattern)
    np.testing.assert_array_equal(source.times, NIGHT)
    np.testing.assert_allclose(source.frames[:, 0, 0, 0], RAIN, rtol=1e-6)
    assert source.interval == 300


def test_patterns_and_names_without_a_date(tmp_path):
    write_night(tmp_path, stated=False)
    with pytest.raises(ValueError, match="date.*Received: .*rain_%H%M.h5"):
        from_radar(tmp_path, "odim_hdf5", pattern="rain_%H%M.h5")
    for name, pattern in (("a_0101", "a_%m%d"), ("a_2001", "a_%y%d")):
        with pytest.raises(ValueError, match=f"date.*Received: .*{pattern}"):
            file_times([tmp_path / name], pattern)
    for pattern, name, date in (
        ("a_%Y%m", "a_202003", "2020-03-01"),
        ("a_%y%j", "a_20366", "2020-12-31"),
    ):
        found = file_times([tmp_path / name], pattern)
        np.testing.assert_array_equal(found, np.array([date], "M8[ns]"))
    paths = write_night(tmp_path, stated=False)
    with pytest.raises(ValueError, match="midnight.*Received: 'rain_0000"):
        from_radar(tmp_path, "odim_hdf5")
    source = from_radar(paths, "odim_hdf5")
    np.testing.assert_allclose(source.frames[:, 0, 0, 0], RAIN, rtol=1e-6)
    assert source.times is None
    evening = pixels(str(tmp_path / "rain_23*.h5"), importer="odim_hdf5")
    np.testing.assert_allclose(evening, RAIN[:2], 1e-6)
    for names in (
        [f"scan{i:04}" for i in range(60)],  # numbers, not hours
        [f"scan{i}" for i in range(0, 2000, 9)],
        [f"{h:02}{m:02}00" for h in range(24) for m in range(0, 60, 5)],
        ["2355"],
        ["a_1200_0900", "a_1200_1000", "a_1200_1800"],
    ):
        check_name_order([pathlib.Path(name) for name in names])


def test_times_stated_in_files(tmp_path):
    path = write_sum(tmp_path / "a", hours=1)
    assert stated_times(path) == (NOON - HOUR, NOON)
    write_knmi(path, ONES)
    assert stated_times(path) == (NOON - HOUR, NOON)
    write_rainfields(path, ONES, 24)
    assert stated_times(path) == (NOON - 24 * HOUR, NOON)
    write_pgm(path, ONES.astype("uint8"))
    assert all(np.isnat(stated_times(path)))
    write_odim(path, ONES)
    assert all(np.isnat(stated_times(path)))
    # The time in the name takes precedence.
    path = tmp_path / "a_202006011205.h5"
    write_odim(path, ONES, period=(NOON, NOON))
    source = from_radar([path], "odim_hdf5")
    np.testing.assert_array_equal(source.times, times_of(2)[1:])
