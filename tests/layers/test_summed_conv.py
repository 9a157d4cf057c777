import keras
import numpy as np
import pytest

from msrnn_keras.layers.kernels import cached_kernels
from msrnn_keras.layers.summed_conv import SummedConv
from tests import reference
from tests.gradients import gradients, random
from tests.reference import assert_close, numpy


def built(shape, filters=3, kernel_sizes=(3, 5, 7), **kwargs):
    """A layer with random weights, biases too."""
    layer = SummedConv(filters, kernel_sizes, **kwargs)
    layer.build(shape)
    rng = np.random.default_rng(1)
    layer.set_weights([rng.normal(size=w.shape) for w in layer.weights])
    return layer


@pytest.mark.parametrize("size", [(9, 8), (2, 3)])
@pytest.mark.parametrize("kernel_sizes", [(3, 5, 7), (5, 1), [3]])
def test_equals_the_sum_of_the_convolutions(kernel_sizes, size):
    x = reference.clips(1, 2, size, 2)[0] - 0.5
    layer = built(x.shape, 3, kernel_sizes)
    assert [c.kernel_size[0] for c in layer.convs] == list(kernel_sizes)
    expected = sum(reference.conv(x, *c.get_weights()) for c in layer.convs)
    given = layer(x)
    assert tuple(given.shape) == (2, *size, 3)
    assert_close(given, expected, atol=1e-4)
    assert layer(keras.Input((12, None, 2))).shape == (None, 12, None, 3)


def test_gradients_are_those_of_the_sum_of_the_convolutions():
    layer = built((None, None, None, 2), 3, (3, 5), factor=0.5)
    x, upstream = random(2, 5, 4, 2), random(2, 5, 4, 3, seed=1)

    def together(x, *values):
        mapping = zip(layer.weights, values, strict=True)
        with keras.StatelessScope(list(mapping)):
            return layer(x)

    def apart(x, *values):
        a, b = (
            keras.ops.conv(x, kernel, padding="same") + bias
            for kernel, bias in (values[:2], values[2:])
        )
        return 0.5 * (a + b)

    arrays = (x, *layer.get_weights())
    assert [a.shape for a in arrays[2::2]] == [(3,), (3,)]
    given = gradients(together, upstream, *arrays)
    expected = gradients(apart, upstream, *arrays)
    assert min(np.abs(gradient).max() for gradient in expected) > 0.1
    assert_close(given, expected, rtol=1e-4, atol=1e-4)


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


def test_refuses_bad_kernel_sizes():
    for kernel_sizes in ((3, 4), (), 3, (3, 0), (3, 5.0)):
        with pytest.raises(ValueError, match="kernel_sizes.*Received: "):
            SummedConv(2, kernel_sizes)
