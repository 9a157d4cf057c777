"""How much memory a training step takes."""

import itertools
import math
from typing import NamedTuple

import keras

from msrnn_keras.cost.estimate.graph import (
    Rematerialized,
    elementary,
    kernel_of,
    name_of,
    rematerialized,
    step_graph,
)
from msrnn_keras.layers.kernels import kernel_makers

# What the gradient of an operation needs. Those that are not named need
# nothing: sums, differences, splits, copies and changes of shape.
NEEDS_INPUTS = {
    "Absolute",
    "Clip",
    "Conv",
    "Conv2D",
    "Conv2DTranspose",
    "LeakyRelu",
    "Matmul",
    "MaxPool",
    "Maximum",
    "Multiply",
    "Rematerialized",
    "TrueDivide",
    "Where",
}
NEEDS_OUTPUT = {"Clip", "MaxPool", "Rsqrt", "Sigmoid", "Softmax", "Tanh"}
NEEDS_INDICES = {"Take"}  # the second input
# The output is the input under another shape.
SAME_BUFFER = {"ExpandDims", "Reshape"}
# The gradient of the inputs is that of the output.
SAME_GRADIENT = SAME_BUFFER | {"Add"}


class Memory(NamedTuple):
    """Bytes that a training step takes."""

    weights: int
    gradients: int
    moments: int  # the two of Adam
    activations: int  # what the gradient needs of all time steps, and kernels
    working: int  # the most that is in use besides, at one time

    @property
    def total(self):
        return sum(self)


def training_memory(model, batch):
    """Memory of one training step with Adam, estimated.

    Counted are the tensors that TensorFlow holds on a CPU, without XLA: of
    every time step those that the gradient of each operation reads, each
    buffer once; once the kernels that are made of the weights; and the
    largest sum of other tensors that live at one time, were the operations
    to run one after the other. With `remat`, the gradient reads what enters
    a layer or a step, and what is inside lives only while it is computed
    again. Not counted are frames and loss, the program itself and its graph.

    Args:
        model: `MSStack` with a whole `image_shape`.
        batch: Integer, samples of a batch.

    Returns:
        `Memory`.
    """
    step = rematerialized(step_graph(model, batch), model.remat)
    graph = elementary(step)
    fixed = sum(map(size, model.trainable_variables))
    steps = model.context + model.horizon - 1
    kept = steps * sum(map(size, kept_in_a_loop(graph)))
    kept += sum(map(size, made_kernels(model.step)))
    return Memory(fixed, fixed, 2 * fixed, kept, working_set(graph))


def size(tensor):
    """Bytes of a tensor, symbolic or not."""
    dtype = keras.backend.standardize_dtype(tensor.dtype)
    digits = "".join(filter(str.isdigit, dtype))
    return math.prod(tensor.shape) * int(digits or 8) // 8


def made_kernels(layer):
    """Kernels that are made once, before the loop.

    Args:
        layer: `keras.layers.Layer`.

    Returns:
        List of tensors: sums, products and casts of weights.
    """
    made = []
    for maker in kernel_makers(layer):
        weights, kernel = maker.kernel_weights, maker.make_kernel()
        is_in_another_kernel = maker.weights and not weights
        is_a_weight = [(w.shape, w.dtype) for w in weights] == [
            (tuple(kernel.shape), maker.compute_dtype)
        ]
        if not is_in_another_kernel and not is_a_weight:
            made.append(kernel)
    return made


def kept_tensors(graph):
    """What a graph leaves in memory for its gradient.

    Args:
        graph: `Graph`, elementary.

    Returns:
        List of tensors, each with a buffer of its own.
    """
    buffer = _buffers(graph)
    needed = (buffer(x) for node in graph.nodes for x in _needed(node))
    return list({id(x): x for x in needed}.values())


def kept_in_a_loop(graph):
    """What each step of a loop leaves in memory for the gradient.

    A state that is kept was made by the step before: it counts as an output
    of the step, once if that is kept as well.

    Args:
        graph: `Graph` of a step, elementary, whose outputs are the inputs of
            the next one.

    Returns:
        List of tensors, each with a buffer of its own.
    """
    buffer = _buffers(graph)
    after = dict(zip(map(id, graph.inputs), graph.outputs, strict=True))
    made = (buffer(after.get(id(x), x)) for x in kept_tensors(graph))
    return list({id(x): x for x in made}.values())


