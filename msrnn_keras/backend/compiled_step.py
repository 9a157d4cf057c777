"""Functions that differ by backend, for speed."""

import types

import keras
from keras import ops

PLAIN = (bool, int, float, str, types.FunctionType, types.NoneType)
SHAPES = 32  # of frames whose compiled step JAX keeps at most


def compiled_step(model):
    """Compile the step of a stack: a function of tensors, without gradient."""
    make = {"tensorflow": _tensorflow_step, "jax": _jax_step}
    return make.get(keras.backend.backend(), _torch_step)(model)


class LayersSetup:
    """What a compiled function depends on besides the values of variables."""

    def __init__(self, model):
        self.parts = [_Same(variable) for variable in model.weights]
        for layer in model._flatten_layers(include_self=False):
            self.parts.append(layer.dtype_policy.name)
            self.parts.extend(
                (name, value)
                for name, value in vars(layer).items()
                if name[0] != "_" and isinstance(value, PLAIN)
            )

    def __eq__(self, other):
        return isinstance(other, LayersSetup) and self.parts == other.parts


class _Same:
    """Equals only what refers to the same object, which it keeps alive."""

    def __init__(self, value):
        self.value = value

    def __eq__(self, other):
        return isinstance(other, _Same) and self.value is other.value


def _tensorflow_step(model):
    import tensorflow as tf

    shapes = [(None, None, None, x.shape[-1]) for x in model.inputs]
    types = [x.dtype for x in model.inputs]
    signature = list(map(tf.TensorSpec, shapes, types))

    @tf.function(input_signature=[signature], jit_compile=False)
    def step(tensors):
        return model(tensors, training=False)

    return step


def _jax_step(model):
    import jax

    @jax.jit
    def step(trainable, others, tensors):
        variables = (trainable, others)
        return model.stateless_call(*variables, tensors, training=False)[0]

    shapes = set()

    def call(tensors):
        if tensors[0].shape not in shapes and len(shapes) == SHAPES:
            step.clear_cache()
            shapes.clear()
        shapes.add(tensors[0].shape)
        kinds = (model.trainable_variables, model.non_trainable_variables)
        values = ([variable.value for variable in kind] for kind in kinds)
        return step(*values, tensors)

    return call


def _torch_step(model):
    import torch

    @torch.no_grad()
    def step(tensors):
        tensors = [ops.convert_to_tensor(x) for x in tensors]
        return model(tensors, training=False)

    return step


def torch_convolution(
    x, kernel, bias=None, strides=1, dilation=(1, 1), groups=1
):
    """Compute a convolution without Keras' copies of all maps.

    The zero padding is the same on all sides, as for an odd kernel.
    """
    import torch

    maps = ops.convert_to_tensor(x).permute(0, 3, 1, 2)
    weights = ops.convert_to_tensor(kernel).permute(3, 2, 0, 1)
    pairs = zip(kernel.shape[:2], dilation, strict=True)
    padding = [rate * (size // 2) for size, rate in pairs]
    if bias is not None:
        bias = ops.convert_to_tensor(bias, dtype=kernel.dtype)
    result = torch.conv2d(
        maps, weights, bias, strides, padding, dilation, groups
    )
    return result.permute(0, 2, 3, 1)


def torch_group_norm(x, gamma, beta, groups, epsilon):
    """Normalize groups of channels by PyTorch's own operation."""
    import torch

    maps = ops.convert_to_tensor(x).permute(0, 3, 1, 2)
    maps = torch.nn.functional.group_norm(maps, groups, gamma, beta, epsilon)
    return maps.permute(0, 2, 3, 1)
