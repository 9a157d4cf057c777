"""Forecasts without training, to compare models with."""

from msrnn_keras.baselines.base import Baseline
from msrnn_keras.baselines.optical_flow import OpticalFlow, SmoothedFlow
from msrnn_keras.baselines.pixelwise import (
    LinearExtrapolation,
    Persistence,
    Zeros,
)

BASELINES = {
    "persistence": Persistence,
    "all-black": Zeros,
    "linear-extrapolation": LinearExtrapolation,
    "optical-flow": OpticalFlow,
    "smoothed-flow": SmoothedFlow,
}

__all__ = [
    "BASELINES",
    "Zeros",
    "Baseline",
    "LinearExtrapolation",
    "OpticalFlow",
    "Persistence",
    "SmoothedFlow",
]
