"""Frame sizes: padding and cropping, pixels to channels and back."""

import keras
from keras import ops


class _SizeLayer(keras.layers.Layer):
    """A layer without weights whose output has another height and width."""

    def build(self, *input_shapes):
        pass


@keras.saving.register_keras_serializable(package="msrnn_keras")
class PadToMultiple(_SizeLayer):
    """Pads at the bottom and right to a multiple of a size.

    Args:
        multiple: Integer, what height and width become a multiple of, pixels.
        fill: Number, the value of the new pixels.
        **kwargs: Arguments of `keras.layers.Layer`.

    Returns:
        Tensor `(batch, height', width', channels)`.

    Example:
    >>> PadToMultiple(4)(keras.ops.zeros((1, 59, 61, 1))).shape
    (1, 60, 64, 1)
    """

    def __init__(self, multiple, fill=0.0, **kwargs):
        super().__init__(**kwargs)
        self.multiple = multiple
        self.fill = fill

    def call(self, x):
        for axis in (1, 2):
            shape = list(ops.shape(x))
            missing = -shape[axis] % self.multiple
            if isinstance(missing, int) and missing == 0:
                continue
            shape[axis] = missing
            margin = ops.full(shape, self.fill, dtype=x.dtype)
            x = ops.concatenate([x, margin], axis=axis)
        return x

    def compute_output_shape(self, input_shape):
        batch, height, width, channels = input_shape
        size = [
            None if n is None else n + -n % self.multiple
            for n in (height, width)
        ]
        return (batch, *size, channels)

    def get_config(self):
        config = super().get_config()
        return {**config, "multiple": self.multiple, "fill": self.fill}


@keras.saving.register_keras_serializable(package="msrnn_keras")
class CropToFrame(_SizeLayer):
    """Crops a padded map at the bottom and right to the size of a frame.

    Args:
        **kwargs: Arguments of `keras.layers.Layer`.

    Returns:
        Tensor with the height and width of the second input.

    Example:
    >>> frame = keras.ops.zeros((1, 59, 61, 1))
    >>> CropToFrame()([keras.ops.zeros((1, 60, 64, 1)), frame]).shape
    (1, 59, 61, 1)
    """

    def call(self, inputs):
        x, frame = inputs
        _, height, width, _ = ops.shape(frame)
        return x[:, :height, :width]

    def compute_output_shape(self, input_shape):
        x, frame = input_shape
        return (x[0], *frame[1:3], x[3])


class _BlockLayer(_SizeLayer):
    """A `_SizeLayer` with blocks of `block` by `block` pixels."""

    def __init__(self, block, **kwargs):
        super().__init__(**kwargs)
        self.block = block

    def get_config(self):
        return {**super().get_config(), "block": self.block}


@keras.saving.register_keras_serializable(package="msrnn_keras")
class SpaceToDepth(_BlockLayer):
    """Turns blocks of pixels into channels.

    Args:
        block: Integer, side of a block, pixels.
        **kwargs: Arguments of `keras.layers.Layer`.

    Returns:
        Tensor `(batch, height/block, width/block, channels·block²)`, channel
        `(row·block + column)·channels + channel` of each block.

    Example:
    >>> SpaceToDepth(2)(keras.ops.zeros((1, 8, 8, 1))).shape
    (1, 4, 4, 4)
    """

    def call(self, x):
        p = self.block
        batch, height, width, channels = ops.shape(x)
        # Four dimensions at most: transposing more is slow.
        x = ops.reshape(x, (-1, p, width // p, p * channels))
        x = ops.transpose(x, (0, 2, 1, 3))
        shape = (batch, height // p, width // p, channels * p**2)
        return ops.reshape(x, shape)

    def compute_output_shape(self, input_shape):
        batch, height, width, channels = input_shape
        size = [None if n is None else n // self.block for n in (height, width)]
        return (batch, *size, channels * self.block**2)


@keras.saving.register_keras_serializable(package="msrnn_keras")
class DepthToSpace(_BlockLayer):
    """Turns channels into blocks of pixels: the inverse of `SpaceToDepth`.

    Args:
        block: Integer, side of a block, pixels.
        **kwargs: Arguments of `keras.layers.Layer`.

    Returns:
        Tensor `(batch, height·block, width·block, channels/block²)`.

    Example:
    >>> DepthToSpace(2)(keras.ops.zeros((1, 4, 4, 4))).shape
    (1, 8, 8, 1)
    """

    def call(self, x):
        p = self.block
        batch, height, width, channels = ops.shape(x)
        x = ops.reshape(x, (-1, width, p, channels // p))
        x = ops.transpose(x, (0, 2, 1, 3))
        return ops.reshape(x, (batch, height * p, width * p, channels // p**2))

    def compute_output_shape(self, input_shape):
        batch, height, width, channels = input_shape
        size = [None if n is None else n * self.block for n in (height, width)]
        return (batch, *size, channels // self.block**2)
