"""Hyperparameter search with KerasTuner, which is imported when used."""

from msrnn_keras.tuning.results import BEST, read_results, results_table
from msrnn_keras.tuning.search import tune
from msrnn_keras.tuning.tuner import METHODS

__all__ = [
    "BEST",
    "METHODS",
    "MSRNNHyperModel",
    "read_results",
    "results_table",
    "tune",
]


def __getattr__(name):
    # A subclass of one of KerasTuner's classes, so made on first use.
    if name == "MSRNNHyperModel":
        from msrnn_keras.tuning.hypermodel import hypermodel_class

        return hypermodel_class()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
