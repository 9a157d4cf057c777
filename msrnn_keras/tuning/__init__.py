"""Hyperparameter search with KerasTuner, which is imported on first use."""

import importlib
from typing import TYPE_CHECKING

from msrnn_keras.tuning.results import BEST, read_results, results_table
from msrnn_keras.utils.extras import require

if TYPE_CHECKING:
    from msrnn_keras.tuning.hypermodel import MSRNNHyperModel
    from msrnn_keras.tuning.search import METHODS, tune
    from msrnn_keras.tuning.simvp import SimVPHyperModel

__all__ = [
    "BEST",
    "METHODS",
    "MSRNNHyperModel",
    "SimVPHyperModel",
    "read_results",
    "results_table",
    "tune",
]

_MODULES = {
    "METHODS": "search",
    "MSRNNHyperModel": "hypermodel",
    "SimVPHyperModel": "simvp",
    "tune": "search",
}


def __getattr__(name):
    if name in _MODULES:
        require("keras_tuner", "tuner")
        module = importlib.import_module(f"{__name__}.{_MODULES[name]}")
        return getattr(module, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
