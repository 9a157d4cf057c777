import numpy as np
import pytest

from msrnn_keras.data import from_arrays, from_netcdf
from msrnn_keras.data.io.orientation import north_up

pytestmark = pytest.mark.backend_free

xarray = pytest.importorskip("xarray")
pytest.importorskip("netCDF4")

RAIN = np.random.default_rng(0).random((3, 4, 6)).astype("float32")
LATITUDES, LONGITUDES = np.linspace(55, 52, 4), np.linspace(5, 8, 6)
DEGREES = ({"units": "degrees_north"}, {"units": "degrees_east"})


def recording(
    dims="yx", north=LATITUDES, east=LONGITUDES, names="yx", attrs=DEGREES
):
    """A map whose row 0 is the northernmost, stored in another order."""
    values = xarray.DataArray(
        RAIN,
        dims=("time", *names),
        coords={
            names[0]: (names[0], LATITUDES, attrs[0]),
            names[1]: (names[1], LONGITUDES, attrs[1]),
        },
        attrs={"units": "1"},
    )
    values = values.sel({names[0]: north, names[1]: east})
    return from_netcdf(values.transpose("time", *dims).to_dataset(name="rain"))


@pytest.mark.parametrize("dims", ["yx", "xy"])
@pytest.mark.parametrize("north", [LATITUDES, LATITUDES[::-1]])
@pytest.mark.parametrize("east", [LONGITUDES, LONGITUDES[::-1]])
def test_every_order_of_axes_becomes_the_same_map(dims, north, east):
    source = recording(dims, north, east)
    turned = north_up(source, source.pixels(0, 3))
    np.testing.assert_array_equal(turned[..., 0], RAIN)


@pytest.mark.parametrize(
    ("names", "attributes"),
    [
        ("yx", ({}, {})),
        (("lat", "lon"), ({}, {})),
        ("ab", ({"axis": "Y"}, {"axis": "X"})),
        (
            "ij",
            (
                {"standard_name": "projection_y_coordinate", "units": "m"},
                {"standard_name": "projection_x_coordinate", "units": "m"},
            ),
        ),
        ("ab", ({"units": "degree_north"}, {"units": "degree_east"})),
        ("xy", DEGREES),  # the attributes count more than the names
    ],
)
def test_axes_are_known_by_name_or_attributes(names, attributes):
    north, east = LATITUDES[::-1], LONGITUDES
    source = recording(names[::-1], north, east, names, attributes)
    turned = north_up(source, source.pixels(0, 3))
    np.testing.assert_array_equal(turned[..., 0], RAIN)


def test_longitudes_may_wrap():
    east = np.array([357.0, 358, 359, 0, 1, 2])
    source = recording()
    grid = source.coordinates.assign_coords(x=("x", east, DEGREES[1]))
    source.coordinates = grid
    turned = north_up(source, source.pixels(0, 3))
    np.testing.assert_array_equal(turned[..., 0], RAIN)


def test_latitudes_of_two_dimensions():
    latitudes, longitudes = np.meshgrid(LATITUDES, LONGITUDES, indexing="ij")
    dataset = xarray.Dataset(
        {"rain": (("time", "j", "i"), RAIN[:, ::-1], {"units": "1"})},
        {
            "lat": (("j", "i"), latitudes[::-1] + 0.1 * longitudes, DEGREES[0]),
            "lon": (("j", "i"), longitudes, DEGREES[1]),
        },
    ).transpose("time", "i", "j")
    source = from_netcdf(dataset.rename(time="t"))
    turned = north_up(source, source.pixels(0, 3))
    np.testing.assert_array_equal(turned[..., 0], RAIN)


def test_dimensions_without_values_are_known_by_name():
    plain = xarray.Dataset({"rain": (("time", "x", "y"), RAIN, {"units": "1"})})
    source = from_netcdf(plain)
    turned = north_up(source, source.pixels(0, 3))
    np.testing.assert_array_equal(turned[..., 0], RAIN.transpose(0, 2, 1))


def test_frames_without_axes_stay_as_they_are():
    source = from_arrays(RAIN)
    frames = source.pixels(0, 3)
    assert north_up(source, frames) is frames
    unnamed = xarray.Dataset({"r": (("time", "a", "b"), RAIN, {"units": "1"})})
    source = from_netcdf(unnamed)
    np.testing.assert_array_equal(north_up(source, frames), frames)
