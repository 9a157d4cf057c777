import numpy as np
import pytest

from msrnn_keras.data import forecast_dataset, from_radar
from msrnn_keras.data.io.radar_grid import grid_coordinates
from tests.recordings import PROJ4, write_knmi, write_odim, write_rainfields

pytestmark = pytest.mark.backend_free

pyproj = pytest.importorskip("pyproj")
for extra in ("pysteps", "xarray", "netCDF4"):
    pytest.importorskip(extra)


def corner(grid):
    """Longitude and latitude of the lower left corner, by pyproj."""
    crs = pyproj.CRS.from_cf(grid["crs"].attrs)
    to_degrees = pyproj.Transformer.from_crs(
        crs, crs.geodetic_crs, always_xy=True
    )
    factor = {"m": 1, "km": 1000}
    low = []
    for name in ("x", "y"):
        values = factor[grid[name].attrs["units"]] * grid[name].to_numpy()
        step = abs(values[1] - values[0])
        low.append(values.min() - step / 2)
    return to_degrees.transform(*low)


def test_a_projection_in_km_is_written_in_meters(tmp_path):
    path = write_knmi(tmp_path / "a.h5", np.ones((9, 7)))
    source = from_radar([path], "knmi_hdf5", interval=300)
    np.testing.assert_allclose(
        corner(source.coordinates), (0, 49.362), atol=1e-3
    )
    xarray = pytest.importorskip("xarray")
    ahead = tmp_path / "ahead.nc"
    forecast_dataset(source, source.frames).to_netcdf(ahead)
    with xarray.open_dataset(ahead) as written:
        np.testing.assert_allclose(corner(written), (0, 49.362), atol=1e-3)
        assert written["y"][0] > written["y"][-1]
        np.testing.assert_allclose(written["x"].diff("x"), 100000)


def test_corners_that_pyproj_gives_in_km(tmp_path):
    proj4 = PROJ4.replace("+units=m", "+units=km")
    image = np.full((6, 5), 10, "uint8")
    for name, projection in (("a", PROJ4), ("b", proj4)):
        write_odim(tmp_path / f"{name}.h5", image, proj4=projection)
    grids = [
        from_radar([tmp_path / f"{name}.h5"], "odim_hdf5").coordinates
        for name in "ab"
    ]
    low = pyproj.Proj(PROJ4)(0, -3000000, inverse=True)
    for grid in grids:
        np.testing.assert_allclose(corner(grid), low, atol=1e-6)
    np.testing.assert_allclose(grids[0]["x"], grids[1]["x"], atol=1e-3)


def test_longitudes_stay_degrees(tmp_path):
    path = tmp_path / "a.h5"
    proj4 = "+proj=longlat +a=6371288"
    write_odim(path, np.full((6, 5), 10, "uint8"), proj4=proj4)
    grid = from_radar([path], "odim_hdf5").coordinates
    west, south = pyproj.Proj(PROJ4)(0, -3000000, inverse=True)
    east, _ = pyproj.Proj(PROJ4)(5000, -2994000, inverse=True)
    centers = west + (np.arange(5) + 0.5) * (east - west) / 5
    np.testing.assert_allclose(grid["x"], centers, atol=1e-9)
    assert grid["x"].attrs["units"] == "degrees_east"
    assert grid["y"].attrs["standard_name"] == "latitude"
    assert grid["y"][-1] > south


@pytest.mark.parametrize("limits", [True, False])
def test_axes_of_centers_are_not_taken_for_edges(tmp_path, limits):
    path = tmp_path / "a.nc"
    write_rainfields(path, np.ones((64, 64)), 1, limits)
    grid = from_radar([path], "bom_rf3").coordinates
    centers = 500 * np.arange(64) - 16000
    np.testing.assert_allclose(grid["x"], centers, atol=1e-6)
    np.testing.assert_allclose(grid["y"], centers[::-1], atol=1e-6)


def test_a_grid_of_edges_has_its_centers_between_them():
    corners = {"x1": 0, "x2": 4000, "y1": 0, "y2": 3000, "yorigin": "lower"}
    for sizes in ({}, {"xpixelsize": 1000, "ypixelsize": 1000}):
        grid = grid_coordinates(corners | sizes, (3, 4))
        np.testing.assert_allclose(grid["x"][1], [500, 1500, 2500, 3500])
        np.testing.assert_allclose(grid["y"][1], [500, 1500, 2500])
    kilometers = {k: v / 1000 for k, v in corners.items() if v != "lower"}
    grid = grid_coordinates(kilometers | {"cartesian_unit": "km"}, (3, 4))
    np.testing.assert_allclose(grid["x"][1], [500, 1500, 2500, 3500])
    assert grid["x"][2]["units"] == "m" and "crs" not in grid
