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

pytestmark = pytest.mark.backend_free

for extra in ("pyproj", "pysteps", "xarray", "netCDF4"):
    pytest.importorskip(extra)

NOON = np.datetime64("2020-06-01T12:00", "s")
HOUR = np.timedelta64(3600, "s")


def counts(value):
    return np.full((4, 5), value, "uint16")


def rates(path, importer, **options):
    return np.unique(from_radar([path], importer, **options).frames)


# === The period of sums ===


@pytest.mark.parametrize("importer", ["odim_hdf5", "opera_hdf5", "dwd_hdf5"])
def test_odim_sums_are_divided_by_their_own_period(tmp_path, importer):
    path = tmp_path / "a.h5"
    write_odim(path, counts(489), "ACRR", period=(NOON - HOUR, NOON))
    # 48.9 mm in an hour; the importer says 15 minutes.
    options = {"importer": importer, "qty": "ACRR"}
    np.testing.assert_allclose(rates(path, **options), 48.9, rtol=1e-6)
    write_odim(path, counts(489), "ACRR", period=(NOON - 2 * HOUR, NOON))
    np.testing.assert_allclose(rates(path, **options), 24.45, rtol=1e-6)


def test_knmi_sums_are_divided_by_their_own_period(tmp_path):
    path = write_knmi(tmp_path / "a.h5", np.full((4, 5), 6.0))
    np.testing.assert_allclose(rates(path, "knmi_hdf5"), 6.0)
    start = "01-JUN-2020;11:55:00.000"
    write_knmi(path, np.full((4, 5), 6.0), start)
    np.testing.assert_allclose(rates(path, "knmi_hdf5"), 72.0)


@pytest.mark.parametrize("hours", [1, 24, 36])
def test_rainfields_sums_may_last_for_days(tmp_path, hours):
    path = tmp_path / "a.nc"
    write_rainfields(path, np.full((64, 64), 24.0), hours)
    np.testing.assert_allclose(rates(path, "bom_rf3"), 24 / hours)


def test_a_period_that_is_given_counts(tmp_path):
    path = write_odim(tmp_path / "a.h5", counts(100), "ACRR")
    options = {"importer": "odim_hdf5", "qty": "ACRR"}
    with pytest.raises(ValueError, match="period.*Received: .*a.h5"):
        rates(path, **options)
    for given in ({"period": 1800}, {"accutime": 30}):
        np.testing.assert_allclose(rates(path, **options, **given), 20)
    with pytest.raises(ValueError, match="Received: period=0"):
        rates(path, **options, period=0)
    write_odim(path, counts(100), "ACRR", period=(NOON - HOUR, NOON))
    np.testing.assert_allclose(rates(path, **options, period=1800), 20)


def test_what_is_no_sum_has_no_period(tmp_path):
    path = write_odim(tmp_path / "a.h5", counts(100))
    with pytest.raises(ValueError, match="sums.*Received: .*'mm/h'"):
        rates(path, "odim_hdf5", period=3600)


def test_without_a_period_the_interval_counts(tmp_path):
    for minute in (0, 10, 20):
        name = f"radar_2020060112{minute:02}.h5"
        write_odim(tmp_path / name, counts(10 + minute), "ACRR")
    source = from_radar(tmp_path, "odim_hdf5", qty="ACRR")
    expected = 6 * np.array([1, 2, 3])
    np.testing.assert_allclose(source.frames[:, 0, 0, 0], expected, rtol=1e-6)


def test_files_of_other_periods_each_count_their_own(tmp_path):
    for hours in (1, 2):
        time = NOON + hours * HOUR
        write_odim(
            tmp_path / f"radar_20200601{12 + hours}00.h5",
            counts(100),
            "ACRR",
            period=(time - hours * HOUR, time),
        )
    source = from_radar(tmp_path, "odim_hdf5", qty="ACRR")
    np.testing.assert_allclose(source.frames[:, 0, 0, 0], [10, 5])


def test_an_image_of_one_moment_is_no_sum(tmp_path):
    # As reflectivity that is read with the importer's default quantity.
    path = tmp_path / "a.h5"
    write_knmi(path, np.ones((4, 5)), "01-JUN-2020;12:00:00.000")
    with pytest.raises(ValueError, match="one moment.*qty.*Received: "):
        rates(path, "knmi_hdf5")
    np.testing.assert_allclose(rates(path, "knmi_hdf5", period=600), 6)


# === Times ===

NIGHT = np.datetime64("2020-06-01T23:50", "s") + 300 * np.arange(4)
CLOCKS = ("2350", "2355", "0000", "0005")


