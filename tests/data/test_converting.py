import types

import numpy as np
import pytest

from msrnn_keras import data
from msrnn_keras.data.datasets.events import DBZ, SCALING
from msrnn_keras.data.io.write import write_forecast
from msrnn_keras.data.lazy_frames import LazyFrames
from tests.recordings import times_of
from tests.reference import assert_close, assert_equal

pytestmark = pytest.mark.backend_free
MODEL = types.SimpleNamespace(
    trained_on=data.TrainedOn(SCALING, interval=300.0, grid_step=2.0)
)
ONE, TEN = (float(SCALING.rate(dbz)) for dbz in (23.0, 40.0))  # mm/h
FAINT = float(SCALING.rate(6.0))  # dry


def source(values, scaling=None, interval=300):
    frames = np.asarray(values, "float32")[None]
    return data.from_arrays(
        frames, interval, scaling=scaling or data.RainRate()
    )


def test_rain_is_averaged_over_blocks_as_rain_rate():
    nan = np.nan
    frame = [
        [ONE, TEN, FAINT, FAINT, nan, nan, 9],
        [ONE, TEN, FAINT, FAINT, nan, TEN, 9],
        [FAINT, FAINT, nan, nan, ONE, ONE, 9],
        [ONE, 0, TEN, TEN, ONE, ONE, 9],
    ]
    given = source(frame)
    found = data.as_trained(given, MODEL, grid_step=1)
    expected = SCALING(
        np.array([[(ONE + TEN) / 2, 0, nan], [ONE / 4, TEN, ONE]])
    )
    assert found.scaling == SCALING and found.interval == 300
    assert_close(found.pixels(0, 1)[0, ..., 0], expected, atol=1e-6)


def test_reflectivity_gets_the_relation_of_the_preset():
    dbz = np.array([[23.0, 6.0], [40.0, 70.0]])
    given = source(dbz, data.MinMax(-10, 80, unit="dBZ"))
    found = data.as_trained(given, MODEL, grid_step=2)
    expected = np.array([[23, 0], [40, 60]]) / 60
    assert_close(found.pixels(0, 1)[0, ..., 0], expected, atol=1e-6)


def test_what_is_right_already_or_has_no_unit_stays():
    given = source([[ONE, 0]], SCALING)
    assert data.as_trained(given, MODEL, grid_step=2) is given
    digits = types.SimpleNamespace(trained_on=data.TrainedOn(data.MinMax()))
    plain = source([[0.5]], DBZ, 60)
    assert data.as_trained(plain, digits) is plain
    unknown = types.SimpleNamespace(trained_on=None)
    assert data.as_trained(plain, unknown) is plain


@pytest.mark.parametrize(
    "change, step, word",
    [
        ({"interval": 600}, 2, "300 s apart"),
        ({}, None, "--grid-step"),
        ({}, 1.5, "divide it"),
        ({}, 4, "divide it"),
        ({}, 0, "positive"),
        ({"scaling": data.MinMax(0, 9, unit="K")}, 2, "'K'"),
    ],
)
def test_what_cannot_be_converted_is_refused(change, step, word):
    given = source([[ONE, 0]], **change)
    with pytest.raises(ValueError) as caught:
        data.as_trained(given, MODEL, grid_step=step)
    assert word in str(caught.value) and "Received: " in str(caught.value)


@pytest.mark.parametrize("unit", ["mm/h", "dBZ"])
def test_a_file_keeps_its_grid_and_tells_its_unit(tmp_path, unit):
    pytest.importorskip("netCDF4")
    xarray = pytest.importorskip("xarray")
    rain = np.full((2, 4, 7), ONE if unit == "mm/h" else 23.0, "float32")
    edges = np.stack([np.arange(7) - 0.5, np.arange(7) + 0.5], axis=1)
    axes = {
        "time": times_of(2),
        "y": ("y", 1000.0 * np.arange(4), {"units": "m"}),
        "x": ("x", 1000.0 * np.arange(7), {"units": "m", "bounds": "edges"}),
        "edges": (("x", "side"), 1000.0 * edges),
        "crs": ((), 0, {"grid_mapping_name": "polar_stereographic"}),
    }
    attributes = {"units": unit, "grid_mapping": "crs", "long_name": "radar"}
    name = {"rain": (("time", "y", "x"), rain, attributes)}
    xarray.Dataset(name, axes).to_netcdf(tmp_path / "rain.nc")
    given = data.from_netcdf(tmp_path / "rain.nc")
    found = data.as_trained(given, MODEL)
    assert found.image_shape == (2, 3, 1) and found.unit == "mm/h"
    assert isinstance(found.frames, LazyFrames)  # read when they are used
    assert (found.times == given.times).all()
    values = found.scaling.inverse(found.pixels(0, 2))
    assert_close(values, np.full_like(values, ONE), rtol=1e-4)
    path = tmp_path / "forecast.nc"
    write_forecast(path, [found], None, found.pixels(0, 2)[None])
    with xarray.open_dataset(path) as written:
        assert_equal(written["x"].values, [500, 2500, 4500])
        assert written["rain"].attrs["units"] in ("mm/h", "mm h-1")
        long_name = "radar" if unit == "mm/h" else "rain rate"
        assert written["rain"].attrs["long_name"] == long_name
        encoding = {**written["rain"].encoding, **written["rain"].attrs}
        assert encoding["grid_mapping"] == "crs" and "crs" in written
        assert written["rain"].dims == ("time", "y", "x")
        assert "edges" not in written and "bounds" not in written["x"].attrs


def with_axes(rows, columns, units="m"):
    """A recording whose coordinates have these centers."""
    xarray = pytest.importorskip("xarray")
    values = np.full((2, len(rows), len(columns)), ONE, "float32")
    axes = {
        "time": times_of(2),
        "y": ("y", np.array(rows, "float64"), {"units": units}),
        "x": ("x", np.array(columns, "float64"), {"units": units}),
    }
    grid = xarray.Dataset({"rain": (("time", "y", "x"), values)}, axes)
    options = {"interval": 300, "coordinates": grid}
    frames = values[..., None]
    return data.Recording(frames, scaling=data.RainRate(), **options)


def test_a_grid_that_contradicts_is_refused():
    square = with_axes([0, 1000, 2000], [0, 1000, 2000])
    assert data.as_trained(square, MODEL, grid_step=1).image_shape[0] == 1
    with pytest.raises(ValueError, match="pixels of 1 km. Received"):
        data.as_trained(square, MODEL, grid_step=2)
    oblong = with_axes([0, 2000, 4000], [0, 1000, 2000])
    with pytest.raises(ValueError, match="square. Received: pixels of 2×1 km"):
        data.as_trained(oblong, MODEL)
    degrees = with_axes([0, 1, 2], [0, 1, 2], "degrees")
    with pytest.raises(ValueError, match="--grid-step"):
        data.as_trained(degrees, MODEL)


def test_infinite_values_are_refused():
    dbz = data.MinMax(-10, 80, unit="dBZ")
    with pytest.raises(ValueError, match="inf in frame 0"):
        data.as_trained(source([[np.inf, -np.inf]], dbz), MODEL, grid_step=2)
