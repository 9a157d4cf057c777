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
]


def test_a_straight_line():
    scaling = MinMax(-10, 60, unit="dBZ")
    values = np.array([-20, -10, 25, 60, 99, np.nan], "float32")
    expected = [0, 0, 0.5, 1, 1, np.nan]
    np.testing.assert_allclose(scaling(values), expected)
    back = scaling.inverse(np.array([-1, 0, 0.5, 1, 2, np.nan]))
    np.testing.assert_allclose(back, [-10, -10, 25, 60, 60, np.nan])
    assert scaling(25.0) == 0.5 and scaling(25) == 0.5


def test_a_line_for_each_channel():
    scaling = MinMax([0, 10], [5, 30])
    np.testing.assert_allclose(scaling([[1.0, 15.0]]), [[0.2, 0.25]])
    np.testing.assert_allclose(scaling.inverse([[0.2, 0.25]]), [[1, 15]])


@pytest.mark.parametrize("rain", [0.1, 0.5, 1.0, 10.0, 100.0])
def test_rain_by_marshall_and_palmer(rain):
    dbz = 10 * math.log10(256 * rain**1.42)
    expected = min(max((dbz + 10) / 70, 0), 1)
    assert RainRate()(rain) == pytest.approx(expected, rel=1e-6)
    pixel = RainRate()(np.array([rain], "float32"))
    np.testing.assert_allclose(pixel, expected, rtol=1e-5)
    np.testing.assert_allclose(RainRate().inverse(pixel), rain, rtol=1e-5)


def test_no_rain_is_pixel_0_and_back():
    scaling = RainRate()
    np.testing.assert_array_equal(scaling(np.array([0.0, 1e-9, -1])), 0)
    np.testing.assert_array_equal(scaling.inverse(np.array([0.0, -0.5])), 0)
    assert scaling(np.array([1e6])) == 1
    assert np.isnan(scaling(np.array([np.nan]))).all()
    assert np.isnan(scaling.inverse(np.array([np.nan]))).all()


@pytest.mark.parametrize("low", np.linspace(-30, 10, 9).tolist())
def test_no_rain_is_pixel_0_whatever_is_rounded(low):
    dry = np.array([0.0, 1e-9, -1], "float32")
    for a, b in ((256, 1.42), (200, 1.6), (316, 1.5), (223, 1.53)):
        scaling = RainRate(a, b, low=low)
        for values in (dry, dry.astype("float64"), ops.convert_to_tensor(dry)):
            pixels = ops.convert_to_numpy(scaling(values))
            np.testing.assert_array_equal(pixels, 0)


@pytest.mark.parametrize("scaling", SCALINGS)
def test_tensors_are_scaled_as_arrays(scaling):
    values = np.array([[0.0, 12.0], [3.3, 28.0]], "float32")
    for function in (scaling, scaling.inverse):
        found = function(ops.convert_to_tensor(values / 10))
        assert ops.is_tensor(found)
        expected = function(values / 10)
        assert expected.dtype == "float32"
        np.testing.assert_allclose(
            ops.convert_to_numpy(found), expected, rtol=1e-5, atol=1e-6
        )


@pytest.mark.parametrize("scaling", SCALINGS)
def test_missing_stays_missing_in_tensors(scaling):
    values = ops.convert_to_tensor(np.array([[np.nan, 0.5]], "float32"))
    for function in (scaling, scaling.inverse):
        found = ops.convert_to_numpy(function(values))
        np.testing.assert_array_equal(np.isnan(found), [[True, False]])


@pytest.mark.parametrize("scaling", SCALINGS)
def test_the_config_makes_the_same(scaling):
    config = keras.saving.serialize_keras_object(scaling)
    copy = keras.saving.deserialize_keras_object(config)
    assert copy == scaling and hash(copy) == hash(scaling)
    assert copy.unit == scaling.unit
    assert sum(copy == other for other in SCALINGS) == 1


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: MinMax(1, 1), "Received: low=1, high=1$"),
        (lambda: MinMax([0, 3], [1, 2]), r"high=\[1, 2\]$"),
        (lambda: MinMax(0, float("nan")), "Received: low=0, high=nan$"),
        (lambda: RainRate(low=60), "Received: low=60, high=60.0$"),
        (lambda: RainRate(a=0), "above 0. Received: a=0, b=1.42$"),
        (lambda: RainRate(b=-1), "above 0. Received: a=256.0, b=-1$"),
    ],
)
def test_bad_arguments(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_the_base_class_names_what_is_to_define():
    with pytest.raises(NotImplementedError, match="Scaling must define"):
        Scaling()(1.0)
    with pytest.raises(NotImplementedError, match="`inverse`"):
        Scaling().inverse(1.0)
