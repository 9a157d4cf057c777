"""How many floating-point operations a forecast takes."""

import math

from msrnn_keras.cost.estimate.graph import (
    Rematerialized,
    elementary,
    kernel_of,
    name_of,
    step_graph,
    trace,
)
from msrnn_keras.layers.linear import Linear

# Only copies, renames or fills in numbers.
MOVES = {
    "Cast",
    "Concatenate",
    "ExpandDims",
    "GetItem",
    "OnesLike",
    "Pad",
    "Reshape",
    "Split",
    "Stack",
    "Take",
    "Transpose",
    "Where",
}
REDUCES = {"MaxPool", "Sum"}  # one operation per number of the input


def forecast_flops(model):
    """Floating-point operations of one forecast, of one clip.

    A multiplication and an addition are two operations: a convolution takes
    2·k²·(channels in)·(channels out) for each pixel, of its output or, where
    it is transposed, of its input, and one per number for the bias; a matrix
    product (m, n)·(n, p) takes 2·m·n·p. Sums and maxima take one for each
    number that they read, all else (activations, sums of maps) one for each
    number that it gives; copies take none. Attention counts as it is
    computed, in tiles with a margin. What is computed of the weights alone,
    once for all steps, is not counted.

    Args:
        model: `MSStack` with a whole `image_shape`.

    Returns:
        Integer.
    """
    steps = model.context + model.horizon - 1
    return steps * flops(elementary(step_graph(model)))


def flops(graph):
    """Floating-point operations of a graph.

    Args:
        graph: `Graph`, elementary, of fully known shapes.

    Returns:
        Integer.
    """
    return sum(map(_node_flops, graph.nodes))


def _node_flops(node):
    name, inputs = name_of(node), node.input_tensors
    given = sum(math.prod(x.shape) for x in node.outputs)
    if isinstance(node.operation, Rematerialized):
        return flops(node.operation.graph)
    if isinstance(node.operation, Linear):
        inner = node.operation.function(inputs[0])
        return flops(trace(inputs, inner))
    kernel = kernel_of(node)
    if kernel is not None:
        pixels = inputs[0] if name == "Conv2DTranspose" else node.outputs[0]
        taps = math.prod(kernel.shape) * math.prod(pixels.shape[:-1])
        bias = getattr(node.operation, "use_bias", False)
        return 2 * taps + bias * given
    if name == "Matmul":
        return 2 * given * inputs[0].shape[-1]
    if name in MOVES:
        return 0
    if name in REDUCES:
        return math.prod(inputs[0].shape)
    return given * max(1, len(inputs) - 1)
