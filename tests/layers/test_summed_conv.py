import keras
import numpy as np
import pytest

from msrnn_keras.layers.kernels import cached_kernels
from msrnn_keras.layers.summed_conv import SummedConv
from tests import reference
from tests.gradients import random
from tests.reference import assert_close, numpy, randomize


def built(shape, kernel_sizes=(3, 5, 7), **kwargs):
    layer = SummedConv(3, kernel_sizes, **kwargs)
    layer.build(shape)
    return randomize(layer)


@pytest.mark.parametrize("size", [(9, 8), (2, 3)])
@pytest.mark.parametrize("kernel_sizes", [(3, 5, 7), (5, 1), [3]])
def test_equals_the_sum_of_the_convolutions(kernel_sizes, size):
    x = reference.clips(1, 2, size, 2)[0] - 0.5
    layer = built(x.shape, kernel_sizes, factor=0.5)
    assert [c.kernel_size[0] for c in layer.convs] == list(kernel_sizes)
    expected = sum(reference.conv(x, *c.get_weights()) for c in layer.convs)
    given = layer(x)
    assert tuple(given.shape) == (2, *size, 3)
    assert_close(given, 0.5 * expected, atol=1e-4)
    assert layer(keras.Input((12, None, 2))).shape == (None, 12, None, 3)


def test_the_sum_of_the_kernels_is_made_once():
    x = random(1, 5, 4, 2)
    layer = built(x.shape)
    plain = numpy(layer(x))
    with cached_kernels(layer):
        for conv in layer.convs:
            conv.kernel.assign(0 * conv.kernel)
        held = numpy(layer(x))
    assert_close(held, plain, atol=1e-5)
    after = numpy(layer(x))
    assert np.ptp(after, axis=(0, 1, 2)).max() == 0  # the bias alone


@pytest.mark.backend_free
def test_refuses_bad_kernel_sizes():
    for kernel_sizes in ((3, 4), (), 3, (3, 0), (3, 5.0)):
        with pytest.raises(ValueError, match="kernel_sizes.*Received: "):
            SummedConv(2, kernel_sizes)
