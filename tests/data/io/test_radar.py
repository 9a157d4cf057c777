import numpy as np
import pytest

from msrnn_keras.data import MinMax, RainRate, forecast_dataset, from_radar
from msrnn_keras.data.io.radar import grid_coordinates
from tests.recordings import (
    PROJ4,
    times_of,
    write_knmi,
    write_knmi_reflectivity,
    write_odim,
    write_pgm,
    write_rainfields,
)

pyproj = pytest.importorskip("pyproj")
pytest.importorskip("pysteps")
xarray = pytest.importorskip("xarray")
netcdf = pytest.importorskip("netCDF4")

NAMES = ["radar_202006011200.h5", "radar_202006011205.h5", "radar_202006011210"]
COUNTS = np.random.default_rng(0).integers(1, 250, (3, 6, 5), "uint8")
COUNTS[:, 0, 0], COUNTS[:, 1, 1] = 255, 0
DBZ = (COUNTS - 64.0) / 2  # of FMI images


@pytest.fixture
def odim(tmp_path):
    # Written in reverse: the times give the order.
    for name, image in reversed(list(zip(NAMES, COUNTS, strict=True))):
        write_odim(tmp_path / name, image)
    return tmp_path


def test_options_are_passed_to_the_importer(tmp_path):
    for name, image in zip(NAMES, COUNTS, strict=True):
        write_odim(tmp_path / name, image, "DBZH")
    source = from_radar(tmp_path, "odim_hdf5", qty="DBZH")
    assert source.scaling == MinMax(-10, 60, "dBZ") and source.unit == "dBZ"
    assert source.frames[0, 1, 1, 0] == -30  # nothing detected
    assert np.isnan(source.frames[0, 0, 0, 0])
    with pytest.raises(ValueError, match="RATE not found.*Received: .*radar_"):
        from_radar(tmp_path, "odim_hdf5")


def test_fmi_images_with_a_pattern_of_names(tmp_path):
    names = ["a1_20153_1200.pgm", "b22_20153_1205.pgm", "a3_20153_1210.pgm"]
    for name, image in zip(names, COUNTS, strict=True):
        write_pgm(tmp_path / name, image)
    (tmp_path / "README").write_text("not an image")
    files = str(tmp_path / "*.pgm")
    source = from_radar(files, "fmi_pgm", pattern="*_%y%j_%H%M.pgm")
    expected = np.where(COUNTS == 255, np.nan, DBZ)
    np.testing.assert_allclose(source.frames[..., 0], expected)
    np.testing.assert_array_equal(source.times, times_of(3))
    assert source.unit == "dBZ"
    with pytest.raises(ValueError, match="%H%M%S.*Received: 'a1_20153_1200"):
        from_radar(files, "fmi_pgm", pattern="*_%y%j_%H%M%S.pgm")
    with pytest.raises(ValueError, match="Received: '\\*.pgm'"):
        from_radar(files, "fmi_pgm", pattern="*.pgm")


def test_bad_files(odim, tmp_path):
    with pytest.raises(ValueError, match="fmi_pgm.*Received: 'odim'"):
        from_radar(odim, "odim")
    path = write_odim(odim / "radar_202006011215.h5", COUNTS[0, :, :4])
    with pytest.raises(ValueError, match=r"Received: \(6, 4\) in .*1215"):
        from_radar(odim, "odim_hdf5")
    path.write_bytes(b"cut off")
    with pytest.raises(ValueError, match="odim_hdf5.*Received: .*1215"):
        from_radar(odim, "odim_hdf5")
    (tmp_path / "empty").mkdir()
    for files in (tmp_path / "empty", str(tmp_path / "*.pgm"), []):
        with pytest.raises(FileNotFoundError, match="at least one file"):
            from_radar(files, "odim_hdf5")
    with pytest.raises(FileNotFoundError, match="no such.*none.h5"):
        from_radar([tmp_path / "none.h5"], "odim_hdf5")


def corner(grid):
    """Return longitude and latitude of the lower left corner, by pyproj."""
    crs = pyproj.CRS.from_cf(grid["crs"].attrs)
    geodetic = crs.geodetic_crs
    to_degrees = pyproj.Transformer.from_crs(crs, geodetic, always_xy=True)
    low = []
    for name in ("x", "y"):
        assert grid[name].attrs["units"] == "m"
        values = grid[name].to_numpy()
        low.append(values.min() - abs(values[1] - values[0]) / 2)
    return to_degrees.transform(*low)


