"""Recurrent cells: one module per family, Keras RNN cells and nothing else."""

from msrnn_keras.cells.base import ConvRNNCell
from msrnn_keras.cells.convlstm import ConvLSTMCell

CELLS = {"convlstm": ConvLSTMCell}

__all__ = ["CELLS", "ConvLSTMCell", "ConvRNNCell"]
