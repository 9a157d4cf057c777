"""Structural similarity of frames."""

import keras
import numpy as np
from keras import ops

from msrnn_keras.metrics.base import PIXELS, FrameMetric
from msrnn_keras.utils.typing import Tensor

WINDOW = 11
_SIGMA = 1.5
_C1, _C2 = 0.01**2, 0.03**2


@keras.saving.register_keras_serializable(package="msrnn_keras")
class SSIM(FrameMetric):
    """Structural similarity of frames of at least 11 x 11 pixels.

    Gaussian window of 11 x 11 pixels with a sigma of 1.5, K1 = 0.01,
    K2 = 0.03, data range 1, population covariance; the mean over channels and
    windows inside the frame without a missing pixel, then over frames and
    samples. Arguments are those of `MSE`.

    Reference: Wang et al., IEEE Transactions on Image Processing, 2004.
    """

    unit_range = True

    def scores(
        self, y_true: Tensor, y_pred: Tensor, valid: Tensor
    ) -> tuple[Tensor, Tensor]:
        x, y = y_true, y_pred
        maps = ops.stack([x, y, x * x, y * y, x * y])
        mean_x, mean_y, mean_xx, mean_yy, mean_xy = ops.unstack(_blur(maps), 5)
        luminance = 2.0 * mean_x * mean_y + _C1
        luminance = luminance / (mean_x**2 + mean_y**2 + _C1)
        variances = mean_xx - mean_x**2 + mean_yy - mean_y**2
        covariance = mean_xy - mean_x * mean_y
        structure = (2.0 * covariance + _C2) / (variances + _C2)
        whole = ops.equal(_blur(1.0 - valid), 0.0)
        similarity = ops.where(whole, luminance * structure, 0.0)
        windows = ops.sum(ops.cast(whole, "float32"), axis=PIXELS)
        return ops.sum(similarity, axis=PIXELS) / windows, windows


def _blur(x):
    """Return the Gaussian mean of every window, without a convolution."""
    for axis in (-3, -2):
        size = x.shape[axis]
        if size is not None and size < WINDOW:
            raise ValueError(
                f"SSIM needs frames of at least {WINDOW} x {WINDOW} pixels; "
                "leave SSIM out for smaller ones. Received: frames of shape "
                f"(height, width, channels)={tuple(x.shape[-3:])}"
            )
    last = WINDOW - 1
    offsets = np.arange(WINDOW) - last / 2
    weights = np.exp(-0.5 * (offsets / _SIGMA) ** 2)
    weights = (weights / weights.sum()).tolist()
    shifts = [slice(i, i - last or None) for i in range(WINDOW)]
    taps = list(zip(weights, shifts, strict=True))
    x = sum(weight * x[..., shift, :, :] for weight, shift in taps)
    return sum(weight * x[..., shift, :] for weight, shift in taps)
