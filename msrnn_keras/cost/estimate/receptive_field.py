"""Receptive fields of the layers of a model."""

import math
from typing import NamedTuple

import numpy as np

from msrnn_keras import layers
from msrnn_keras.cells.base import ConvRNNCell
from msrnn_keras.cost.estimate import graph as graphs
from msrnn_keras.layers.block_attention import BlockAttention
from msrnn_keras.layers.local_attention import LocalAttention
from msrnn_keras.layers.summed_conv import SummedConv
from msrnn_keras.layers.warp import Warp

LARGEST = 8192  # pixels, side of the frame on which fields are computed


class Field(NamedTuple):
    """Sides of a receptive field, pixels. `math.inf` is the whole frame."""

    newest: float  # in the frame of the same time step
    oldest: float  # in the first frame, after all `context` frames


def receptive_fields(model):
    """Compute the theoretical receptive `Field` at each scale, a dict.

    It is the side of the smallest square of pixels on which an output can
    depend, the largest of a scale, in a frame of 8192×8192 pixels.
    """
    config = model.get_config()
    config["image_shape"] = (LARGEST, LARGEST, config["image_shape"][-1])
    config |= {"covariates": 0, "noise": False}
    step = graphs.step_graph(type(model).from_config(config))
    cells = [x for x in step.nodes if isinstance(x.operation, ConvRNNCell)]
    outputs = [node.outputs[0] for node in cells]
    graph = graphs.trace(step.inputs, [*step.outputs, *outputs])
    graph = graphs.elementary(graph, kept=tuple(LAYERS))
    newest, oldest = _seen_by_layers(graph, len(outputs), model.context)
    fields = {}
    for scale, *sides in zip(model.scales, newest, oldest, strict=True):
        largest = fields.get(scale, Field(0, 0))
        fields[scale] = Field(*map(max, largest, sides))
    return dict(sorted(fields.items()))


def _seen_by_layers(graph, depth, steps):
    """Return the sides of the layers' fields after one step and `steps`."""
    frame, *_ = lengths = [x.shape[1] for x in graph.inputs]
    no_frame, *no_states = map(_nothing, lengths)
    rows = np.arange(frame, dtype="float64")
    spans = first = _propagate(graph, [np.stack([rows, rows]), *no_states])
    for _ in range(steps - 1):
        states = spans[1 : len(graph.inputs)]
        spans = _propagate(graph, [no_frame, *states])
    return [list(map(_side, seen[-depth:])) for seen in (first, spans)]


def _propagate(graph, spans):
    """Return spans of outputs: the first and last frame row of each row."""
    known = dict(zip(map(id, graph.inputs), spans, strict=True))
    for node in graph.nodes:
        spans = [known[id(x)] for x in node.input_tensors]
        rule = LAYERS.get(type(node.operation), _operation)
        span = rule(node, spans)
        known.update((id(x), span) for x in node.outputs)
    return [known[id(x)] for x in graph.outputs]


def _side(span):
    low, high = span
    side = (high - low + 1).max()
    return math.inf if np.isinf(side) else int(side)


def _length(node):
    return node.outputs[0].shape[1]


def _nothing(length):
    return np.stack([np.full(length, math.inf), np.full(length, -math.inf)])


def _union(spans):
    low = np.minimum.reduce([low for low, _ in spans])
    high = np.maximum.reduce([high for _, high in spans])
    return np.stack([low, high])


def _window(span, size, before, stride=1):
    """Return the span of windows; the first begins `before` rows early."""
    length = span.shape[1]
    padded = np.hstack([_nothing(before), span, _nothing(size)])
    windows = np.lib.stride_tricks.sliding_window_view(padded, size, axis=1)
    low, high = windows[:, :length:stride]
    return np.stack([low.min(axis=-1), high.max(axis=-1)])


# === Operations ===

# Any output value may depend on all of the input.
MIXES = {"Matmul", "Sum", "Take", "Transpose"}


def _operation(node, spans):
    """Return the span of a Keras layer or an operation of `keras.ops`."""
    name = graphs.name_of(node)
    if name == "Conv2DTranspose":
        return _transposed_convolution(node, spans)
    if graphs.kernel_of(node) is not None:
        return _convolution(node, spans)
    shapes = [x.shape[1:3] for x in (*node.input_tensors, *node.outputs)]
    sizes = {shape for shape in shapes if shape != (1, 1)}
    if name in MIXES or len(sizes) > 1:
        low, high = _union([(span[0].min(), span[1].max()) for span in spans])
        return np.stack([np.full(_length(node), x) for x in (low, high)])
    return _union(np.broadcast_arrays(*spans))


def _convolution(node, spans):
    size = graphs.kernel_of(node).shape[0]
    length, out = node.input_tensors[0].shape[1], _length(node)
    stride = -(-length // out)
    before = max((out - 1) * stride + size - length, 0) // 2
    return _window(spans[0], size, before, stride)


def _transposed_convolution(node, spans):
    size = graphs.kernel_of(node).shape[0]
    out = _length(node)
    stride = out // node.input_tensors[0].shape[1]
    spread = _nothing(out)
    spread[:, ::stride] = spans[0]
    return _window(spread, size, size - 1 - (size - stride) // 2)


# === Layers ===


def _resample(node, spans):
    source, target = node.operation.source, node.operation.target
    (span,) = spans
    if target > source:
        factor = target // source
        return _window(span, factor, 0, factor)
    factor = source // target
    row, phase = np.divmod(np.arange(span.shape[1] * factor), factor)
    position = (phase + 0.5) / factor - 0.5
    neighbour = np.clip(row + np.sign(position), 0, span.shape[1] - 1)
    return _union([span[:, row], span[:, neighbour.astype(int)]])


def _local_attention(node, spans):
    query, *others = spans
    window = node.operation.window
    return _union([query, _window(_union(others), window, window // 2)])


def _summed_conv(node, spans):
    size = max(node.operation.kernel_sizes)
    return _window(spans[0], size, size // 2)


def _everything(node, spans):
    return -_nothing(_length(node))


def _pad(node, spans):
    missing = _length(node) - spans[0].shape[1]
    return np.hstack([spans[0], _nothing(missing)])


# Layers with a rule, which `elementary` does not replace.
LAYERS = {
    BlockAttention: _everything,
    LocalAttention: _local_attention,
    SummedConv: _summed_conv,
    Warp: _everything,
    layers.AddToFrame: lambda node, spans: _union(spans),
    layers.CropToFrame: lambda node, spans: spans[0][:, : _length(node)],
    layers.DepthToSpace: lambda node, spans: spans[0].repeat(
        node.operation.block, axis=1
    ),
    layers.MarkMissing: lambda node, spans: spans[0],
    layers.PadToMultiple: _pad,
    layers.Resample: _resample,
    layers.SpaceToDepth: lambda node, spans: _window(
        spans[0], node.operation.block, 0, node.operation.block
    ),
}