def write_night(folder, stated):
    for index, (clock, time) in enumerate(zip(CLOCKS, NIGHT, strict=True)):
        period = (time, time) if stated else None
        write_odim(
            folder / f"rain_{clock}.h5", counts(index + 1), period=period
        )
    return folder


@pytest.mark.parametrize("pattern", [None, "rain_%H%M.h5"])
def test_hours_over_midnight_are_dated_by_the_files(tmp_path, pattern):
    write_night(tmp_path, stated=True)
    source = from_radar(tmp_path, "odim_hdf5", pattern=pattern)
    np.testing.assert_array_equal(source.times, NIGHT)
    expected = 0.1 * np.array([1, 2, 3, 4])
    np.testing.assert_allclose(source.frames[:, 0, 0, 0], expected, rtol=1e-6)
    assert source.interval == 300


def test_hours_alone_are_refused(tmp_path):
    write_night(tmp_path, stated=False)
    with pytest.raises(ValueError, match="date.*Received: .*rain_%H%M.h5"):
        from_radar(tmp_path, "odim_hdf5", pattern="rain_%H%M.h5")
    for name, pattern in (("a_0101", "a_%m%d"), ("a_2001", "a_%y%d")):
        with pytest.raises(ValueError, match=f"date.*Received: .*{pattern}"):
            file_times([tmp_path / name], pattern)


def test_names_of_hours_alone_are_refused_over_midnight(tmp_path):
    write_night(tmp_path, stated=False)
    with pytest.raises(ValueError, match="midnight.*Received: 'rain_0000"):
        from_radar(tmp_path, "odim_hdf5")
    listed = [tmp_path / f"rain_{clock}.h5" for clock in CLOCKS]
    source = from_radar(listed, "odim_hdf5")
    expected = 0.1 * np.array([1, 2, 3, 4])
    np.testing.assert_allclose(source.frames[:, 0, 0, 0], expected, rtol=1e-6)
    assert source.times is None
    source = from_radar(str(tmp_path / "rain_23*.h5"), "odim_hdf5")
    np.testing.assert_allclose(source.frames[:, 0, 0, 0], expected[:2], 1e-6)


@pytest.mark.parametrize(
    "names",
    [
        [f"scan{i:04}" for i in range(60)],  # numbers, not hours
        [f"scan{i}" for i in range(2000)],
        [f"{h:02}{m:02}00" for h in range(24) for m in range(0, 60, 5)],
        ["2355"],
        ["a_1200_0900", "a_1200_1000", "a_1200_1800"],
    ],
)
def test_other_names_are_in_order(names):
    check_name_order([pathlib.Path(name) for name in names])


def test_months_and_days_of_the_year_are_dates(tmp_path):
    paths = [tmp_path / "a_202001", tmp_path / "a_202003"]
    expected = np.array(["2020-01-01", "2020-03-01"], "M8[ns]")
    np.testing.assert_array_equal(file_times(paths, "a_%Y%m"), expected)
    paths = [tmp_path / "a_20366"]
    np.testing.assert_array_equal(
        file_times(paths, "a_%y%j"), [np.datetime64("2020-12-31")]
    )


def test_what_files_state(tmp_path):
    path = tmp_path / "a"
    write_odim(path, counts(1), period=(NOON - HOUR, NOON))
    assert stated_times(path) == (NOON - HOUR, NOON)
    write_knmi(path, np.ones((4, 5)))
    assert stated_times(path) == (NOON - HOUR, NOON)
    write_rainfields(path, np.ones((4, 5)), 24)
    assert stated_times(path) == (NOON - 24 * HOUR, NOON)
    write_pgm(path, counts(1).astype("uint8"))
    assert all(np.isnat(stated_times(path)))
    write_odim(path, counts(1))
    assert all(np.isnat(stated_times(path)))
    path.write_bytes(b"cut off")
    assert all(np.isnat(stated_times(path)))


def test_repeated_times_are_refused(tmp_path):
    for name in ("a_202006011200.h5", "b_202006011200.h5"):
        write_odim(tmp_path / name, counts(1))
    with pytest.raises(ValueError, match="must rise.*Received: frame 1"):
        from_radar(tmp_path, "odim_hdf5")


def test_a_single_time_is_that_of_the_name(tmp_path):
    path = tmp_path / "a_202006011205.h5"
    write_odim(path, counts(1), period=(NOON, NOON))
    source = from_radar([path], "odim_hdf5")
    np.testing.assert_array_equal(source.times, times_of(2)[1:])
