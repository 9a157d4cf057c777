"""Layers that the cells and the stack share."""

from msrnn_keras.layers.conv_rnn import ConvRNN
from msrnn_keras.layers.convolution import Conv2D
from msrnn_keras.layers.missing import AddToFrame, MarkMissing
from msrnn_keras.layers.resample import Resample
from msrnn_keras.layers.space_depth import (
    CropToFrame,
    DepthToSpace,
    PadToMultiple,
    SpaceToDepth,
)

__all__ = [
    "AddToFrame",
    "Conv2D",
    "ConvRNN",
    "CropToFrame",
    "DepthToSpace",
    "MarkMissing",
    "PadToMultiple",
    "Resample",
    "SpaceToDepth",
]
