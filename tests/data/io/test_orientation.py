import itertools

import numpy as np
import pytest

from msrnn_keras.data import from_arrays, from_netcdf
from msrnn_keras.data.io.orientation import north_up

xarray = pytest.importorskip("xarray")
pytest.importorskip("netCDF4")

RAIN = np.random.default_rng(0).random((3, 4, 6)).astype("float32")
NORTH, EAST = np.linspace(55, 52, 4), np.linspace(5, 8, 6)
DEGREES = ({"units": "degrees_north"}, {"units": "degrees_east"})
METERS = tuple(
    {"standard_name": f"projection_{axis}_coordinate", "units": "m"}
    for axis in "yx"
)


def recording(dims="yx", north=NORTH, east=EAST, names="yx", attrs=DEGREES):
    """Return a map whose row 0 is the northernmost, stored in another order."""
    axes = zip(names, (NORTH, EAST), attrs, strict=True)
    coords = {name: (name, values, said) for name, values, said in axes}
    values = xarray.DataArray(
        RAIN, coords, ("time", *names), attrs={"units": "1"}
    )
    values = values.sel({names[0]: north, names[1]: east})
    return from_netcdf(values.transpose("time", *dims).to_dataset(name="rain"))


def assert_north_up(source, expected=RAIN):
    turned = north_up(source, source.pixels(0, 3))
    np.testing.assert_array_equal(turned[..., 0], expected)


def test_axes_in_any_order_and_of_any_name():
    orders = (NORTH, NORTH[::-1]), (EAST, EAST[::-1])
    for dims, north, east in itertools.product(("yx", "xy"), *orders):
        assert_north_up(recording(dims, north, east))
    for names, attributes in (
        ("yx", ({}, {})),
        (("lat", "lon"), ({}, {})),
        ("ab", ({"axis": "Y"}, {"axis": "X"})),
        ("ij", METERS),
        ("ab", ({"units": "degree_north"}, {"units": "degree_east"})),
        ("xy", DEGREES),  # attributes take precedence over names
    ):
        assert_north_up(
            recording(names[::-1], NORTH[::-1], EAST, names, attributes)
        )


def test_other_coordinates_and_none():
    east = np.array([357.0, 358, 359, 0, 1, 2])
    source = recording()
    grid = source.coordinates.assign_coords(x=("x", east, DEGREES[1]))
    source.coordinates = grid
    assert_north_up(source)
    north, east = np.meshgrid(NORTH, EAST, indexing="ij")
    dataset = xarray.Dataset(
        {"rain": (("t", "j", "i"), RAIN[:, ::-1], {"units": "1"})},
        {
            "lat": (("j", "i"), north[::-1] + 0.1 * east, DEGREES[0]),
            "lon": (("j", "i"), east, DEGREES[1]),
        },
    )
    assert_north_up(from_netcdf(dataset.transpose("t", "i", "j")))
    plain = xarray.Dataset({"rain": (("time", "x", "y"), RAIN, {"units": "1"})})
    assert_north_up(from_netcdf(plain), RAIN.transpose(0, 2, 1))
    source = from_arrays(RAIN)
    frames = source.pixels(0, 3)
    assert north_up(source, frames) is frames
    unnamed = xarray.Dataset({"r": (("time", "a", "b"), RAIN, {"units": "1"})})
    assert_north_up(from_netcdf(unnamed))
