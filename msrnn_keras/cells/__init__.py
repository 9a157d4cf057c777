"""Recurrent cells: one module per family, Keras RNN cells and nothing else."""

from msrnn_keras.cells.base import ConvRNNCell
from msrnn_keras.cells.causal_lstm import CausalLSTMCell, GradientHighwayCell
from msrnn_keras.cells.cms_lstm import CMSLSTMCell
from msrnn_keras.cells.convgru import ConvGRUCell
from msrnn_keras.cells.convlstm import ConvLSTMCell
from msrnn_keras.cells.decoupled import DecoupledCell
from msrnn_keras.cells.gates import CheckpointBlock
from msrnn_keras.cells.mim import MIMCell
from msrnn_keras.cells.mk_lstm import MKLSTMCell
from msrnn_keras.cells.modernn import MoDeRNNCell
from msrnn_keras.cells.motion import MotionCell
from msrnn_keras.cells.preciplstm import PrecipLSTMCell
from msrnn_keras.cells.st_lstm import STLSTMCell
from msrnn_keras.cells.trajgru import TrajGRUCell
from msrnn_keras.cells.wrapper import WrapperCell

__all__ = [
    "CheckpointBlock",
    "CMSLSTMCell",
    "CausalLSTMCell",
    "ConvGRUCell",
    "ConvLSTMCell",
    "ConvRNNCell",
    "DecoupledCell",
    "GradientHighwayCell",
    "MIMCell",
    "MKLSTMCell",
    "MoDeRNNCell",
    "MotionCell",
    "PrecipLSTMCell",
    "STLSTMCell",
    "TrajGRUCell",
    "WrapperCell",
]
