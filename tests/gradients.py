"""Gradients on every backend."""

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


def random(*shape, seed=0, dtype="float32"):
    """Normal random numbers."""
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)
