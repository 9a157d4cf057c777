import numpy as np
import pytest

from msrnn_keras.data import MinMax, RainRate, from_arrays, from_netcdf
from msrnn_keras.data.io.units import check_unit, in_unit
from msrnn_keras.data.io.write import check_writable, write_forecast
from tests.recordings import rain, rain_dataset

pytestmark = pytest.mark.backend_free

SCALING = RainRate(a=200.0, b=1.6, low=0.0, high=60.0, least=7.0)
RATES = np.array([0.0, 1.0, 10.0, 0.5], "float32").reshape(4, 1, 1, 1)


def recording(interval=300, scaling=SCALING):
    return from_arrays(np.zeros((2, 1, 1)), interval, scaling=scaling)


def values(unit, **options):
    return in_unit(recording(**options), RATES, unit)[1].ravel()


def test_rates_stay():
    np.testing.assert_array_equal(values("mm/h"), RATES.ravel())


def test_reflectivity_by_the_relation_of_the_scaling():
    # Z = 200 R^1.6, so 23.01 dBZ at 1 mm/h and 16 more for each factor of 10.
    expected = [0, 23.0103, 39.0103, 18.1938]
    np.testing.assert_allclose(values("dBZ"), expected, atol=1e-3)
    other = values("dBZ", scaling=RainRate())
    np.testing.assert_allclose(other[:2], [-10, 24.0824], atol=1e-3)


def test_depths_add_up_since_the_last_observed_frame():
    expected = np.array([0, 1, 11, 11.5]) / 12
    np.testing.assert_allclose(values("mm"), expected, rtol=1e-6)
    expected = np.array([0, 1, 11, 11.5]) / 6
    np.testing.assert_allclose(values("mm", interval=600), expected, rtol=1e-6)


def test_netcdf_names_the_unit(tmp_path):
    xarray = pytest.importorskip("xarray")
    pytest.importorskip("netCDF4")
    source = from_netcdf(rain_dataset(np.nan_to_num(rain())))
    past = source.pixels(0, 4)[None]
    names = {
        "mm/h": ("mm h-1", "lwe_precipitation_rate"),
        "dBZ": ("dBZ", "equivalent_reflectivity_factor"),
        "mm": ("mm", "lwe_thickness_of_precipitation_amount"),
    }
    for number, (unit, expected) in enumerate(names.items()):
        path = tmp_path / f"{number}.nc"
        write_forecast(path, [source], past, past[:, :2], unit=unit)
        rates = source.scaling.inverse(past[0, :2])
        with xarray.open_dataset(path) as dataset:
            found = dataset["rain"].attrs
            assert (found["units"], found["standard_name"]) == expected
            assert found["grid_mapping"] == "crs"
            converted = in_unit(source, rates, unit)[1][..., 0]
            np.testing.assert_allclose(dataset["rain"], converted, rtol=1e-5)
    assert source.coordinates["rain"].attrs["units"] == "mm h-1"
    assert source.unit == "mm h-1"


def test_a_name_that_says_what_is_measured_is_changed():
    pytest.importorskip("netCDF4")
    rates = rain_dataset(np.nan_to_num(rain()))
    for name, expected in (
        ("rain", "rain"),
        ("rainfall_rate", "equivalent_reflectivity_factor"),
    ):
        source = from_netcdf(rates.rename(rain=name))
        given = in_unit(source, source.frames, "dBZ")[0].coordinates
        assert list(given.data_vars) == [expected]
        assert list(source.coordinates.data_vars) == [name]


def test_what_does_not_convert_is_refused(tmp_path):
    with pytest.raises(ValueError, match="one of mm/h, dBZ, mm. Received: 'K'"):
        check_unit("K")
    plain = recording(scaling=MinMax(0, 60, unit="dBZ"))
    with pytest.raises(ValueError, match="Received: values in the unit 'dBZ'"):
        check_unit("mm", plain)
    check_unit("dBZ", plain)
    sums = recording(scaling=MinMax(0, 9, unit="mm"))  # of an interval each
    with pytest.raises(ValueError, match="Received: values in the unit 'mm'"):
        check_unit("mm", sums)
    with pytest.raises(ValueError, match="Received: interval=None"):
        check_unit("mm", recording(interval=None))
    with pytest.raises(ValueError, match="unit='mm' for .*a.png"):
        check_writable(tmp_path / "a.png", unit="mm")
    with pytest.raises(ValueError, match="Received: values in the unit 'dBZ'"):
        check_writable(tmp_path / "a.npy", [plain], unit="mm")
    count = from_arrays(np.zeros((2, 3, 3), "uint8"), 300, scaling=SCALING)
    pixels = np.full((1, 2, 3, 3, 1), 0.5, "float32")
    write_forecast(tmp_path / "a.npy", [count], pixels, pixels, unit="dBZ")
    np.testing.assert_allclose(np.load(tmp_path / "a.npy"), 30, rtol=1e-5)