def _needed(node):
    """The tensors that the gradient of a node reads."""
    name, output = name_of(node), node.outputs[0]
    if "float" not in output.dtype:
        return []  # It has no gradient.
    needed = []
    if name in NEEDS_INPUTS:
        needed += node.input_tensors
    if name in NEEDS_OUTPUT:
        needed.append(output)
    if name in NEEDS_INDICES:
        needed.append(node.input_tensors[1])
    kernel = kernel_of(node)
    if kernel is not None and kernel.made_each_step:
        needed.append(kernel)
    return needed


def _buffers(graph):
    """A function that gives the tensor in whose buffer a tensor lies."""
    owner = {}
    for node in graph.nodes:
        for source, output in _same_buffers(node):
            owner[id(output)] = owner.get(id(source), source)
    return lambda x: owner.get(id(x), x)


def _same_buffers(node):
    """Pairs of a tensor and an output of a node that lies in its buffer."""
    if name_of(node) in SAME_BUFFER:
        return [(node.input_tensors[0], node.outputs[0])]
    if not isinstance(node.operation, Rematerialized):
        return []
    inner = node.operation.graph
    inputs = zip(inner.inputs, node.input_tensors, strict=True)
    known = {id(inside): x for inside, x in inputs}
    outputs = zip(inner.outputs, node.outputs, strict=True)
    pairs = [(known.setdefault(id(inside), x), x) for inside, x in outputs]
    return [(source, x) for source, x in pairs if source is not x]


def working_set(graph):
    """The most bytes of tensors that are not kept, at one time.

    Args:
        graph: `Graph`, elementary.

    Returns:
        Integer, the larger one of forward and backward pass.
    """
    return max(_forward_peak(graph), _backward_peak(graph))


def _forward_peak(graph):
    buffer = _buffers(graph)
    kept = {id(x) for x in kept_tensors(graph)}
    kept |= {id(buffer(x)) for x in graph.outputs}
    last_use = {
        id(buffer(x)): index
        for index, node in enumerate(graph.nodes)
        for x in node.input_tensors
    }
    live, peak = {}, 0
    for index, node in enumerate(graph.nodes):
        for x in map(buffer, node.outputs):
            if id(x) not in kept:
                live[id(x)] = size(x)
        inside = 0
        if isinstance(node.operation, Rematerialized):
            inside = _forward_peak(node.operation.graph)
        peak = max(peak, sum(live.values()) + inside)
        live = {k: n for k, n in live.items() if last_use.get(k, 0) > index}
    return peak


def _backward_peak(graph):
    # Of each tensor, the number of its gradient's buffer and its bytes.
    buffers = itertools.count()
    gradients = {id(x): (next(buffers), size(x)) for x in graph.outputs}
    peak = 0
    for node in reversed(graph.nodes):
        given = [gradients.get(id(x)) for x in node.outputs]
        if not any(given):
            continue
        if isinstance(node.operation, Rematerialized):
            own = {id(x) for x in node.outputs}
            others = {n for x, n in gradients.items() if x not in own}
            inside = _recomputed(node.operation.graph)
            peak = max(peak, sum(n for _, n in others) + inside)
        for x in node.input_tensors:
            if "float" not in x.dtype:
                continue
            new = (next(buffers), size(x))
            passed_on = (
                name_of(node) in SAME_GRADIENT and id(x) not in gradients
            )
            if passed_on and given[0][1] == size(x):
                new = given[0]
            gradients[id(x)] = new
        peak = max(peak, sum(n for _, n in set(gradients.values())))
        for x in node.outputs:
            gradients.pop(id(x), None)
    return peak


def _recomputed(graph):
    """Bytes in use while a graph is computed again for its gradient."""
    given = {id(x) for x in graph.inputs}
    kept = [x for x in kept_tensors(graph) if id(x) not in given]
    return sum(map(size, kept)) + _backward_peak(graph)
