import keras
import numpy as np
import pytest

from msrnn_keras import layers
from tests import reference
from tests.reference import assert_equal, numpy


@pytest.mark.parametrize("fill", [0.0, np.nan])
@pytest.mark.parametrize("size", [(8, 12), (9, 11), (1, 1)])
def test_padding_is_at_the_bottom_and_right(size, fill):
    x = reference.clips(2, 1, size, 3)[:, 0]
    padded = layers.PadToMultiple(4, fill=fill)(x)
    height, width = (-(-n // 4) * 4 for n in size)
    expected = np.full((2, height, width, 3), fill, "float32")
    expected[:, : size[0], : size[1]] = x
    assert_equal(padded, expected)
    assert_equal(layers.CropToFrame()([padded, x]), x)


def test_blocks_become_channels():
    x = np.arange(2 * 4 * 6 * 3, dtype="float32").reshape(2, 4, 6, 3)
    given = numpy(layers.SpaceToDepth(2)(x))
    for row, column in np.ndindex(2, 2):
        first = (row * 2 + column) * 3
        block = given[..., first : first + 3]
        assert_equal(block, x[:, row::2, column::2])
    assert_equal(layers.DepthToSpace(2)(given), x)


def test_symbolic_shapes():
    x = keras.Input((59, None, 3))
    padded = layers.PadToMultiple(4)(x)
    assert padded.shape == (None, 60, None, 3)
    deep = layers.SpaceToDepth(2)(padded)
    assert deep.shape == (None, 30, None, 12)
    assert layers.DepthToSpace(2)(deep).shape == (None, 60, None, 3)
    assert layers.CropToFrame()([padded, x]).shape == (None, 59, None, 3)
