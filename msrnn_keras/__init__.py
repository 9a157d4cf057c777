"""MS-RNN for Keras: forecasting how images move."""

import importlib

from msrnn_keras import losses
from msrnn_keras.cells import (
    CausalLSTMCell,
    CMSLSTMCell,
    ConvGRUCell,
    ConvLSTMCell,
    ConvRNNCell,
    DecoupledCell,
    GradientHighwayCell,
    MIMCell,
    MKLSTMCell,
    MoDeRNNCell,
    MotionCell,
    PrecipLSTMCell,
    STLSTMCell,
    TrajGRUCell,
    WrapperCell,
)
from msrnn_keras.layers import ConvRNN
from msrnn_keras.models.ms_stack import MSStack, create
from msrnn_keras.models.scheduled_sampling import ScheduledSampling
from msrnn_keras.models.transfer import transfer_weights

__version__ = "0.1.0"

_SUBMODULES = {
    "baselines": "baselines",
    "convert": "presets.torch_checkpoints",
    "data": "data",
    "distribution": "distribution",
    "evaluation": "evaluation",
    "metrics": "metrics",
    "plots": "plots",
    "report": "report",
    "training": "training",
    "tuning": "tuning",
}

__all__ = [
    "CMSLSTMCell",
    "CausalLSTMCell",
    "ConvGRUCell",
    "ConvLSTMCell",
    "ConvRNN",
    "ConvRNNCell",
    "DecoupledCell",
    "GradientHighwayCell",
    "MIMCell",
    "MKLSTMCell",
    "MSStack",
    "MoDeRNNCell",
    "MotionCell",
    "PrecipLSTMCell",
    "STLSTMCell",
    "ScheduledSampling",
    "TrajGRUCell",
    "WrapperCell",
    "create",
    "losses",
    "transfer_weights",
]


def __getattr__(name):
    """Import a public module on first use."""
    if name not in _SUBMODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return importlib.import_module(f"{__name__}.{_SUBMODULES[name]}")


def __dir__():
    return sorted({*globals(), *_SUBMODULES})
