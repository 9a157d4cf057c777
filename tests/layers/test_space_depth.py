import keras
import numpy as np
import pytest

from msrnn_keras.layers import (
    CropToFrame,
    DepthToSpace,
    PadToMultiple,
    SpaceToDepth,
)
from tests import reference


def numpy(x):
    return keras.ops.convert_to_numpy(x)


@pytest.mark.parametrize("size", [(8, 12), (9, 11), (1, 1)])
def test_padding_is_zero_at_the_bottom_and_right(size):
    x = reference.clips(2, 1, size, 3)[:, 0]
    padded = numpy(PadToMultiple(4)(x))
    height, width = (-(-n // 4) * 4 for n in size)
    expected = np.zeros((2, height, width, 3), "float32")
    expected[:, : size[0], : size[1]] = x
    np.testing.assert_array_equal(padded, expected)
    np.testing.assert_array_equal(numpy(CropToFrame()([padded, x])), x)


def test_padding_with_another_value():
    padded = numpy(PadToMultiple(2, fill=np.nan)(np.ones((1, 1, 1, 1))))
    np.testing.assert_array_equal(
        padded[0, ..., 0], [[1, np.nan]] + [[np.nan] * 2]
    )


def test_blocks_become_channels():
    x = np.arange(2 * 4 * 6 * 3, dtype="float32").reshape(2, 4, 6, 3)
    given = numpy(SpaceToDepth(2)(x))
    for row in range(2):
        for column in range(2):
            first = (row * 2 + column) * 3
            np.testing.assert_array_equal(
                given[..., first : first + 3], x[:, row::2, column::2]
            )
    np.testing.assert_array_equal(numpy(DepthToSpace(2)(given)), x)


def test_symbolic_shapes():
    x = keras.Input((59, None, 3))
    padded = PadToMultiple(4)(x)
    assert padded.shape == (None, 60, None, 3)
    deep = SpaceToDepth(2)(padded)
    assert deep.shape == (None, 30, None, 12)
    assert DepthToSpace(2)(deep).shape == (None, 60, None, 3)
    assert CropToFrame()([padded, x]).shape == (None, 59, None, 3)


@pytest.mark.parametrize("layer", [PadToMultiple, SpaceToDepth, DepthToSpace])
def test_config_round_trip(layer):
    config = layer(3, name="one").get_config()
    assert layer.from_config(config).get_config() == config
