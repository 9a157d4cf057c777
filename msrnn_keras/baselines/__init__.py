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
"""Classes of the baselines by the names that `msrnn evaluate` takes."""

__all__ = [
    "BASELINES",
    "Zeros",
    "Baseline",
    "LinearExtrapolation",
    "OpticalFlow",
    "Persistence",
    "SmoothedFlow",
]
