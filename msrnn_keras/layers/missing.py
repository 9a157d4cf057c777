"""Missing pixels: zeros and a validity mask, zeros in a sum."""

from typing import Any

import keras
from keras import ops

from msrnn_keras.utils.typing import Shape, Tensor


@keras.saving.register_keras_serializable(package="msrnn_keras")
class MarkMissing(keras.layers.Layer):
    """Replaces missing values (NaN) by zeros and appends a validity mask.

    Example:
    >>> MarkMissing()(np.array([[[[0.5, np.nan]]]])).tolist()
    [[[[0.5, 0.0, 1.0, 0.0]]]]
    """

    def call(self, x: Tensor) -> Any:
        missing = ops.isnan(x)
        values = ops.where(missing, ops.zeros_like(x), x)
        valid = ops.cast(ops.logical_not(missing), x.dtype)
        return ops.concatenate([values, valid], axis=-1)

    def compute_output_shape(self, input_shape: Shape) -> Any:
        return (*input_shape[:-1], 2 * input_shape[-1])


@keras.saving.register_keras_serializable(package="msrnn_keras")
class AddToFrame(keras.layers.Layer):
    """Adds a map to a frame, whose missing values (NaN) count as zero.

    Example:
    >>> AddToFrame()([np.array([[0.1, 0.2]]), np.array([[0.5, np.nan]])])
    [[0.6, 0.2]]
    """

    def call(self, inputs: Any) -> Any:
        x, frame = inputs
        return x + ops.where(ops.isnan(frame), ops.zeros_like(frame), frame)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape[1]
