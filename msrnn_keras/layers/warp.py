"""Sampling a map along a flow field."""

import keras
from keras import ops

from msrnn_keras.backend.precision import at_least_float32, in_dtype


@keras.saving.register_keras_serializable(package="msrnn_keras")
class Warp(keras.layers.Layer):
    """Samples a map where several offset fields point.

    Link l at (column, row) takes the input, bilinearly interpolated, at
    (column + offsets[2l], row + offsets[2l + 1]). The map is zero outside.
    Zero offsets give the map itself, exactly. Positions are computed in
    float32 at least, also under float16 and bfloat16.

    Args:
        **kwargs: Arguments of `keras.layers.Layer`.

    Call arguments:
        x: Tensor `(batch, height, width, channels)`.
        offsets: Tensor `(batch, height, width, 2·links)`, pixels. Channels
            2l and 2l + 1 are those of link l along the width and the height.

    Returns:
        Tensor `(batch, height, width, links, channels)`.

    Raises:
        ValueError: If the offsets have an odd number of channels.

    Example:
    >>> x = keras.ops.ones((2, 16, 16, 3))
    >>> Warp()(x, keras.ops.zeros((2, 16, 16, 8))).shape
    (2, 16, 16, 4, 3)
    """

    def __init__(self, **kwargs):
        # Offsets keep the precision they come in.
        super().__init__(autocast=False, **kwargs)

    def build(self, x_shape, offsets_shape):
        if offsets_shape[-1] % 2:
            raise ValueError(
                "`offsets` must have two channels for each link, along the "
                f"width and along the height. Received: shape={offsets_shape}"
            )

    def call(self, x, offsets):
        x = in_dtype(x, self.compute_dtype)
        batch, height, width, channels = ops.shape(x)
        offsets = ops.reshape(offsets, (batch, height, width, -1, 2))
        column, right = _neighbours(offsets[..., 0], width, axis=2)
        row, lower = _neighbours(offsets[..., 1], height, axis=1)
        sample = ops.reshape(ops.arange(batch), (-1, 1, 1, 1))
        # A border of zeros, one pixel wide, stands for all that is outside.
        # Taking rows of a flat list of pixels has the fastest gradient.
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


def _neighbours(offsets, size, axis):
    """The two pixels around each position along one axis.

    Args:
        offsets: Tensor `(batch, height, width, links)`, pixels.
        size: Integer or scalar tensor, pixels along the axis.
        axis: Integer, 1 for the height or 2 for the width.

    Returns:
        Tuple `(low, weight)`: the index of the pixel at or before the
        position, in the map with its border, and the weight of the one after
        it; that of `low` is one minus this.
    """
    dtype = at_least_float32(offsets)
    shape = [1, 1, 1, 1]
    shape[axis] = -1
    positions = ops.reshape(ops.arange(size), shape)
    # In this order: on TensorFlow, Keras takes a second summand with one long
    # axis for a bias. By name, for the sake of symbolic offsets on JAX.
    positions = ops.add(ops.cast(positions, dtype), ops.cast(offsets, dtype))
    # Both borders are zero: what lies beyond them may be moved there. This
    # comes before the cast, which would not bear huge numbers; the indices
    # are bounded as well because of NaN.
    positions = ops.clip(positions, -1, ops.cast(size, dtype))
    low = ops.cast(ops.floor(positions), "int32")
    low = ops.clip(low, -1, size - 1)
    return low + 1, positions - ops.cast(low, dtype)
