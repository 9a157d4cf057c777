"""Memory of a training step."""

import math

import keras

from msrnn_keras.cost.estimate.graph import (
    elementary,
    graph_inside,
    kernel_of,
    name_of,
    rematerialized,
    step_graph,
)
from msrnn_keras.layers.kernels import kernel_makers

# What the gradient of an operation reads. Those that are not named read
# nothing: sums, differences, splits, copies and changes of shape.
READS_INPUTS = set(
    "Absolute Clip Conv Conv2D Conv2DTranspose LeakyRelu Matmul MaxPool "
    "Maximum Multiply Remat TrueDivide Where".split()
)
READS_OUTPUT = {"Clip", "MaxPool", "Rsqrt", "Sigmoid", "Softmax", "Tanh"}
RESHAPES = {"ExpandDims", "Reshape"}  # the output shares the input's buffer


def training_memory(model, batch):
    """Estimate the memory of one training step with Adam.

    It is the sum of the weights, their gradients and the moments of Adam; the
    tensors that the gradient of each time step reads (with `remat` only the
    inputs of a layer or of the step); the kernels that are computed from
    weights, once; and the gradients of one time step, with the tensors that
    are recomputed at a time. It leaves out the frames, the loss and the
    backend itself. It is made for TensorFlow on a CPU, without XLA.

    Args:
        model: `MSStack` with a known `image_shape`.
        batch: Integer, samples of a batch.

    Returns:
        Integer, bytes.
    """
    graph = step_graph(model, batch)
    graph = elementary(rematerialized(graph, model.remat))
    weights = total_size(model.trainable_variables)
    steps = model.context + model.horizon - 1
    kept = steps * total_size(kept_in_a_loop(graph))
    kernels = total_size(made_kernels(model.step))
    return 4 * weights + kept + kernels + working_size(graph)


def total_size(tensors):
    """Return the bytes of tensors, symbolic or not."""
    total = 0
    for tensor in tensors:
        dtype = keras.backend.standardize_dtype(tensor.dtype)
        digits = "".join(filter(str.isdigit, dtype))
        total += math.prod(tensor.shape) * int(digits or 8) // 8
    return total


def made_kernels(layer):
    """Return the sums, products and casts of weights made before the loop."""
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
    """Return the tensors that the gradient of a graph reads, one a buffer."""
    buffer = _buffers(graph)
    read = (buffer(x) for node in graph.nodes for x in _read(node))
    return list({id(x): x for x in read}.values())


def kept_in_a_loop(graph):
    """Return what each step keeps; a state is an output of the step before."""
    buffer = _buffers(graph)
    after = dict(zip(map(id, graph.inputs), graph.outputs, strict=True))
    made = (buffer(after.get(id(x), x)) for x in kept_tensors(graph))
    return list({id(x): x for x in made}.values())


def working_size(graph):
    """Return the bytes of gradients and recomputed tensors of a graph."""
    inside = [graph_inside(x) for x in graph.nodes if name_of(x) == "Remat"]
    recomputed = [
        total_size(kept_tensors(part)) + working_size(part) for part in inside
    ]
    return total_size(kept_tensors(graph)) + max(recomputed, default=0)


def _read(node):
    """Return the tensors that the gradient of a node reads."""
    name, output = name_of(node), node.outputs[0]
    if "float" not in output.dtype:
        return []  # It has no gradient.
    read = []
    if name in READS_INPUTS:
        read += node.input_tensors
    if name in READS_OUTPUT:
        read.append(output)
    if name == "Take":
        read.append(node.input_tensors[1])  # the indices
    kernel = kernel_of(node)
    if kernel is not None and kernel.made_each_step:
        read.append(kernel)
    return read


def _buffers(graph):
    """Return a function from a tensor to the first one in its buffer."""
    owner = {}
    for node in graph.nodes:
        if name_of(node) in RESHAPES:
            (x,), (y,) = node.input_tensors, node.outputs
            owner[id(y)] = owner.get(id(x), x)
    return lambda x: owner.get(id(x), x)
