"""Layers that change the size of a map, frame by frame."""

import keras
import numpy as np
from keras import ops

from msrnn_keras.layers.space_depth import SpaceToDepth, pad_end
from msrnn_keras.models.earthformer.parts import (
    ACTIVATIONS,
    group_norm,
    layer_norm,
    linear,
    uniform_conv,
    upsample_conv,
)


def frames_of(x):
    """Return a map `(batch, time, …)` as frames `(batch·time, …)`."""
    return ops.reshape(x, (-1, *x.shape[2:]))


def map_of(frames, time):
    """Return frames as a map of `time` frames."""
    return ops.reshape(frames, (-1, time, *frames.shape[1:]))


@keras.saving.register_keras_serializable(package="msrnn_keras")
class PatchMerge(keras.layers.Layer):
    """Turns blocks of pixels into channels, normalizes and projects them.

    Args:
        factor: Integer, side of a block. Maps are padded to a multiple of it.
        channels: Integer, of the input.
        filters: Integer, channels of the output.
    """

    checkpoint_order = ("reduction", "norm")

    def __init__(self, factor, channels, filters, **kwargs):
        super().__init__(**kwargs)
        self.factor, self.filters = factor, filters
        self.channels = channels * factor**2
        policy = self.dtype_policy
        self.reduction = linear(filters, "reduction", policy, use_bias=False)
        self.norm = layer_norm("norm", policy)
        self.blocks = SpaceToDepth(factor, name="blocks", dtype=policy)

    def build(self, input_shape=None):
        self.reduction.build((None, self.channels))
        self.norm.build((None, self.channels))

    def call(self, x):
        time, frames = x.shape[1], frames_of(x)
        for axis in (1, 2):
            frames = pad_end(frames, self.factor, axis)
        if self.factor > 1:
            frames = self.blocks(frames)
        return map_of(self.reduction(self.norm(frames)), time)

    def compute_output_shape(self, input_shape):
        batch, time, *size, _ = input_shape
        return (batch, time, *merged(size, self.factor), self.filters)


def merged(size, factor):
    """Return height and width after a `PatchMerge`."""
    return tuple(-(-n // factor) for n in size)


@keras.saving.register_keras_serializable(package="msrnn_keras")
class Upsample(keras.layers.Layer):
    """Nearest-neighbor interpolation to a given size and a convolution.

    Args:
        size: Tuple of integers, height and width of the output.
        filters: Integer, channels of the output.
    """

    checkpoint_order = ("conv",)

    def __init__(self, size, filters, **kwargs):
        super().__init__(**kwargs)
        self.size, self.filters = tuple(size), filters
        self.conv = upsample_conv(filters, "conv", self.dtype_policy)

    def build(self, input_shape):
        self.conv.build((None, *self.size, input_shape[-1]))

    def call(self, x):
        time, frames = x.shape[1], frames_of(x)
        for axis, target in enumerate(self.size, start=1):
            frames = _nearest(frames, target, axis)
        return map_of(self.conv(frames), time)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:2], *self.size, self.filters)


def _nearest(x, target, axis):
    """Return the nearest neighbors along an axis."""
    length = x.shape[axis]
    if target % length == 0:
        factor = target // length
        return x if factor == 1 else ops.repeat(x, factor, axis=axis)
    index = np.arange(target) * length // target
    return ops.take(x, index.astype("int32"), axis=axis)


@keras.saving.register_keras_serializable(package="msrnn_keras")
class ConvBlock(keras.layers.Layer):
    """Convolutions, each with group normalization and an activation.

    Args:
        count: Integer, number of convolutions.
        channels: Integer, of the input.
        filters: Integer, channels of the output.
        groups: Integer, of the normalization.
        activation: String, a key of `parts.ACTIVATIONS`.
    """

    def __init__(self, count, channels, filters, groups, activation, **kwargs):
        super().__init__(**kwargs)
        self.channels, self.filters = channels, filters
        self.activation = ACTIVATIONS[activation]
        inputs = [channels, *[filters] * (count - 1)][:count]
        policy = self.dtype_policy
        self.convs = [
            uniform_conv(filters, n, f"conv_{i}", policy)
            for i, n in enumerate(inputs)
        ]
        self.norms = [
            group_norm(groups, f"norm_{i}", policy) for i in range(count)
        ]

    @property
    def checkpoint_parts(self):
        """The layers by their published names; activations are numbered."""
        pairs = zip(self.convs, self.norms, strict=True)
        return {
            str(3 * i + k): layer
            for i, pair in enumerate(pairs)
            for k, layer in enumerate(pair)
        }

    def build(self, input_shape=None):
        for i, conv in enumerate(self.convs):
            channels = self.filters if i else self.channels
            conv.build((None, None, None, channels))
            self.norms[i].build((None, None, None, self.filters))

    def call(self, x):
        if not self.convs:
            return x
        time, frames = x.shape[1], frames_of(x)
        for conv, norm in zip(self.convs, self.norms, strict=True):
            frames = self.activation(norm(conv(frames)))
        return map_of(frames, time)

    def compute_output_shape(self, input_shape):
        filters = self.filters if self.convs else input_shape[-1]
        return (*input_shape[:-1], filters)
