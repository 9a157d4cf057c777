"""Floating-point operations of a forecast."""

import math

from msrnn_keras.cost.estimate import graph as graphs

# Operations that only copy, rename or fill in numbers.
MOVES = {
    *"Cast Concatenate ExpandDims GetItem OnesLike Pad Reshape".split(),
    *"Split Stack Take Transpose Where".split(),
}
REDUCES = {"MaxPool", "Sum"}  # one operation per number of the input


def forecast_flops(model):
    """Count the floating-point operations of one forecast of one clip.

    A multiplication and an addition are two operations. A convolution takes
    2·k²·(channels in)·(channels out) for each pixel of its output (of its
    input, if it is transposed), a matrix product (m, n)·(n, p) 2·m·n·p. Sums
    and maxima take one for each number of their input, all others and a bias
    one of their output, copies and what comes from weights alone none.
    """
    has_step = graphs.has_step(model)
    steps = model.context + model.horizon - 1 if has_step else 1
    return steps * flops(graphs.elementary(graphs.step_graph(model)))


def flops(graph):
    """Count the operations of an elementary graph of known shapes."""
    return sum(map(_node_flops, graph.nodes))


def _node_flops(node):
    inside = graphs.graph_inside(node)
    if inside is not None:
        return flops(inside)
    name, inputs = graphs.name_of(node), node.input_tensors
    output_size = sum(math.prod(x.shape) for x in node.outputs)
    kernel = graphs.kernel_of(node)
    if kernel is not None:
        pixels = inputs[0] if name == "Conv2DTranspose" else node.outputs[0]
        taps = math.prod(kernel.shape) * math.prod(pixels.shape[:-1])
        bias = getattr(node.operation, "use_bias", False)
        return 2 * taps + bias * output_size
    if name == "Matmul":
        return 2 * output_size * inputs[0].shape[-1]
    if name in MOVES:
        return 0
    if name in REDUCES:
        return math.prod(inputs[0].shape)
    return output_size * max(1, len(inputs) - 1)
