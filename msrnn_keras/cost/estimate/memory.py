"""Memory of a training step."""

import math

import keras

from msrnn_keras.cost.estimate import graph as graphs
from msrnn_keras.layers.kernels import kernel_makers

# What the gradient of an operation reads. Those that are not named read
# nothing: sums, differences, splits, copies and changes of shape.
READS_INPUTS = set(
    "Absolute Clip Conv Conv2D Conv2DTranspose Gelu GroupedConv2D LeakyRelu "
    "Log Matmul MaxPool Maximum Moments Multiply Remat Silu TrueDivide "
    "Where".split()
)
READS_OUTPUT = {"Clip", "MaxPool", "Rsqrt", "Sigmoid", "Softmax", "Tanh"}
RESHAPES = {"ExpandDims", "Reshape"}  # the output shares the input's buffer


def training_memory(model, batch):
    """Estimate the memory of one training step with Adam, bytes.

    It is the sum of the weights, gradients and moments; the tensors that the
    gradient of each time step reads; the kernels that are computed from
    weights; and the gradients and recomputed tensors of one time step. Frames,
    loss and backend are left out. It is for TensorFlow on a CPU, without XLA.
    Of a model without time steps, all that its gradient reads is kept once.
    """
    graph = graphs.step_graph(model, batch)
    graph = graphs.elementary(graphs.rematerialized(graph, model.remat))
    weights = total_size(model.trainable_variables)
    if not graphs.has_step(model):
        kept = kept_tensors(graph)
        largest = max(total_size([tensor]) for tensor in kept)
        again = max(_recomputed_sizes(graph), default=0)
        return 4 * weights + total_size(kept) + again + 2 * largest
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
    frame, *states = graph.outputs
    after = dict(zip(graphs.state_ids(graph), states, strict=True))
    after[id(graph.inputs[0])] = frame
    made = (buffer(after.get(id(x), x)) for x in kept_tensors(graph))
    return list({id(x): x for x in made}.values())


def working_size(graph):
    """Return the bytes of gradients and recomputed tensors of a graph."""
    recomputed = max(_recomputed_sizes(graph), default=0)
    return total_size(kept_tensors(graph)) + recomputed


def _recomputed_sizes(graph):
    """Return the bytes of each part that is recomputed."""
    remats = [x for x in graph.nodes if graphs.name_of(x) == "Remat"]
    inside = list(map(graphs.graph_inside, remats))
    return [
        total_size(kept_tensors(part)) + working_size(part) for part in inside
    ]


def _read(node):
    name, output = graphs.name_of(node), node.outputs[0]
    if "float" not in output.dtype:
        return []  # It has no gradient.
    read = []
    if name in READS_INPUTS:
        read += node.input_tensors
    if name in READS_OUTPUT:
        read.append(output)
    if name == "Take":
        read.append(node.input_tensors[1])  # the indices
    kernel = graphs.kernel_of(node)
    if kernel is not None and kernel.made_each_step:
        read.append(kernel)
    return read


def _buffers(graph):
    """Return a function from a tensor to the first one in its buffer."""
    owner = {}
    for node in graph.nodes:
        if graphs.name_of(node) in RESHAPES:
            (x,), (y,) = node.input_tensors, node.outputs
            owner[id(y)] = owner.get(id(x), x)
    return lambda x: owner.get(id(x), x)
