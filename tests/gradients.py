import keras
import numpy as np


def gradients(function, upstream, *arrays):
    """Gradients of `sum(function(*arrays) * upstream)`, as arrays."""
    backend = keras.backend.backend()
    if backend == "jax":
        import jax

        def total(*tensors):
            return (function(*tensors) * upstream).sum()

        every = tuple(range(len(arrays)))
        given = jax.jit(jax.grad(total, argnums=every))(*arrays)
    elif backend == "tensorflow":
        import tensorflow as tf

        tensors = [tf.constant(array) for array in arrays]
        with tf.GradientTape() as tape:
            tape.watch(tensors)
            total = tf.reduce_sum(function(*tensors) * upstream)
        given = tape.gradient(total, tensors)
    else:
        import torch

        tensors = [torch.tensor(a, requires_grad=True) for a in arrays]
        total = (function(*tensors) * torch.tensor(upstream)).sum()
        given = torch.autograd.grad(total, tensors)
    return [keras.ops.convert_to_numpy(gradient) for gradient in given]


def kept_by_a_loop(total, shape, of=None):
    """What each step of a TensorFlow loop keeps for the gradient of a sum.

    The gradient is that of the variables `of`, or of the input.
    """
    import tensorflow as tf

    @tf.function(autograph=False)
    def gradient(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = total(x)
        return tape.gradient(y, x if of is None else of)

    graph = gradient.get_concrete_function(tf.TensorSpec(shape)).graph
    graph = graph.as_graph_def()
    functions = [graph.node, *(f.node_def for f in graph.library.function)]
    return [
        node.input[1]
        for nodes in functions
        for node in nodes
        if node.op == "TensorListPushBack"
    ]


def random(*shape, seed=0, dtype="float32"):
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)
