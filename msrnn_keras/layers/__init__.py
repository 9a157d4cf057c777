"""Layers that the cells and the stack share."""

from msrnn_keras.layers.conv_rnn import ConvRNN
from msrnn_keras.layers.resample import Resample
from msrnn_keras.layers.space_depth import (
    CropToFrame,
    DepthToSpace,
    PadToMultiple,
    SpaceToDepth,
)

__all__ = [
    "ConvRNN",
    "CropToFrame",
    "DepthToSpace",
    "PadToMultiple",
    "Resample",
    "SpaceToDepth",
]
