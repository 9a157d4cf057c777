"""Squared and absolute errors of frames, PSNR, and errors of gradients."""

import keras
from keras import ops

from msrnn_keras.metrics.base import PIXELS, FrameMetric
from msrnn_keras.utils.arguments import check_within
from msrnn_keras.utils.typing import Config, Tensor

_PSNR_FLOOR = 1e-10  # least mean squared error: 100 dB


@keras.saving.register_keras_serializable(package="msrnn_keras")
class MSE(FrameMetric):
    """Squared error, summed over the pixels and channels of a frame.

    The sum over the valid pixels is scaled up to the size of the frame. The
    result is the mean over frames and samples. Unlike
    `keras.metrics.MeanSquaredError`, it is not a mean over pixels.

    Args:
        num_frames, clip, name, dtype: As in `PooledMetric`.

    Example:
        >>> metric = MSE()
        >>> metric.update_state(np.zeros((1, 2, 8, 8, 1)), y_pred)
        >>> score = float(metric.result())
    """

    def scores(
        self, y_true: Tensor, y_pred: Tensor, valid: Tensor
    ) -> tuple[Tensor, Tensor]:
        total = ops.sum(ops.square(y_true - y_pred), axis=PIXELS)
        share = ops.mean(valid, axis=PIXELS)
        return total / share, share


@keras.saving.register_keras_serializable(package="msrnn_keras")
class MAE(FrameMetric):
    """Absolute error, summed over a frame. Arguments are those of `MSE`."""

    def scores(
        self, y_true: Tensor, y_pred: Tensor, valid: Tensor
    ) -> tuple[Tensor, Tensor]:
        total = ops.sum(ops.abs(y_true - y_pred), axis=PIXELS)
        share = ops.mean(valid, axis=PIXELS)
        return total / share, share


@keras.saving.register_keras_serializable(package="msrnn_keras")
class PSNR(FrameMetric):
    """Peak signal-to-noise ratio of a frame in dB, for a peak of 1.

    It is 10 log10(1 / mean squared error) over the valid pixels, at most 100
    dB, and the mean over frames and samples. Arguments are those of `MSE`.
    """

    unit_range = True

    def scores(
        self, y_true: Tensor, y_pred: Tensor, valid: Tensor
    ) -> tuple[Tensor, Tensor]:
        counted = ops.sum(valid, axis=PIXELS)
        error = ops.sum(ops.square(y_true - y_pred), axis=PIXELS) / counted
        decibel = -10.0 * ops.log10(ops.maximum(error, _PSNR_FLOOR))
        # The maximum of NaN and a number differs between backends.
        return ops.where(ops.isnan(error), error, decibel), counted


@keras.saving.register_keras_serializable(package="msrnn_keras")
class GDL(FrameMetric):
    """Gradient difference loss, summed over the pixels of a frame.

    The sum over pixels and channels, and over both directions, of

        | |y(i + 1) - y(i)| - |p(i + 1) - p(i)| | ** alpha

    for neighbors i and i + 1. Without pairs that have a missing pixel, it is
    scaled up to all pairs. The result is the mean over frames and samples.

    Args:
        num_frames, clip, name, dtype: As in `MSE`.
        alpha: Number, the power of the differences.

    Reference: Mathieu et al., ICLR 2016, arXiv:1511.05440.
    """

    def __init__(
        self,
        num_frames: int | None = None,
        clip: bool = True,
        alpha: float = 1.0,
        name: str | None = "gdl",
        dtype: str | None = None,
    ) -> None:
        super().__init__(num_frames, clip, name=name, dtype=dtype)
        self.alpha = check_within("alpha", alpha, "(0, inf]")

    def scores(
        self, y_true: Tensor, y_pred: Tensor, valid: Tensor
    ) -> tuple[Tensor, Tensor]:
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

    def get_config(self) -> Config:
        return {**super().get_config(), "alpha": self.alpha}


def _neighbors(x, axis):
    if axis == 2:
        return x[:, :, :-1], x[:, :, 1:]
    return x[:, :, :, :-1], x[:, :, :, 1:]
