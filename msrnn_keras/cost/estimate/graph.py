"""One time step of a model as a graph of elementary operations."""

import functools
from typing import NamedTuple

import keras

from msrnn_keras.cells.base import ConvRNNCell
from msrnn_keras.layers.grouped_conv import GroupedConv2D
from msrnn_keras.layers.linear import Linear
from msrnn_keras.layers.rematerialization import Remat


class Graph(NamedTuple):
    """Keras nodes from inputs to outputs, all on symbolic tensors."""

    inputs: list
    outputs: list
    nodes: list  # in topological order


def has_step(model):
    """Return whether a model repeats one time step."""
    return hasattr(model, "step")


def step_graph(model, batch=1):
    """Return one time step, or the whole model if it has no time steps."""
    if None in model.image_shape:
        raise ValueError(
            "The height and width of the frames must be known. Received: "
            f"image_shape={model.image_shape}"
        )
    if not has_step(model):
        shape = (batch, model.context, *model.image_shape)
        frames = keras.KerasTensor(shape, model.inputs[0].dtype)
        return replay(trace(model.inputs, model.outputs), [frames])
    step = model.step
    inputs = [
        keras.KerasTensor((batch, *x.shape[1:]), x.dtype) for x in step.inputs
    ]
    return replay(trace(step.inputs, step.outputs), inputs)


def state_ids(graph):
    """Return the ids of the inputs that are states, the last ones."""
    count = len(graph.outputs) - 1
    return [id(x) for x in graph.inputs[len(graph.inputs) - count :]]


def elementary(graph, kept=()):
    """Replace cells and layers by their operations, but for kept classes."""

    def opened(operation):
        if isinstance(operation, ConvRNNCell):
            return lambda x, states: _step(operation, x, states)
        if _is_composed(operation, kept):
            return functools.partial(_open, operation)
        return operation

    while any(_is_composed(node.operation, kept) for node in graph.nodes):
        graph = replay(graph, _copies(graph.inputs), opened)
    return graph


def trace(inputs, outputs):
    """Return the graph between symbolic tensors."""
    outputs = keras.tree.flatten(outputs)
    known, nodes = {id(x) for x in inputs}, []

    def visit(tensor):
        if id(tensor) in known:
            return
        # Keras has no public way from a tensor to the call that made it.
        operation, index, _ = tensor._keras_history
        node = operation._inbound_nodes[index]
        for x in node.input_tensors:
            visit(x)
        known.update(id(x) for x in node.outputs)
        nodes.append(node)

    for tensor in outputs:
        visit(tensor)
    return Graph(inputs, outputs, nodes)


def replay(graph, inputs, function_of=lambda operation: operation):
    """Repeat a graph on new inputs, with other functions as operations."""
    new = dict(zip(map(id, graph.inputs), inputs, strict=True))
    for node in graph.nodes:
        args, kwargs = node.arguments.fill_in(new)
        outputs = function_of(node.operation)(*args, **kwargs)
        outputs = keras.tree.flatten(outputs)
        new.update(zip(map(id, node.outputs), outputs, strict=True))
    return trace(inputs, [new[id(x)] for x in graph.outputs])


def rematerialized(graph, remat):
    """Make each cell ("layer") or the whole graph ("step") a `Remat` node."""

    def opened(operation):
        if getattr(operation, "remat", None) == "layer":
            return functools.partial(_open_again, operation)
        if not isinstance(operation, ConvRNNCell):
            return operation

        def advance(x, *states):
            output, states = _step(operation, x, states)
            return [output, *states]

        return lambda x, states: Remat(advance)(x, *states)

    if remat == "layer":
        return replay(graph, graph.inputs, opened)
    if remat == "step":
        whole = Remat(lambda *inputs: replay(graph, inputs).outputs)
        return trace(graph.inputs, whole(*graph.inputs))
    return graph


def graph_inside(node):
    """Return the graph of the function in a `Linear` or `Remat` node."""
    if not isinstance(node.operation, Linear | Remat):
        return None
    inputs = _copies(node.input_tensors)
    return elementary(trace(inputs, node.operation.function(*inputs)))


class _Opened(keras.layers.Layer):
    """A scope in which a layer's operations use its compute dtype."""

    def __init__(self, layer):
        super().__init__(dtype=layer.dtype_policy)
        self.function = layer.call

    def compute_output_spec(self, *args, **kwargs):
        self.opened = self.function(*args, **kwargs)
        return keras.tree.map_structure(
            lambda x: keras.KerasTensor(x.shape, x.dtype), self.opened
        )


def _open(layer, *args, **kwargs):
    scope = _Opened(layer)
    scope(*args, **kwargs)
    return scope.opened


def _open_again(layer, *args):
    """Return the outputs of a layer whose gradient computes it again."""

    def inside(*tensors):
        return _open(layer, *keras.tree.pack_sequence_as(args, tensors))

    return Remat(inside)(*keras.tree.flatten(args))


def _copies(tensors):
    return [keras.KerasTensor(x.shape, x.dtype) for x in tensors]


def _step(cell, x, states):
    output, states, _ = cell.step(x, cell.State(*states))
    return output, list(states)


def _is_composed(operation, kept):
    is_layer = isinstance(operation, keras.layers.Layer)
    of_keras = type(operation).__module__.startswith("keras.")
    kept = (GroupedConv2D, *kept)
    return is_layer and not of_keras and not isinstance(operation, kept)


class Kernel(NamedTuple):
    """The kernel of a convolution."""

    shape: tuple  # (height, width, channels in, channels out)
    dtype: str
    made_each_step: bool  # cast from the weights


def name_of(node):
    """Return the class name of a node's operation."""
    return type(node.operation).__name__


def kernel_of(node):
    """Return the kernel of a convolution, None for another node."""
    name, operation = name_of(node), node.operation
    if name in ("Conv2D", "Conv2DTranspose", "GroupedConv2D"):
        kernel = operation.kernel
        cast = operation.compute_dtype != kernel.dtype
        return Kernel(tuple(kernel.shape), operation.compute_dtype, cast)
    if name == "Conv":  # of our layers, which make a kernel once for all steps
        kernel = node.arguments.args[1]
        dtype = keras.backend.standardize_dtype(kernel.dtype)
        return Kernel(tuple(kernel.shape), dtype, False)
    return None
