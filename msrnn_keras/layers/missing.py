"""Missing pixels: zeros, and channels that tell where there are values."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="msrnn_keras")
class MarkMissing(keras.layers.Layer):
    """Puts zeros for missing values (NaN) and marks the others.

    Args:
        **kwargs: Arguments of `keras.layers.Layer`.

    Returns:
        Tensor with twice the channels: the values, 0 where one is missing,
        and then 1 for each value that is there and 0 for a missing one.

    Example:
    >>> MarkMissing()(np.array([[[[0.5, np.nan]]]])).tolist()
    [[[[0.5, 0.0, 1.0, 0.0]]]]
    """

    def build(self, input_shape):
        pass

    def call(self, x):
        missing = ops.isnan(x)
        values = ops.where(missing, ops.zeros_like(x), x)
        valid = ops.cast(ops.logical_not(missing), x.dtype)
        return ops.concatenate([values, valid], axis=-1)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], 2 * input_shape[-1])
