import keras
import numpy as np
import pytest

from msrnn_keras.layers.grouped_conv import GroupedConv2D
from tests.reference import assert_close, conv, numpy


@pytest.mark.parametrize("groups", [1, 2, 4])
@pytest.mark.parametrize("strides, dilation", [(1, 1), (2, 1), (1, 3)])
def test_groups_strides_and_dilation(groups, strides, dilation):
    layer = GroupedConv2D(
        8, 3, strides=strides, dilation_rate=dilation, groups=groups
    )
    x = np.random.default_rng(0).random((2, 8, 10, 4), dtype="float32")
    given = numpy(layer(x))
    assert tuple(layer.kernel.shape) == (3, 3, 4 // groups, 8)
    # A dilated kernel is one with zeros in between.
    side = 2 * dilation + 1
    kernel = np.zeros((side, side, 4 // groups, 8))
    kernel[::dilation, ::dilation] = numpy(layer.kernel)
    parts = zip(
        np.split(x, groups, axis=-1),
        np.split(kernel, groups, axis=-1),
        strict=True,
    )
    expected = np.concatenate([conv(a, b, 0) for a, b in parts], axis=-1)
    assert_close(given, expected[:, ::strides, ::strides], atol=1e-5)
    assert layer.compute_output_shape(x.shape) == given.shape


def test_even_kernels_are_refused():
    with pytest.raises(ValueError, match="Received: kernel_size=4"):
        GroupedConv2D(8, 4)


def test_the_padding_is_pytorchs():
    layer = GroupedConv2D(1, 3, strides=2, kernel_initializer="ones")
    x = np.zeros((1, 4, 4, 1), "float32")
    x[0, 0, 0] = 1
    assert numpy(layer(x))[0, :, :, 0].tolist() == [[1, 0], [0, 0]]
    assert keras.saving.get_registered_name(GroupedConv2D).endswith("2D")
