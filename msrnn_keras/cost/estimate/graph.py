"""One step of a model as its elementary operations, without computing."""

import contextlib
import functools
from typing import NamedTuple

import keras

from msrnn_keras.cells.base import ConvRNNCell


class Graph(NamedTuple):
    """Operations that lead from inputs to outputs.

    Tensors are `keras.KerasTensor`s, of which only shape and type are known.
    A node is one call of an operation: it has `operation`, `arguments`,
    `input_tensors` and `outputs`.
    """

    inputs: list
    outputs: list
    nodes: list  # in an order in which they can be computed


class Rematerialized(keras.Operation):
    """A function whose tensors the gradient computes again.

    Args:
        function: Function of tensors, made of `keras.ops`.
    """

    def __init__(self, function):
        super().__init__()
        self.function = function

    def compute_output_spec(self, *args):
        inputs = [keras.KerasTensor(x.shape, x.dtype) for x in args]
        outputs = self.function(*inputs)
        self.graph = elementary(trace(inputs, outputs))
        return keras.tree.map_structure(
            lambda x: keras.KerasTensor(x.shape, x.dtype), outputs
        )


def step_graph(model, batch=1):
    """One time step of a stack, for frames of its `image_shape`.

    The layers of the stack are nodes; `elementary` opens them.

    Args:
        model: `MSStack`.
        batch: Integer, number of samples.

    Returns:
        `Graph` from `[frame, *states]` to `[frame, *states]`.

    Raises:
        ValueError: If the height or width of `image_shape` is None.
    """
    if None in model.image_shape:
        raise ValueError(
            "The height and width of the frames must be known. Received: "
            f"image_shape={model.image_shape}"
        )
    step = model.step
    graph = trace(step.inputs, step.outputs)
    inputs = [
        keras.KerasTensor((batch, *x.shape[1:]), x.dtype) for x in step.inputs
    ]
    return replay(graph, inputs, lambda operation: operation)


def elementary(graph, kept=()):
    """A graph whose cells and composed layers are opened.

    Args:
        graph: `Graph`.
        kept: Tuple of classes of layers to leave as they are.

    Returns:
        `Graph` of layers of Keras and operations of `keras.ops`, and of
        `Rematerialized`.
    """

    def opened(operation):
        if isinstance(operation, ConvRNNCell):
            return lambda x, states: _step(operation, x, states)
        if _is_composed(operation, kept):
            return functools.partial(_open, operation)
        return operation

    with _symbolic_remat():
        while any(_is_composed(n.operation, kept) for n in graph.nodes):
            inputs = [keras.KerasTensor(x.shape, x.dtype) for x in graph.inputs]
            graph = replay(graph, inputs, opened)
    return graph


def trace(inputs, outputs):
    """The graph between symbolic tensors.

    Args:
        inputs: List of `keras.KerasTensor`.
        outputs: `keras.KerasTensor` or nested structure of them.

    Returns:
        `Graph`, without the operations that no output needs.
    """
    outputs = keras.tree.flatten(outputs)
    known, nodes = {id(x) for x in inputs}, []

    def visit(tensor):
        if id(tensor) in known:
            return
        operation, index, _ = tensor._keras_history
        node = operation._inbound_nodes[index]
        for x in node.input_tensors:
            visit(x)
        known.update(id(x) for x in node.outputs)
        nodes.append(node)

    for tensor in outputs:
        visit(tensor)
    return Graph(inputs, outputs, nodes)


def replay(graph, inputs, function_of):
    """A graph on other inputs.

    Args:
        graph: `Graph`.
        inputs: List of `keras.KerasTensor`, in place of its inputs.
        function_of: Function that gives, for an operation, what to call.

    Returns:
        `Graph` of the calls.
    """
    new = dict(zip(map(id, graph.inputs), inputs, strict=True))
    for node in graph.nodes:
        args, kwargs = node.arguments.fill_in(new)
        outputs = function_of(node.operation)(*args, **kwargs)
        outputs = keras.tree.flatten(outputs)
        new.update(zip(map(id, node.outputs), outputs, strict=True))
    return trace(inputs, [new[id(x)] for x in graph.outputs])


def rematerialized(graph, remat):
    """A graph in which what training computes again is single nodes.

    Args:
        graph: `Graph` of a step, whose cells are nodes.
        remat: String or None, as of `MSStack`.

    Returns:
        `Graph` with nodes that are `Rematerialized`: none, each cell
        (`"layer"`), or one for the whole step (`"step"`).
    """

    def opened(operation):
        if not isinstance(operation, ConvRNNCell):
            return operation

        def advance(x, *states):
            output, states = _step(operation, x, states)
            return [output, *states]

        return lambda x, states: Rematerialized(advance)(x, *states)

    def whole(*inputs):
        return replay(graph, inputs, lambda operation: operation).outputs

    if remat == "layer":
        return replay(graph, graph.inputs, opened)
    if remat == "step":
        return trace(graph.inputs, Rematerialized(whole)(*graph.inputs))
    return graph


class _Opened(keras.layers.Layer):
    """Where the operations of a layer use weights of its compute type."""

    def __init__(self, layer):
        super().__init__(dtype=layer.dtype_policy)
        self.function = layer.call

    def compute_output_spec(self, *args, **kwargs):
        self.opened = self.function(*args, **kwargs)
        return keras.tree.map_structure(
            lambda x: keras.KerasTensor(x.shape, x.dtype), self.opened
        )


def _open(layer, *args, **kwargs):
    """The outputs of the operations in a layer."""
    scope = _Opened(layer)
    scope(*args, **kwargs)
    return scope.opened


def _step(cell, x, states):
    output, states, _ = cell.step(x, cell.State(*states))
    return output, list(states)


def _is_composed(operation, kept):
    """Whether it is a layer made of other operations."""
    is_layer = isinstance(operation, keras.layers.Layer)
    of_keras = type(operation).__module__.startswith("keras.")
    return is_layer and not of_keras and not isinstance(operation, kept)


@contextlib.contextmanager
def _symbolic_remat():
    """Makes `keras.remat` work on symbolic tensors."""
    remat = keras.remat
    keras.remat = Rematerialized
    try:
        yield
    finally:
        keras.remat = remat


class Kernel(NamedTuple):
    """The kernel of a convolution."""

    shape: tuple  # (height, width, channels in, channels out)
    dtype: str
    made_each_step: bool  # cast from the weights


def name_of(node):
    """Name of a node's operation, that of its class."""
    return type(node.operation).__name__


def kernel_of(node):
    """The kernel of a convolution; None for another node."""
    name, operation = name_of(node), node.operation
    if name in ("Conv2D", "Conv2DTranspose"):
        kernel = operation.kernel
        cast = operation.compute_dtype != kernel.dtype
        return Kernel(tuple(kernel.shape), operation.compute_dtype, cast)
    if name == "Conv":
        kernel = node.arguments.args[1]
        dtype = keras.backend.standardize_dtype(kernel.dtype)
        # A layer of ours, which makes its kernel once for all steps.
        return Kernel(tuple(kernel.shape), dtype, False)
    return None
