"""Scores of forecast frames, as Keras metrics; NaN in the truth is missing."""

from msrnn_keras.metrics.balanced_errors import (
    RAIN_THRESHOLDS,
    BalancedMAE,
    BalancedMSE,
)
from msrnn_keras.metrics.base import FrameMetric, PooledMetric
from msrnn_keras.metrics.calibration import (
    Reliability,
    rank_histogram,
    reliability,
)
from msrnn_keras.metrics.defaults import default_metrics, threshold_metrics
from msrnn_keras.metrics.ensembles import (
    CRPS,
    BrierScore,
    EnsembleRMSE,
    Spread,
    SpreadSkillRatio,
)
from msrnn_keras.metrics.events import (
    CSI,
    FAR,
    FSS,
    HSS,
    POD,
    CategoricalMetric,
)
from msrnn_keras.metrics.lpips import LPIPS
from msrnn_keras.metrics.pixel_errors import GDL, MAE, MSE, PSNR
from msrnn_keras.metrics.ssim import SSIM

__all__ = [
    "CRPS",
    "CSI",
    "FAR",
    "FSS",
    "GDL",
    "HSS",
    "LPIPS",
    "MAE",
    "MSE",
    "POD",
    "PSNR",
    "RAIN_THRESHOLDS",
    "SSIM",
    "BalancedMAE",
    "BalancedMSE",
    "BrierScore",
    "CategoricalMetric",
    "EnsembleRMSE",
    "FrameMetric",
    "PooledMetric",
    "Reliability",
    "Spread",
    "SpreadSkillRatio",
    "default_metrics",
    "rank_histogram",
    "reliability",
    "threshold_metrics",
]
