"""The structural similarity of frames."""

import keras
import numpy as np
from keras import ops

from msrnn_keras.metrics.base import PIXELS, FrameMetric, prepare

SSIM_WINDOW = 11
SSIM_SIGMA = 1.5
SSIM_K1 = 0.01
SSIM_K2 = 0.03


def frame_ssim(y_true, y_pred, clip=True):
    """Structural similarity of each frame.

    Gaussian window of 11 x 11 pixels with a sigma of 1.5, K1 = 0.01,
    K2 = 0.03, data range 1, population covariance. Only windows that lie
    inside the frame and touch no missing pixel count; the score is their mean
    over all channels.

    Args:
        y_true: True frames, (batch, time, height, width, channels), in
            [0, 1]. NaN means a missing pixel.
        y_pred: Predicted frames of the same shape.
        clip: Whether predictions are clipped to [0, 1] first.

    Returns:
        A float32 tensor (batch, time). NaN for a frame without a valid
        window.

    Raises:
        ValueError: If the two shapes differ, are not of rank 5, or the frames
            are smaller than 11 x 11.

    Reference:
        Wang et al., "Image Quality Assessment: From Error Visibility to
        Structural Similarity", IEEE Transactions on Image Processing, 2004.
    """
    x, y, valid = prepare(y_true, y_pred, clip, unit_range=True)
    maps = ops.stack([x, y, x * x, y * y, x * y])
    mean_x, mean_y, mean_xx, mean_yy, mean_xy = ops.unstack(_blur(maps), 5)
    c1, c2 = SSIM_K1**2, SSIM_K2**2
    luminance = (2.0 * mean_x * mean_y + c1) / (mean_x**2 + mean_y**2 + c1)
    variances = mean_xx - mean_x**2 + mean_yy - mean_y**2
    structure = (2.0 * (mean_xy - mean_x * mean_y) + c2) / (variances + c2)
    whole = _whole_windows(valid)
    similarity = ops.where(whole, luminance * structure, 0.0)
    windows = ops.sum(ops.cast(whole, "float32"), axis=PIXELS)
    return ops.sum(similarity, axis=PIXELS) / windows


def _blur(x):
    """Weigh every window that fits inside the frame with the Gaussian.

    Shifts and adds instead of a convolution: accelerators may round the
    factors of a convolution to ten bits, which the variances do not survive.
    """
    for axis in (-3, -2):
        size = x.shape[axis]
        if size is not None and size < SSIM_WINDOW:
            raise ValueError(
                f"SSIM needs frames of {SSIM_WINDOW} x {SSIM_WINDOW} pixels "
                "at least; leave SSIM out for smaller ones. Received: frames "
                f"of shape (height, width, channels)={tuple(x.shape[-3:])}"
            )
    last = SSIM_WINDOW - 1
    offsets = np.arange(SSIM_WINDOW) - last / 2
    weights = np.exp(-0.5 * (offsets / SSIM_SIGMA) ** 2)
    weights = (weights / weights.sum()).tolist()
    shifts = [slice(i, i - last or None) for i in range(SSIM_WINDOW)]
    taps = list(zip(weights, shifts, strict=True))
    x = sum(weight * x[..., shift, :, :] for weight, shift in taps)
    return sum(weight * x[..., shift, :] for weight, shift in taps)


def _whole_windows(valid):
    """Tell which windows of the SSIM touch no missing pixel."""
    return ops.equal(_blur(1.0 - valid), 0.0)


@keras.saving.register_keras_serializable(package="msrnn_keras")
class SSIM(FrameMetric):
    """Structural similarity with a Gaussian window of 11 x 11 pixels.

    The mean over frames and samples of `frame_ssim`. Windows that touch a
    missing pixel are left out.

    Args:
        num_frames: Number of frames of the scored clips, for `curve`.
        clip: Whether predictions are clipped to [0, 1] first.
        name: Name of the metric.
        dtype: Type of the sums.
    """

    unit_range = True

    def __init__(self, num_frames=None, clip=True, name="ssim", dtype=None):
        super().__init__(num_frames, clip, name=name, dtype=dtype)

    def frame_scores(self, y_true, y_pred):
        """Give the SSIM of every frame, (batch, time)."""
        return frame_ssim(y_true, y_pred, self.clip)

    def scored_frames(self, y_true):
        """Tell which frames have a window without a missing pixel."""
        valid = 1.0 - ops.cast(ops.isnan(y_true), "float32")
        return ops.any(_whole_windows(valid), axis=PIXELS)
