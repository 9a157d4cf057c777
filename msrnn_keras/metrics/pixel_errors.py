"""Squared and absolute errors of frames, and the PSNR."""

import keras
from keras import ops

from msrnn_keras.metrics.base import PIXELS, FrameMetric, prepare

PSNR_FLOOR = 1e-10


def frame_mse(y_true, y_pred, clip=True):
    """Squared error of each frame, summed over its pixels and channels.

    The sum over the valid pixels is scaled up to the size of the frame.

    Args:
        y_true: True frames, (batch, time, height, width, channels), in
            [0, 1]. NaN means a missing pixel.
        y_pred: Predicted frames of the same shape.
        clip: Whether predictions are clipped to [0, 1] first.

    Returns:
        A float32 tensor (batch, time). NaN for a frame without a valid pixel.

    Raises:
        ValueError: If the two shapes differ or are not of rank 5.
    """
    y_true, y_pred, valid = prepare(y_true, y_pred, clip)
    total = ops.sum(ops.square(y_true - y_pred), axis=PIXELS)
    return total / ops.mean(valid, axis=PIXELS)


def frame_mae(y_true, y_pred, clip=True):
    """Absolute error of each frame, summed over its pixels and channels.

    The sum over the valid pixels is scaled up to the size of the frame.

    Args:
        y_true: True frames, (batch, time, height, width, channels), in
            [0, 1]. NaN means a missing pixel.
        y_pred: Predicted frames of the same shape.
        clip: Whether predictions are clipped to [0, 1] first.

    Returns:
        A float32 tensor (batch, time). NaN for a frame without a valid pixel.

    Raises:
        ValueError: If the two shapes differ or are not of rank 5.
    """
    y_true, y_pred, valid = prepare(y_true, y_pred, clip)
    total = ops.sum(ops.abs(y_true - y_pred), axis=PIXELS)
    return total / ops.mean(valid, axis=PIXELS)


def frame_psnr(y_true, y_pred, clip=True):
    """Peak signal-to-noise ratio of each frame, in dB, for a peak of 1.

    It is 10 log10(1 / mean squared error) over the valid pixels. The mean
    squared error is taken as 1e-10 at least, so a perfect frame has 100 dB.

    Args:
        y_true: True frames, (batch, time, height, width, channels), in
            [0, 1]. NaN means a missing pixel.
        y_pred: Predicted frames of the same shape.
        clip: Whether predictions are clipped to [0, 1] first.

    Returns:
        A float32 tensor (batch, time). NaN for a frame without a valid pixel.

    Raises:
        ValueError: If the two shapes differ or are not of rank 5.
    """
    y_true, y_pred, valid = prepare(y_true, y_pred, clip, unit_range=True)
    error = ops.sum(ops.square(y_true - y_pred), axis=PIXELS)
    error = error / ops.sum(valid, axis=PIXELS)
    decibel = -10.0 * ops.log10(ops.maximum(error, PSNR_FLOOR))
    return ops.where(ops.isnan(error), error, decibel)


@keras.saving.register_keras_serializable(package="msrnn_keras")
class MSE(FrameMetric):
    """Squared error, summed over the pixels and channels of a frame.

    The mean over frames and samples of `frame_mse`. It is not the mean over
    pixels that `keras.metrics.MeanSquaredError` gives.

    Args:
        num_frames: Number of frames of the scored clips, for `curve`.
        clip: Whether predictions are clipped to [0, 1] first.
        name: Name of the metric.
        dtype: Type of the sums.

    Example:
        >>> metric = MSE()
        >>> metric.update_state(
        ...     np.zeros((1, 2, 8, 8, 1)), np.full((1, 2, 8, 8, 1), 0.5)
        ... )
        >>> float(metric.result())
        16.0
    """

    def __init__(self, num_frames=None, clip=True, name="mse", dtype=None):
        super().__init__(num_frames, clip, name=name, dtype=dtype)

    def frame_scores(self, y_true, y_pred):
        """Give the squared error of every frame, (batch, time)."""
        return frame_mse(y_true, y_pred, self.clip)


@keras.saving.register_keras_serializable(package="msrnn_keras")
class MAE(FrameMetric):
    """Absolute error, summed over the pixels and channels of a frame.

    The mean over frames and samples of `frame_mae`. It is not the mean over
    pixels that `keras.metrics.MeanAbsoluteError` gives.

    Args:
        num_frames: Number of frames of the scored clips, for `curve`.
        clip: Whether predictions are clipped to [0, 1] first.
        name: Name of the metric.
        dtype: Type of the sums.
    """

    def __init__(self, num_frames=None, clip=True, name="mae", dtype=None):
        super().__init__(num_frames, clip, name=name, dtype=dtype)

    def frame_scores(self, y_true, y_pred):
        """Give the absolute error of every frame, (batch, time)."""
        return frame_mae(y_true, y_pred, self.clip)


@keras.saving.register_keras_serializable(package="msrnn_keras")
class PSNR(FrameMetric):
    """Peak signal-to-noise ratio in dB, at most 100 for each frame.

    The mean over frames and samples of `frame_psnr`.

    Args:
        num_frames: Number of frames of the scored clips, for `curve`.
        clip: Whether predictions are clipped to [0, 1] first.
        name: Name of the metric.
        dtype: Type of the sums.
    """

    unit_range = True

    def __init__(self, num_frames=None, clip=True, name="psnr", dtype=None):
        super().__init__(num_frames, clip, name=name, dtype=dtype)

    def frame_scores(self, y_true, y_pred):
        """Give the PSNR of every frame, (batch, time)."""
        return frame_psnr(y_true, y_pred, self.clip)
