"""Squared and absolute errors of frames, and the PSNR."""

import keras
from keras import ops

from msrnn_keras.metrics.base import PIXELS, FrameMetric

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

    def scores(self, y_true, y_pred, valid):
        total = ops.sum(ops.square(y_true - y_pred), axis=PIXELS)
        share = ops.mean(valid, axis=PIXELS)
        return total / share, share


@keras.saving.register_keras_serializable(package="msrnn_keras")
class MAE(FrameMetric):
    """Absolute error, summed over a frame. Arguments are those of `MSE`."""

    def scores(self, y_true, y_pred, valid):
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

    def scores(self, y_true, y_pred, valid):
        counted = ops.sum(valid, axis=PIXELS)
        error = ops.sum(ops.square(y_true - y_pred), axis=PIXELS) / counted
        decibel = -10.0 * ops.log10(ops.maximum(error, _PSNR_FLOOR))
        # The maximum of NaN and a number differs between backends.
        return ops.where(ops.isnan(error), error, decibel), counted
