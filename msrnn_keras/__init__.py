"""MS-RNN for Keras: forecasting how images move."""

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
from msrnn_keras.schedules import Sampling
from msrnn_keras.stack import MSStack, create
from msrnn_keras.transfer import transfer_weights

__version__ = "0.1.0"

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
    "Sampling",
    "TrajGRUCell",
    "WrapperCell",
    "create",
    "losses",
    "transfer_weights",
]
