"""MS-RNN for Keras: forecasting how images move."""

from msrnn_keras import losses
from msrnn_keras.cells import ConvLSTMCell, ConvRNNCell
from msrnn_keras.layers import ConvRNN
from msrnn_keras.schedules import Sampling
from msrnn_keras.stack import MSStack, create

__version__ = "0.1.0"

__all__ = [
    "ConvLSTMCell",
    "ConvRNN",
    "ConvRNNCell",
    "MSStack",
    "Sampling",
    "create",
    "losses",
]
