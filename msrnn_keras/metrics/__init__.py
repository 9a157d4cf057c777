"""Scores of forecast frames, per frame and as Keras metrics.

The functions `frame_*` give the scores, or the counts, of the single frames;
the classes are their Keras metrics, for `model.compile(metrics=[...])`.
Predictions are clipped to [0, 1] first; a pixel that is NaN in the truth
never counts.
"""

from msrnn_keras.metrics.balanced_errors import (
    RAIN_THRESHOLDS,
    RAIN_WEIGHTS,
    BalancedMAE,
    BalancedMSE,
    frame_balanced_mae,
    frame_balanced_mse,
)
from msrnn_keras.metrics.base import FrameMetric, PooledMetric
from msrnn_keras.metrics.categorical import (
    CSI,
    FAR,
    HSS,
    POD,
    CategoricalMetric,
    csi,
    far,
    frame_contingency,
    hss,
    pod,
)
from msrnn_keras.metrics.fss import FSS, frame_fractions, fss
from msrnn_keras.metrics.gdl import GDL, frame_gdl
from msrnn_keras.metrics.lpips import frame_lpips
from msrnn_keras.metrics.pixel_errors import (
    MAE,
    MSE,
    PSNR,
    PSNR_FLOOR,
    frame_mae,
    frame_mse,
    frame_psnr,
)
from msrnn_keras.metrics.ssim import (
    SSIM,
    SSIM_K1,
    SSIM_K2,
    SSIM_SIGMA,
    SSIM_WINDOW,
    frame_ssim,
)

__all__ = [
    "CSI",
    "FAR",
    "FSS",
    "GDL",
    "HSS",
    "MAE",
    "MSE",
    "POD",
    "PSNR",
    "PSNR_FLOOR",
    "RAIN_THRESHOLDS",
    "RAIN_WEIGHTS",
    "SSIM",
    "SSIM_K1",
    "SSIM_K2",
    "SSIM_SIGMA",
    "SSIM_WINDOW",
    "BalancedMAE",
    "BalancedMSE",
    "CategoricalMetric",
    "FrameMetric",
    "PooledMetric",
    "csi",
    "far",
    "frame_balanced_mae",
    "frame_balanced_mse",
    "frame_contingency",
    "frame_fractions",
    "frame_gdl",
    "frame_lpips",
    "frame_mae",
    "frame_mse",
    "frame_psnr",
    "frame_ssim",
    "fss",
    "hss",
    "pod",
]
