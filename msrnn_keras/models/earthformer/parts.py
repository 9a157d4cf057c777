"""Layers with the published initializations, and activations."""

import functools
import math

import keras
from keras import ops

from msrnn_keras.backend.precision import at_least_float32
from msrnn_keras.layers.normalization import GroupNormalization

EPSILON = 1e-5
LEAK = 0.1
ACTIVATIONS = {
    "gelu": functools.partial(keras.activations.gelu, approximate=False),
    "leaky": functools.partial(
        keras.activations.leaky_relu, negative_slope=LEAK
    ),
    "relu": keras.activations.relu,
}


@keras.saving.register_keras_serializable(package="msrnn_keras")
class PointwiseDense(keras.layers.Dense):
    """Keras' dense layer, of the last axis, as one product of matrices.

    On PyTorch, Keras' own computes float64 in float32.
    """

    def call(self, inputs):
        rows = ops.reshape(inputs, (-1, inputs.shape[-1]))
        outputs = rows @ ops.convert_to_tensor(self.kernel)
        if self.use_bias:
            outputs = outputs + ops.convert_to_tensor(self.bias)
        return ops.reshape(outputs, (-1, *inputs.shape[1:-1], self.units))


@keras.saving.register_keras_serializable(package="msrnn_keras")
class LayerNormalization(keras.layers.LayerNormalization):
    """Keras' layer normalization of the channels, precise in float64.

    On PyTorch, Keras' own computes float64 in float32.
    """

    def call(self, inputs):
        if at_least_float32(inputs) != "float64":
            return super().call(inputs)
        count = inputs.shape[-1]
        mean = ops.sum(inputs, axis=-1, keepdims=True) / count
        deviation = inputs - mean
        squares = ops.sum(ops.square(deviation), axis=-1, keepdims=True)
        variance = squares / count
        normed = deviation * ops.rsqrt(variance + self.epsilon)
        gamma, beta = map(ops.convert_to_tensor, (self.gamma, self.beta))
        return normed * gamma + beta


def linear(units, name, dtype, use_bias=True):
    """Return a Dense layer with normal weights of std 1/√(fan in)."""
    scaling = keras.initializers.VarianceScaling
    return PointwiseDense(
        units,
        use_bias=use_bias,
        kernel_initializer=scaling(1.0, "fan_in", "untruncated_normal"),
        name=name,
        dtype=dtype,
    )


def uniform_linear(units, fan_in, name, dtype):
    """Return a Dense layer with PyTorch's default initialization."""
    return PointwiseDense(units, name=name, dtype=dtype, **_uniform(fan_in))


def uniform_conv(filters, channels, name, dtype):
    """Return a 3×3 convolution with PyTorch's default initialization."""
    return keras.layers.Conv2D(
        filters,
        3,
        padding="same",
        name=name,
        dtype=dtype,
        **_uniform(9 * channels),
    )


def upsample_conv(filters, name, dtype):
    """Return the 3×3 convolution of an upsampling layer."""
    scale = 2 / (1 + LEAK**2)
    scaling = keras.initializers.VarianceScaling
    return keras.layers.Conv2D(
        filters,
        3,
        padding="same",
        kernel_initializer=scaling(scale, "fan_out", "untruncated_normal"),
        name=name,
        dtype=dtype,
    )


def layer_norm(name, dtype):
    """Return a normalization over the channels."""
    return LayerNormalization(epsilon=EPSILON, name=name, dtype=dtype)


def group_norm(groups, name, dtype):
    """Return a normalization over groups of channels, frame by frame."""
    return GroupNormalization(groups, EPSILON, name=name, dtype=dtype)


def table_initializer():
    """Return the initializer of position tables and global vectors."""
    return keras.initializers.RandomNormal(stddev=0.02)


def _uniform(fan_in):
    """Return initializers of kernel and bias, uniform in ±1/√(fan in)."""
    bound = 1 / math.sqrt(fan_in)
    return {
        f"{part}_initializer": keras.initializers.RandomUniform(-bound, bound)
        for part in ("kernel", "bias")
    }
