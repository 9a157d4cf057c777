"""Training that computes again what it does not keep."""

import keras

from msrnn_keras.layers.kernels import kernel_makers, using_kernels

REMAT = (None, "layer", "step")


def check_remat(remat):
    """Refuse what is not a way to rematerialise.

    Args:
        remat: Any.

    Raises:
        ValueError: If it is not None, `"layer"` or `"step"`.
    """
    if remat not in REMAT:
        raise ValueError(
            "`remat` must be None, 'layer' or 'step'. "
            f"Received: remat={remat!r}"
        )


def rematerialized(layer, function, *inputs):
    """The result of a function, of which the gradient keeps the inputs alone.

    Weights and the kernels made of them are given to `keras.remat` as
    tensors: TensorFlow cannot rematerialise what reads variables in a loop.

    Args:
        layer: `keras.layers.Layer` whose weights the function reads.
        function: Function of `inputs` that gives a list of tensors.
        *inputs: Tensors.

    Returns:
        List of tensors.
    """
    makers = kernel_makers(layer)
    kernels = [maker.current_kernel() for maker in makers]
    in_kernels = {id(w) for maker in makers for w in maker.kernel_weights}
    weights = [w for w in layer.variables if id(w) not in in_kernels]

    def run(*tensors):
        given = tensors[: len(inputs)]
        made = tensors[len(inputs) : len(inputs) + len(kernels)]
        values = tensors[len(inputs) + len(kernels) :]
        mapping = list(zip(weights, values, strict=True))
        with using_kernels(makers, made), keras.StatelessScope(mapping):
            return tuple(function(*given))

    values = [keras.ops.convert_to_tensor(weight) for weight in weights]
    return list(keras.remat(run)(*inputs, *kernels, *values))
