import numpy as np
import pytest

from msrnn_keras.data import RainRate, from_arrays, from_netcdf
from msrnn_keras.data.io.cutting import cut
from msrnn_keras.data.lazy_frames import LazyFrames
from tests.recordings import grid_dataset, rain, rain_dataset

xarray = pytest.importorskip("xarray")
pytest.importorskip("pyproj")

VALUES = rain(3, (8, 9))
WEST, NORTH = 4.1e6, 3.2e6  # of the first center
BOX = (WEST, NORTH - 1000, WEST + 750, NORTH - 250)  # rows 1-4, columns 0-3


def test_a_box_keeps_the_pixels_with_their_centers_in_it():
    source = from_netcdf(grid_dataset(VALUES))
    part = cut(source, BOX)
    assert part.image_shape == (4, 4, 1) and isinstance(part.frames, LazyFrames)
    np.testing.assert_array_equal(part.frames[..., 0], VALUES[:, 1:5, :4])
    np.testing.assert_array_equal(
        part.coordinates["x"], WEST + 250.0 * np.arange(4)
    )
    assert part.coordinates["y"][0] == NORTH - 250
    assert source.image_shape == (8, 9, 1) and part.segments == source.segments
    assert cut(source) is source
    wider = np.add(BOX, (-124, -124, 124, 124))
    np.testing.assert_array_equal(cut(source, wider).frames, part.frames)


@pytest.mark.parametrize("dims", [("time", "x", "y"), ("y", "x", "time")])
@pytest.mark.parametrize("rising", [False, True])
def test_a_box_of_any_axis_order(dims, rising):
    dataset = grid_dataset(VALUES)
    if rising:
        dataset = dataset.isel(y=slice(None, None, -1))
    dataset["rain"] = dataset["rain"].transpose(*dims)
    part = cut(from_netcdf(dataset), BOX)
    expected = VALUES[:, 1:5, :4]
    expected = expected[:, ::-1] if rising else expected
    if dims == ("time", "x", "y"):
        expected = expected.swapaxes(1, 2)
    np.testing.assert_array_equal(part.frames[..., 0], expected)


def means(values, side):
    """Means of the valid pixels, NaN where more than half are missing."""
    count, height, width = values.shape
    shape = count, height // side, side, width // side, side
    blocks = values[:, : side * shape[1], : side * shape[3]].reshape(shape)
    blocks = blocks.transpose(0, 1, 3, 2, 4).reshape(*shape[:2], shape[3], -1)
    valid = np.isfinite(blocks)
    total = np.where(valid, blocks, 0).sum(-1)
    few = valid.sum(-1) < side**2 / 2
    return np.where(few, np.nan, total / np.maximum(valid.sum(-1), 1))


def test_a_resolution_averages_the_valid_pixels():
    values = VALUES.copy()
    values[0, 0, 0] = values[1, :2, 3] = np.nan
    values[2, :2, :2] = [[np.nan, np.nan], [np.nan, 7]]
    source = from_netcdf(grid_dataset(values))
    coarse = cut(source, resolution=500)
    assert coarse.image_shape == (4, 4, 1) and coarse.scaling == RainRate()
    np.testing.assert_allclose(
        coarse.frames[..., 0], means(values, 2), rtol=1e-6
    )
    assert np.isnan(coarse.frames[2, 0, 0, 0])
    np.testing.assert_array_equal(
        coarse.coordinates["x"], WEST + 125 + 500.0 * np.arange(4)
    )
    np.testing.assert_array_equal(
        coarse.coordinates["y"], NORTH - 125 - 500.0 * np.arange(4)
    )
    part = cut(source, BOX, 500)
    expected = means(values[:, 1:5, :4], 2)
    np.testing.assert_allclose(part.frames[..., 0], expected, rtol=1e-6)
    assert part.coordinates["rain"].encoding["grid_mapping"] == "crs"


def test_means_of_reflectivity_and_of_other_values():
    values = np.array([[[0.0, 10.0], [20.0, np.nan]]], "float32")
    dbz = from_netcdf(grid_dataset(values, "dBZ"))
    (found,) = np.ravel(cut(dbz, resolution=500).frames)
    assert found == pytest.approx(10 * np.log10((1 + 10 + 100) / 3), rel=1e-6)
    kelvin = from_netcdf(grid_dataset(values - 30, "K"), scaling=RainRate())
    (found,) = np.ravel(cut(kelvin, resolution=500).frames)
    assert found == -20


def test_longitudes_may_differ_by_a_turn():
    axes = {
        "lat": ("lat", 50.0 + np.arange(8), {"units": "degrees_north"}),
        "lon": ("lon", 350.0 + np.arange(9), {"units": "degrees_east"}),
    }
    dataset = xarray.Dataset(
        {"rain": (("time", "lat", "lon"), VALUES, {"units": "mm/h"})}, axes
    )
    source = from_netcdf(dataset)
    for box in ((-9, 51, -7, 52), (351, 51, 353, 52)):
        part = cut(source, box).frames[..., 0]
        np.testing.assert_array_equal(part, VALUES[:, 1:3, 1:4])
    with pytest.raises(ValueError, match="'lon' is from 349.5 to 358.5 deg"):
        cut(source, (-9, 51, 2, 52))


@pytest.mark.parametrize(
    ("bbox", "resolution", "message"),
    [
        ((WEST, NORTH - 9000, WEST + 500, NORTH), None, "'y' is from 3198125"),
        ((WEST + 500, NORTH - 500, WEST, NORTH), None, "west before east"),
        ((WEST + 130, NORTH - 500, WEST + 200, NORTH), None, "center of a pix"),
        ((0, 1, 2), None, "four numbers"),
        ((0, 1, 2, np.nan), None, "four numbers"),
        (None, 300, "multiple of the size of a pixel, 250×250 m"),
        (None, 100, "multiple"),
        (None, 0, "multiple"),
        (None, np.nan, "multiple"),
        (None, 2250, "at most the size"),
    ],
)
def test_a_box_or_resolution_beyond_the_grid_is_refused(
    bbox, resolution, message
):
    source = from_netcdf(grid_dataset(VALUES))
    with pytest.raises(ValueError, match=f"{message}.*Received: "):
        cut(source, bbox, resolution)


def test_frames_without_coordinates_and_uneven_grids_are_refused():
    with pytest.raises(ValueError, match="need a file with coordinates"):
        cut(from_arrays(np.zeros((3, 4, 4))), resolution=2)
    bare = rain_dataset(VALUES).drop_vars("x")
    with pytest.raises(ValueError, match="need a file with coordinates"):
        cut(from_netcdf(bare, "rain"), resolution=2000)
    uneven = grid_dataset(VALUES)
    uneven["x"] = ("x", np.arange(9.0) ** 2, {"units": "m"})
    with pytest.raises(ValueError, match="evenly spaced.*steps of 'x'"):
        cut(from_netcdf(uneven), resolution=500)


def test_attributes_of_another_extent_are_left_out():
    dataset = grid_dataset(VALUES).assign_attrs(geospatial_lat_min=1, title="a")
    dataset["crs"].attrs["GeoTransform"] = "4.1e6 250 0 3.2e6 0 -250"
    dataset["rain"].attrs["GRIB_Nx"] = 9
    source = from_netcdf(dataset)
    grid = cut(source, BOX).coordinates
    assert grid.attrs == {"title": "a"} and "GRIB_Nx" not in grid["rain"].attrs
    assert "GeoTransform" not in grid["crs"].attrs
    assert "crs_wkt" in grid["crs"].attrs
    assert "GeoTransform" in source.coordinates["crs"].attrs
