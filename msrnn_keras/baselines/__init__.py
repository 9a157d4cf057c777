"""Forecasts that need no training, to measure models against."""

from msrnn_keras.baselines.base import Baseline
from msrnn_keras.baselines.motion import OpticalFlow
from msrnn_keras.baselines.still import AllBlack, Persistence
from msrnn_keras.baselines.trend import LinearExtrapolation

BASELINES = {
    "persistence": Persistence,
    "all-black": AllBlack,
    "linear-extrapolation": LinearExtrapolation,
    "optical-flow": OpticalFlow,
}

__all__ = [
    "BASELINES",
    "AllBlack",
    "Baseline",
    "LinearExtrapolation",
    "OpticalFlow",
    "Persistence",
]
