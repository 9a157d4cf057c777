"""Gradient difference loss of frames, a score of sharpness."""

import keras
from keras import ops

from msrnn_keras.metrics.base import PIXELS, FrameMetric


@keras.saving.register_keras_serializable(package="msrnn_keras")
class GDL(FrameMetric):
    """Gradient difference loss, summed over the pixels of a frame.

    The sum over pixels and channels, and over both directions, of

        | |y(i + 1) - y(i)| - |p(i + 1) - p(i)| | ** alpha

    for neighbors i and i + 1 along the height and along the width. Pairs with
    a missing pixel are left out; the sum over the other pairs is scaled up to
    all pairs of the frame. The result is the mean over frames and samples.

    Args:
        num_frames, clip, name, dtype: As in `MSE`.
        alpha: Number, the power of the differences.

    Reference:
        Mathieu et al., ICLR 2016, arXiv:1511.05440.
    """

    def __init__(
        self, num_frames=None, clip=True, alpha=1.0, name="gdl", dtype=None
    ):
        super().__init__(num_frames, clip, name=name, dtype=dtype)
        self.alpha = alpha

    def scores(self, y_true, y_pred, valid):
        if tuple(y_true.shape[2:4]) == (1, 1):
            raise ValueError(
                "Gradients need frames of at least two pixels. "
                f"Received: y_true.shape={tuple(y_true.shape)}"
            )
        total, pairs, counted = 0.0, 0.0, 0.0
        for axis in (2, 3):
            (a, b), (p, q), (v, w) = (
                _neighbors(x, axis) for x in (y_true, y_pred, valid)
            )
            both = v * w
            error = ops.abs(ops.abs(b - a) - ops.abs(q - p))
            if self.alpha != 1:
                error = error**self.alpha
            error = ops.where(both > 0, error, 0.0)
            total = total + ops.sum(error, axis=PIXELS)
            counted = counted + ops.sum(both, axis=PIXELS)
            pairs = pairs + ops.sum(ops.ones_like(both), axis=PIXELS)
        return total * (pairs / counted), counted

    def get_config(self):
        return {**super().get_config(), "alpha": self.alpha}


def _neighbors(x, axis):
    """Return both members of every pair of neighbors along an axis."""
    if axis == 2:
        return x[:, :, :-1], x[:, :, 1:]
    return x[:, :, :, :-1], x[:, :, :, 1:]
