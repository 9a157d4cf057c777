"""MS-RNN for Keras: forecast how images move."""

import importlib
import sys

from msrnn_keras.backend.choice import choose_backend

__version__ = "0.2.0"

# Public modules, imported when they are first used.
_MODULES = {
    "baselines": "baselines",
    "convert": "presets.torch_checkpoints",
    "data": "data",
    "distribution": "distribution",
    "evaluation": "evaluation",
    "layers": "layers",
    "metrics": "metrics",
    "plots": "plots",
    "pysteps": "pysteps",
    "report": "report",
    "training": "training",
    "tuning": "tuning",
}

# The command imports Keras only when it needs it. As a module it is found
# with "-m" in the place of its name.
_COMMAND = sys.argv[:1] == ["-m"] and f"{__name__}.cli" in sys.orig_argv

if "msrnn_command" not in sys.modules and not _COMMAND:
    choose_backend()
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
    from msrnn_keras.models.earthformer import Earthformer
    from msrnn_keras.models.forecaster import Forecaster
    from msrnn_keras.models.lagrangian import Lagrangian
    from msrnn_keras.models.ms_stack import MSStack, create
    from msrnn_keras.models.scheduled_sampling import ScheduledSampling
    from msrnn_keras.models.simvp import SimVP
    from msrnn_keras.models.transfer import transfer_weights
    from msrnn_keras.utils.matching import probability_match

__all__ = [
    "CMSLSTMCell",
    "CausalLSTMCell",
    "ConvGRUCell",
    "ConvLSTMCell",
    "ConvRNN",
    "ConvRNNCell",
    "DecoupledCell",
    "Earthformer",
    "Forecaster",
    "GradientHighwayCell",
    "Lagrangian",
    "MIMCell",
    "MKLSTMCell",
    "MSStack",
    "MoDeRNNCell",
    "MotionCell",
    "PrecipLSTMCell",
    "STLSTMCell",
    "ScheduledSampling",
    "SimVP",
    "TrajGRUCell",
    "WrapperCell",
    "create",
    "losses",
    "probability_match",
    "transfer_weights",
]


def __getattr__(name):
    if name in _MODULES:
        return importlib.import_module(f"{__name__}.{_MODULES[name]}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted({*globals(), *_MODULES})