def test_odim_rain_and_its_grid(odim, tmp_path, capsys):
    grid = from_radar(odim, "odim_hdf5").coordinates
    np.testing.assert_allclose(grid["x"], 500 + 1000 * np.arange(5), atol=1)
    north = -3000000 + 5500 - 1000 * np.arange(6)  # row 0 is the northernmost
    np.testing.assert_allclose(grid["y"], north, atol=1)
    crs = pyproj.CRS.from_cf(grid["crs"].attrs)
    there = pyproj.Transformer.from_crs(PROJ4, crs, always_xy=True)
    np.testing.assert_allclose(there.transform(5e5, -3e6), (5e5, -3e6))
    assert grid_coordinates({}, (3, 4)) == {}
    source = from_radar(odim, "odim_hdf5")
    expected = np.where(COUNTS == 255, np.nan, COUNTS * 0.1)
    np.testing.assert_allclose(source.frames[..., 0], expected, rtol=1e-6)
    assert source.scaling == RainRate() and source.unit == "mm/h"
    np.testing.assert_array_equal(source.times, times_of(3))
    assert source.interval == 300
    assert source.metadata["projection"] == PROJ4
    assert capsys.readouterr() == ("", "")
    # A forecast continues on the grid.
    forecast_dataset(source, source.frames[:2]).to_netcdf(tmp_path / "a.nc")
    with netcdf.Dataset(tmp_path / "a.nc") as file:
        assert file["rainfall_rate"].grid_mapping == "crs"
        assert file["rainfall_rate"].units == "mm/h"
        assert file["crs"].grid_mapping_name == "polar_stereographic"
        times = netcdf.num2date(file["time"][:], file["time"].units)
        assert [time.minute for time in times] == [15, 20]


def test_coordinates_in_meters_or_degrees(tmp_path):
    path = write_knmi(tmp_path / "a.h5", np.ones((9, 7)))
    source = from_radar([path], "knmi_hdf5", interval=300)
    expected = (0, 49.362)
    np.testing.assert_allclose(corner(source.coordinates), expected, atol=1e-3)
    ahead = tmp_path / "ahead.nc"
    forecast_dataset(source, source.frames).to_netcdf(ahead)
    with xarray.open_dataset(ahead) as written:
        np.testing.assert_allclose(corner(written), expected, atol=1e-3)
        assert written["y"][0] > written["y"][-1]
        np.testing.assert_allclose(written["x"].diff("x"), 100000)
    low = pyproj.Proj(PROJ4)(0, -3000000, inverse=True)
    grids = []
    for unit in ("m", "km"):
        proj4 = PROJ4.replace("+units=m", f"+units={unit}")
        path = write_odim(tmp_path / f"{unit}.h5", COUNTS[0], proj4=proj4)
        grids.append(from_radar([path], "odim_hdf5").coordinates)
        np.testing.assert_allclose(corner(grids[-1]), low, atol=1e-6)
    np.testing.assert_allclose(grids[0]["x"], grids[1]["x"], atol=1e-3)
    proj4 = "+proj=longlat +a=6371288"
    path = write_odim(tmp_path / "a.h5", COUNTS[0], proj4=proj4)
    grid = from_radar([path], "odim_hdf5").coordinates
    west, south = pyproj.Proj(PROJ4)(0, -3000000, inverse=True)
    east, _ = pyproj.Proj(PROJ4)(5000, -2994000, inverse=True)
    centers = west + (np.arange(5) + 0.5) * (east - west) / 5
    np.testing.assert_allclose(grid["x"], centers, atol=1e-9)
    assert grid["x"].attrs["units"] == "degrees_east"
    assert grid["y"].attrs["standard_name"] == "latitude"
    assert grid["y"][-1] > south
    for limits in (True, False):
        path = write_rainfields(tmp_path / "a.nc", np.ones((64, 64)), 1, limits)
        grid = from_radar([path], "bom_rf3").coordinates
        centers = 500 * np.arange(64) - 16000
        np.testing.assert_allclose(grid["x"], centers, atol=1e-6)
        np.testing.assert_allclose(grid["y"], centers[::-1], atol=1e-6)


def test_reflectivity_of_knmi_has_dry_and_missing_pixels(tmp_path):
    counts = np.array([[0, 1, 78, 255], [255, 64, 0, 254]])
    for minute in (5, 10):
        path = tmp_path / f"RAD_NL25_PCP_NA_2021020620{minute:02}.h5"
        write_knmi_reflectivity(path, counts)
    source = from_radar(tmp_path, "knmi_hdf5")
    nan = np.nan
    expected = [[-32, -31.5, 7, nan], [nan, 0, -32, 95]]
    np.testing.assert_allclose(source.frames[1, ..., 0], expected)
    assert source.unit == "dBZ" and source.interval == 300
    pixels = source.pixels(0, 1)[0, 0, :, 0]
    np.testing.assert_allclose(pixels, [0, 0, 17 / 70, nan], rtol=1e-6)
    y = source.coordinates["y"]
    assert y[0] > y[-1]  # north is up
    write_knmi_reflectivity(path, counts, "0.500000 * PV + -31.500000")
    with pytest.raises(ValueError, match="Received: 'GEO = 0.5.*-31.5.*2010.h"):
        from_radar(tmp_path, "knmi_hdf5")
