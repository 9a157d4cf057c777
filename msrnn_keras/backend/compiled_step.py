"""What each backend needs of its own to run a time step without overhead."""

import types

import keras
from keras import ops

PLAIN = (bool, int, float, str, types.FunctionType, types.NoneType)


def compiled_step(model):
    """The step of a stack, compiled for forecasts.

    TensorFlow traces it once for all sizes and without XLA; JAX compiles it
    for each shape; PyTorch runs it as it is. No gradient can be taken.

    Args:
        model: Functional `keras.Model` of one time step, from `[frame,
            *states]` to `[frame, *states]`; see `models.step_graph`.

    Returns:
        Function of a list of tensors that gives such a list.
    """
    return {
        "tensorflow": _tensorflow_step,
        "jax": _jax_step,
        "torch": _torch_step,
    }[keras.backend.backend()](model)


def layers_setup(model):
    """What a compiled step depends on, apart from the values of the variables.

    These are the variables themselves, the number formats and the plain
    attributes of all layers, such as `activation` and `lora_enabled`.

    Args:
        model: `keras.Model`, the step.

    Returns:
        Object that equals another one where nothing has changed.
    """
    setup = [_Same(variable) for variable in model.variables]
    for layer in model._flatten_layers():
        setup.append(layer.dtype_policy.name)
        setup.extend(
            (name, value)
            for name, value in vars(layer).items()
            if name[0] != "_" and isinstance(value, PLAIN)
        )
    return setup


class _Same:
    """Equals only what refers to the same object, which it keeps alive."""

    def __init__(self, value):
        self.value = value

    def __eq__(self, other):
        return isinstance(other, _Same) and self.value is other.value


def compiles_for_each_shape():
    """Whether a compiled step is compiled anew for another shape."""
    return keras.backend.backend() == "jax"


def _tensorflow_step(model):
    import tensorflow as tf

    signature = [
        tf.TensorSpec((None, None, None, x.shape[-1]), x.dtype)
        for x in model.inputs
    ]

    @tf.function(input_signature=[signature], jit_compile=False)
    def step(tensors):
        return model(tensors, training=False)

    return step


def _jax_step(model):
    import jax

    @jax.jit
    def step(trainable, others, tensors):
        outputs, _ = model.stateless_call(
            trainable, others, tensors, training=False
        )
        return outputs

    def call(tensors):
        return step(
            [v.value for v in model.trainable_variables],
            [v.value for v in model.non_trainable_variables],
            tensors,
        )

    return call


def _torch_step(model):
    import torch

    @torch.no_grad()
    def step(tensors):
        tensors = [ops.convert_to_tensor(x) for x in tensors]
        return model(tensors, training=False)

    return step


def torch_convolution(x, kernel, bias=None):
    """A 'same' convolution on PyTorch that copies no map.

    Keras copies every map into the other memory layout and back again.

    Args:
        x: Tensor `(batch, height, width, channels)`.
        kernel: Tensor `(kernel height, kernel width, channels, filters)`, of
            odd height and width.
        bias: Tensor `(filters,)`, or None.

    Returns:
        Tensor `(batch, height, width, filters)`.
    """
    import torch

    maps = ops.convert_to_tensor(x).permute(0, 3, 1, 2)
    weights = ops.convert_to_tensor(kernel).permute(3, 2, 0, 1)
    padding = [size // 2 for size in kernel.shape[:2]]
    if bias is not None:
        bias = ops.convert_to_tensor(bias, dtype=kernel.dtype)
    result = torch.conv2d(maps, weights, bias, padding=padding)
    return result.permute(0, 2, 3, 1)
