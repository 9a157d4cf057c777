import keras
import numpy as np
import pytest

from msrnn_keras.layers import Resample
from tests import reference


@pytest.mark.parametrize(
    ("source", "target"), [(1, 2), (1, 4), (2, 4), (2, 1), (4, 1), (3, 1)]
)
def test_equals_the_reference(source, target):
    x = reference.clips(2, 1, (12, 8), 3)[:, 0]
    given = keras.ops.convert_to_numpy(Resample(source, target)(x))
    np.testing.assert_allclose(
        given, reference.resample(x, source, target), atol=1e-6
    )


@pytest.mark.parametrize("factor", [2, 3, 4])
def test_up_agrees_with_the_backends_bilinear_resize(factor):
    x = reference.clips(2, 1, (5, 4), 3)[:, 0]
    size = (5 * factor, 4 * factor)
    expected = keras.ops.image.resize(x, size, interpolation="bilinear")
    given = Resample(factor, 1)(x)
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(given),
        keras.ops.convert_to_numpy(expected),
        atol=1e-6,
    )


def test_symbolic_shapes():
    x = keras.Input((12, None, 3))
    assert Resample(2, 1)(x).shape == (None, 24, None, 3)
    assert Resample(1, 4)(x).shape == (None, 3, None, 3)


def test_refuses_scales_that_do_not_divide():
    with pytest.raises(ValueError, match="Received: source=2, target=3"):
        Resample(2, 3)


def test_config_round_trip():
    layer = Resample(2, 4, name="down")
    assert Resample.from_config(layer.get_config()).get_config() == (
        layer.get_config()
    )
