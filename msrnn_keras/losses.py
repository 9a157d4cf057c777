"""The loss of MS-RNN."""

import keras
from keras import ops

from msrnn_keras.utils.arguments import check_within, refused
from msrnn_keras.utils.checks import check_floats, filled, same_shape

__all__ = ["FrameL1L2Loss"]


@keras.saving.register_keras_serializable("msrnn_keras", name="L1L2")
class FrameL1L2Loss(keras.losses.Loss):
    """Sum of (y - p)² + |y - p| over the pixels and channels of a frame.

    The loss is the mean over frames and samples. Missing pixels (NaN or masked
    in `y_true`) do not count. Both must be floats of the same shape.

    Args:
        reduction, name, dtype: As in `keras.losses.Loss`.
        l1_weight: Float, weight of the absolute error; 0 leaves it out.

    Example:
    >>> model.compile("adam", loss=msrnn_keras.losses.FrameL1L2Loss())

    Reference: MS-RNN, 2022, arXiv:2206.03010.
    """

    def __init__(
        self,
        reduction="sum_over_batch_size",
        name="l1_l2",
        dtype=None,
        l1_weight=1.0,
    ):
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.l1_weight = check_within("l1_weight", l1_weight, "[0, inf]")

    def __call__(self, y_true, y_pred, sample_weight=None):
        y_true, y_pred = filled(y_true, "y_true"), filled(y_pred, "y_pred")
        check_floats(y_true, "y_true")
        check_floats(y_pred, "y_pred")
        true, pred = tuple(y_true.shape), tuple(y_pred.shape)
        if not same_shape(true, pred):
            raise ValueError(
                "`y_true` and `y_pred` must have the same shape. "
                f"Received: y_true.shape={true}, y_pred.shape={pred}"
            )
        if sample_weight is not None and not hasattr(sample_weight, "shape"):
            wanted = "an array, one for each clip or frame"
            raise refused("sample_weight", wanted, sample_weight)
        if sample_weight is not None and len(sample_weight.shape) == 1:
            # One weight per sample, for all its frames.
            sample_weight = ops.expand_dims(sample_weight, 1)
        return super().__call__(y_true, y_pred, sample_weight)

    def call(self, y_true, y_pred):
        valid = ops.logical_not(ops.isnan(y_true))
        error = ops.where(valid, y_true, y_pred) - y_pred
        loss = ops.square(error)
        if self.l1_weight:
            loss = loss + self.l1_weight * ops.abs(error)
        return ops.sum(loss, axis=(-3, -2, -1))

    def get_config(self):
        return {**super().get_config(), "l1_weight": self.l1_weight}
