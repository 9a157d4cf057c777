import keras
import numpy as np
import pytest

from msrnn_keras.layers.kernels import cached_kernels
from msrnn_keras.layers.summed_conv import SummedConv
from tests import reference
from tests.gradients import gradients, random


def built(shape, filters=3, kernel_sizes=(3, 5, 7), **kwargs):
    """A layer with random weights, biases too."""
    layer = SummedConv(filters, kernel_sizes, **kwargs)
    layer.build(shape)
    rng = np.random.default_rng(1)
    layer.set_weights([rng.normal(size=w.shape) for w in layer.weights])
    return layer


@pytest.mark.parametrize("kernel_sizes", [(3, 5, 7), (5, 1), [3]])
def test_equals_the_sum_of_the_convolutions(kernel_sizes):
    x = reference.clips(1, 2, (9, 8), 2)[0] - 0.5
    layer = built(x.shape, 3, kernel_sizes)
    assert [c.kernel_size[0] for c in layer.convs] == list(kernel_sizes)
    expected = sum(reference.conv(x, *c.get_weights()) for c in layer.convs)
    given = keras.ops.convert_to_numpy(layer(x))
    assert given.shape == (2, 9, 8, 3)
    np.testing.assert_allclose(given, expected, atol=1e-4)


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
    given, expected = (
        gradients(function, upstream, *arrays) for function in (together, apart)
    )
    for a, b in zip(given, expected, strict=True):
        assert np.abs(b).max() > 0.1
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4)


def test_the_sum_of_the_kernels_is_made_once():
    x = random(1, 5, 4, 2)
    layer = built(x.shape)
    plain = keras.ops.convert_to_numpy(layer(x))
    with cached_kernels(layer):
        for conv in layer.convs:
            conv.kernel.assign(0 * conv.kernel)
        held = keras.ops.convert_to_numpy(layer(x))
    np.testing.assert_allclose(held, plain, atol=1e-5)
    after = keras.ops.convert_to_numpy(layer(x))
    assert np.ptp(after, axis=(0, 1, 2)).max() == 0  # the bias alone


def test_kernels_may_exceed_the_map():
    x = reference.clips(1, 2, (2, 3), 2)[0]
    layer = built(x.shape)
    expected = sum(reference.conv(x, *c.get_weights()) for c in layer.convs)
    given = keras.ops.convert_to_numpy(layer(x))
    np.testing.assert_allclose(given, expected, atol=1e-4)


@pytest.mark.parametrize("dtype", ["mixed_bfloat16", "bfloat16"])
def test_computes_in_the_compute_dtype(dtype):
    x = reference.clips(1, 2, (6, 5), 2)[0]
    full, half = built(x.shape), built(x.shape, dtype=dtype)
    y = half(x)
    assert keras.backend.standardize_dtype(y.dtype) == "bfloat16"
    assert {w.dtype for w in half.weights} == {half.variable_dtype}
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(keras.ops.cast(y, "float32")),
        keras.ops.convert_to_numpy(full(x)),
        atol=0.3,
    )


def test_symbolic_shapes():
    x = keras.Input((12, None, 3))
    assert SummedConv(5, (3, 5))(x).shape == (None, 12, None, 5)


@pytest.mark.parametrize("kernel_sizes", [(3, 4), (), 3, (3, 0), (3, 5.0)])
def test_refuses_bad_kernel_sizes(kernel_sizes):
    with pytest.raises(ValueError, match="kernel_sizes.*Received: "):
        SummedConv(2, kernel_sizes)


def test_refuses_bad_filters():
    with pytest.raises(ValueError, match="Received: filters=0"):
        SummedConv(0, (3, 5))


def test_config_round_trip():
    layer = SummedConv(2, [3, 7], name="sum", dtype="bfloat16")
    twin = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(layer)
    )
    assert type(twin) is SummedConv
    assert twin.get_config() == layer.get_config()
    assert (twin.filters, twin.kernel_sizes) == (2, (3, 7))
