"""Normalization layers with PyTorch's statistics."""

import keras
from keras import ops

from msrnn_keras.backend.compiled_step import torch_group_norm
from msrnn_keras.backend.precision import at_least_float32


@keras.saving.register_keras_serializable(package="msrnn_keras")
class BatchNormalization(keras.layers.BatchNormalization):
    """Keras' batch normalization with PyTorch's unbiased moving variance.

    Training normalizes with the batch's biased variance, but averages the
    unbiased one over time, N / (N - 1) times as large for N values of a
    channel. Defaults are PyTorch's: momentum 0.9, epsilon 1e-5.

    Args:
        momentum: Float, weight of the old statistics in a moving average.
        epsilon: Float, added to the variance.
        **kwargs: Further arguments of `keras.layers.BatchNormalization`.

    Example:
    >>> BatchNormalization()(keras.ops.zeros((2, 4, 4, 8))).shape
    (2, 4, 4, 8)
    """

    def __init__(self, momentum=0.9, epsilon=1e-5, **kwargs):
        super().__init__(momentum=momentum, epsilon=epsilon, **kwargs)

    def call(self, inputs, training=None):
        outputs, *statistics = self.normalize(inputs, training)
        if training:
            self.update(inputs, *statistics)
        return outputs

    def normalize(self, x, training):
        """Return the normalized input, mean and variance; update nothing."""
        dtype = at_least_float32(x)
        x = ops.cast(x, dtype)
        if training and self.trainable:
            mean, variance = ops.moments(x, self._reduction_axes)
        else:
            mean, variance = (
                ops.cast(value, dtype)
                for value in (self.moving_mean, self.moving_variance)
            )
        scale = ops.cast(self.gamma, dtype) * ops.rsqrt(variance + self.epsilon)
        outputs = x * scale + (ops.cast(self.beta, dtype) - mean * scale)
        return ops.cast(outputs, self.compute_dtype), mean, variance

    def update(self, inputs, mean, variance):
        """Move the statistics towards those of a batch."""
        if not self.trainable:
            return
        shape = ops.shape(inputs)
        count = 1
        for axis in self._reduction_axes:
            count = count * shape[axis]
        count = ops.cast(count, variance.dtype)
        # One value alone has no unbiased variance.
        unbiased = variance * count / ops.maximum(count - 1, 1)
        rate = 1 - self.momentum
        for moving, new in (
            (self.moving_mean, mean),
            (self.moving_variance, unbiased),
        ):
            new = ops.cast(ops.stop_gradient(new), moving.dtype)
            moving.assign(self.momentum * moving + rate * new)


@keras.saving.register_keras_serializable(package="msrnn_keras")
class GroupNormalization(keras.layers.GroupNormalization):
    """Keras' group normalization of channels, with PyTorch's epsilon.

    Args:
        groups: Integer; it must divide the channels.
        epsilon: Float, added to the variance.
        **kwargs: Further arguments of `keras.layers.GroupNormalization`.

    Example:
    >>> GroupNormalization(2)(keras.ops.zeros((2, 4, 4, 8))).shape
    (2, 4, 4, 8)
    """

    def __init__(self, groups, epsilon=1e-5, **kwargs):
        super().__init__(groups, epsilon=epsilon, **kwargs)

    def call(self, inputs):
        if isinstance(inputs, keras.KerasTensor):
            return super().call(inputs)
        dtype = at_least_float32(inputs)
        weights = [ops.cast(w, dtype) for w in (self.gamma, self.beta)]
        if keras.backend.backend() == "torch":
            x = ops.cast(inputs, dtype)
            y = torch_group_norm(x, *weights, self.groups, self.epsilon)
        else:
            y = _group_norm(inputs, *weights, self.groups, self.epsilon)
        return ops.cast(y, self.compute_dtype)


def _group_norm(x, gamma, beta, groups, epsilon):
    """Normalize groups of channels in few passes over the map."""

    def group_mean(values):
        shape = ops.shape(values)
        parts = ops.reshape(values, (-1, groups, shape[1] // groups))
        means = ops.mean(parts, axis=2, keepdims=True)
        return ops.reshape(means + ops.zeros_like(parts), shape)

    def spread(values):
        return values[:, None, None]

    @ops.custom_gradient
    def apply(x, gamma, beta):
        wide = ops.cast(x, gamma.dtype)
        own_mean = ops.mean(wide, axis=(1, 2))
        deviation = ops.square(wide - spread(own_mean))
        mean = group_mean(own_mean)
        between = ops.square(own_mean - mean)
        variance = group_mean(ops.mean(deviation, axis=(1, 2)) + between)
        inverse = ops.rsqrt(variance + epsilon)
        scale = gamma * inverse

        def gradient(upstream):
            wide = ops.cast(x, gamma.dtype)
            pixels = ops.cast(ops.shape(x)[1] * ops.shape(x)[2], gamma.dtype)
            sums = ops.sum(upstream, axis=(1, 2))
            products = ops.sum(upstream * wide, axis=(1, 2))
            products = (products - mean * sums) * inverse
            first = group_mean(gamma * sums) / pixels
            second = group_mean(gamma * products) / pixels * inverse**2
            change = upstream * spread(scale) - wide * spread(second)
            change = change + spread(mean * second - inverse * first)
            change = ops.cast(change, x.dtype)
            return change, ops.sum(products, axis=0), ops.sum(sums, axis=0)

        return wide * spread(scale) + spread(beta - mean * scale), gradient

    return apply(x, gamma, beta)
