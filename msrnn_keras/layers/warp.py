"""Sampling of a map along a flow field."""

import keras
from keras import ops

from msrnn_keras.backend.precision import at_least_float32, in_dtype


@keras.saving.register_keras_serializable(package="msrnn_keras")
class Warp(keras.layers.Layer):
    """Samples a map bilinearly along fields of offsets, `(…, links, channels)`.

    Link l at (column, row) is x at (column + offsets[2l], row + offsets[2l +
    1]), in pixels. x is zero outside. Zero offsets return x exactly.
    """

    def __init__(self, **kwargs):
        # Offsets keep their dtype; positions are float32 or better.
        super().__init__(autocast=False, **kwargs)

    def build(self, x_shape, offsets_shape):
        if offsets_shape[-1] % 2:
            raise ValueError(
                "`offsets` must have two channels for each link, one along "
                "the width and one along the height. "
                f"Received: shape={offsets_shape}"
            )

    def call(self, x, offsets):
        x = in_dtype(x, self.compute_dtype)
        batch, height, width, channels = ops.shape(x)
        offsets = ops.reshape(offsets, (batch, height, width, -1, 2))
        column, right = _neighbors(offsets[..., 0], width, axis=2)
        row, lower = _neighbors(offsets[..., 1], height, axis=1)
        sample = ops.reshape(ops.arange(batch), (-1, 1, 1, 1))
        # A border of zeros, one pixel wide, represents all that is outside.
        # `take` on a flat list of pixels has the fastest gradient.
        pixels = ops.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
        pixels = ops.reshape(pixels, (-1, channels))
        line = width + 2
        index = ops.add(sample * (height + 2), row) * line + column

        def corner(steps, weight):
            weight = ops.expand_dims(ops.cast(weight, x.dtype), -1)
            return weight * ops.take(pixels, index + steps, axis=0)

        return (
            corner(0, (1 - lower) * (1 - right))
            + corner(1, (1 - lower) * right)
            + corner(line, lower * (1 - right))
            + corner(line + 1, lower * right)
        )

    def compute_output_shape(self, x_shape, offsets_shape):
        return (*x_shape[:3], offsets_shape[-1] // 2, x_shape[-1])


def _neighbors(offsets, size, axis):
    """Return the bordered index before each position and the share after it."""
    dtype = at_least_float32(offsets)
    shape = [1, 1, 1, 1]
    shape[axis] = -1
    positions = ops.reshape(ops.arange(size), shape)
    # In this order: Keras on TensorFlow takes a second summand with one long
    # axis for a bias. `ops.add`, since JAX has no + for symbolic offsets.
    positions = ops.add(ops.cast(positions, dtype), ops.cast(offsets, dtype))
    # The borders are zero, so positions beyond them are clipped to them:
    # before the cast, which overflows; the indices again, because of NaN.
    positions = ops.clip(positions, -1, ops.cast(size, dtype))
    low = ops.cast(ops.floor(positions), "int32")
    low = ops.clip(low, -1, size - 1)
    return low + 1, positions - ops.cast(low, dtype)
