import math

import keras
import numpy as np
import pytest
from keras import ops

from msrnn_keras.data import MinMax, RainRate, Scaling

SCALINGS = [
    MinMax(-10, 60, unit="dBZ"),
    MinMax([0, 10], [5.0, 30], unit="vehicles"),
    RainRate(),
    RainRate(a=200, b=1.6, low=0, high=50),
    RainRate(a=200, b=1.6, low=0, high=60, least=7),
]


def test_linear_scalings():
    scaling = MinMax(-10, 60, unit="dBZ")
    values = np.array([-20, -10, 25, 60, 99, np.nan], "float32")
    expected = [0, 0, 0.5, 1, 1, np.nan]
    np.testing.assert_allclose(scaling(values), expected)
    back = scaling.inverse(np.array([-1, 0, 0.5, 1, 2, np.nan]))
    np.testing.assert_allclose(back, [-10, -10, 25, 60, 60, np.nan])
    assert scaling(25.0) == 0.5 and scaling(25) == 0.5
    scaling = MinMax([0, 10], [5, 30])
    np.testing.assert_allclose(scaling([[1.0, 15.0]]), [[0.2, 0.25]])
    np.testing.assert_allclose(scaling.inverse([[0.2, 0.25]]), [[1, 15]])
    scaling = RainRate()
    for rain in (0.1, 0.5, 1.0, 10.0, 100.0):
        expected = (10 * math.log10(256 * rain**1.42) + 10) / 70
        assert scaling(rain) == pytest.approx(expected, rel=1e-6)
        pixel = scaling(np.array([rain], "float32"))
        np.testing.assert_allclose(pixel, expected, rtol=1e-5)
        np.testing.assert_allclose(scaling.inverse(pixel), rain, rtol=1e-5)
    np.testing.assert_array_equal(scaling.inverse(np.array([0.0, -0.5])), 0)
    assert scaling(np.array([1e6])) == 1
    assert np.isnan(scaling(np.array([np.nan]))).all()
    assert np.isnan(scaling.inverse(np.array([np.nan]))).all()


def test_rain_below_the_least_reflectivity_is_none():
    scaling = RainRate(a=200, b=1.6, low=0, high=60, least=7)
    dbz = np.array([0, 6.99, 7, 20, 60, np.nan])
    rain = ((10 ** (dbz / 10) / 200) ** (1 / 1.6)).astype("float32")
    for values in (rain, ops.convert_to_tensor(rain)):
        pixels = 60 * ops.convert_to_numpy(scaling(values))
        expected = [0, 0, 7, 20, 60, np.nan]
        np.testing.assert_allclose(pixels, expected, rtol=1e-5)
    assert RainRate() == RainRate(least=-10)  # `low`
    assert RainRate() != RainRate(least=0)


@pytest.mark.parametrize("low", [-30, -15, 5])
def test_no_rain_is_pixel_0_despite_rounding(low):
    dry = np.array([0.0, 1e-9, -1], "float32")
    for a, b in ((256, 1.42), (200, 1.6), (316, 1.5), (223, 1.53)):
        scaling = RainRate(a, b, low=low)
        for values in (dry, dry.astype("float64"), ops.convert_to_tensor(dry)):
            pixels = ops.convert_to_numpy(scaling(values))
            np.testing.assert_array_equal(pixels, 0)


@pytest.mark.parametrize("scaling", SCALINGS)
def test_tensors_are_scaled_like_arrays_and_config(scaling):
    values = np.array([[0.0, 1.2], [0.33, 2.8], [np.nan, 0.5]], "float32")
    for function in (scaling, scaling.inverse):
        found = function(ops.convert_to_tensor(values))
        assert ops.is_tensor(found)
        expected = function(values)
        assert expected.dtype == "float32"
        found = ops.convert_to_numpy(found)
        np.testing.assert_array_equal(np.isnan(found), np.isnan(values))
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    config = keras.saving.serialize_keras_object(scaling)
    copy = keras.saving.deserialize_keras_object(config)
    assert copy == scaling and hash(copy) == hash(scaling)
    assert copy.unit == scaling.unit
    assert sum(copy == other for other in SCALINGS) == 1


def test_bad_arguments():
    for make, message in (
        (lambda: MinMax(1, 1), "Received: low=1, high=1$"),
        (lambda: MinMax([0, 3], [1, 2]), r"high=\[1, 2\]$"),
        (lambda: MinMax(0, float("nan")), "finite number. Received: high=nan$"),
        (lambda: RainRate(low=60), "Received: low=60, high=60.0$"),
        (lambda: RainRate(a=0), "above 0. Received: a=0, b=1.42$"),
        (lambda: RainRate(b=-1), "above 0. Received: a=256.0, b=-1$"),
    ):
        with pytest.raises(ValueError, match=message):
            make()
    for method in (Scaling().__call__, Scaling().inverse):
        name = method.__name__
        with pytest.raises(NotImplementedError, match=f"must define `{name}`"):
            method(1.0)
