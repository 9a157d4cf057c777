"""Padding and cropping of frames, pixels to channels and back."""

from typing import Any

import keras
from keras import ops

from msrnn_keras.utils.typing import Config, Shape, Tensor


def round_up(length, multiple):
    """Return the next multiple of a length; None stays None."""
    if length is None:
        return None
    # Without negative numbers, which ONNX divides in another way.
    return (length + multiple - 1) // multiple * multiple


def pad_end(x, multiple, axis, fill=0.0):
    """Pad an axis at its end, to a multiple of a length."""
    shape = list(ops.shape(x))
    missing = round_up(shape[axis], multiple) - shape[axis]
    if isinstance(missing, int) and missing == 0:
        return x
    shape[axis] = missing
    margin = ops.full(shape, fill, dtype=x.dtype)
    return ops.concatenate([x, margin], axis=axis)


@keras.saving.register_keras_serializable(package="msrnn_keras")
class PadToMultiple(keras.layers.Layer):
    """Pads height and width at the bottom and right, to a multiple in pixels.

    Example:
    >>> PadToMultiple(4, fill=0.0)(keras.ops.zeros((1, 59, 61, 1))).shape
    (1, 60, 64, 1)
    """

    def __init__(self, multiple: int, fill: float = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.multiple, self.fill = multiple, fill

    def call(self, x: Tensor) -> Any:
        for axis in (1, 2):
            x = pad_end(x, self.multiple, axis, self.fill)
        return x

    def compute_output_shape(self, input_shape: Shape) -> Any:
        batch, height, width, channels = input_shape
        size = [round_up(n, self.multiple) for n in (height, width)]
        return (batch, *size, channels)

    def get_config(self) -> Config:
        options = {"multiple": self.multiple, "fill": self.fill}
        return {**super().get_config(), **options}


@keras.saving.register_keras_serializable(package="msrnn_keras")
class CropToFrame(keras.layers.Layer):
    """Crops a map to the size of a frame, at the bottom and right.

    Example:
    >>> frame = keras.ops.zeros((1, 59, 61, 1))
    >>> CropToFrame()([keras.ops.zeros((1, 60, 64, 1)), frame]).shape
    (1, 59, 61, 1)
    """

    def call(self, inputs: Any) -> Any:
        x, frame = inputs
        _, height, width, _ = ops.shape(frame)
        return x[:, :height, :width]

    def compute_output_shape(self, input_shape: Any) -> Any:
        x, frame = input_shape
        return (x[0], *frame[1:3], x[3])


class _BlockLayer(keras.layers.Layer):
    """A layer with blocks of `block` by `block` pixels."""

    def __init__(self, block: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.block = block

    def get_config(self) -> Config:
        return {**super().get_config(), "block": self.block}


@keras.saving.register_keras_serializable(package="msrnn_keras")
class SpaceToDepth(_BlockLayer):
    """Rearranges `block` by `block` pixels into channels, row by row.

    Example:
    >>> SpaceToDepth(2)(keras.ops.zeros((1, 8, 8, 1))).shape
    (1, 4, 4, 4)
    """

    def call(self, x: Tensor) -> Any:
        p = self.block
        batch, height, width, channels = ops.shape(x)
        # Four dimensions at most: transposing more is slow.
        x = ops.reshape(x, (-1, p, width // p, p * channels))
        x = ops.transpose(x, (0, 2, 1, 3))
        shape = (batch, height // p, width // p, channels * p**2)
        return ops.reshape(x, shape)

    def compute_output_shape(self, input_shape: Shape) -> Any:
        batch, height, width, channels = input_shape
        size = [None if n is None else n // self.block for n in (height, width)]
        return (batch, *size, channels * self.block**2)


@keras.saving.register_keras_serializable(package="msrnn_keras")
class DepthToSpace(_BlockLayer):
    """Rearranges channels into blocks of pixels: inverts `SpaceToDepth`.

    Example:
    >>> DepthToSpace(2)(keras.ops.zeros((1, 4, 4, 4))).shape
    (1, 8, 8, 1)
    """

    def call(self, x: Tensor) -> Any:
        p = self.block
        batch, height, width, channels = ops.shape(x)
        x = ops.reshape(x, (-1, width, p, channels // p))
        x = ops.transpose(x, (0, 2, 1, 3))
        return ops.reshape(x, (batch, height * p, width * p, channels // p**2))

    def compute_output_shape(self, input_shape: Shape) -> Any:
        batch, height, width, channels = input_shape
        size = [None if n is None else n * self.block for n in (height, width)]
        return (batch, *size, channels // self.block**2)
