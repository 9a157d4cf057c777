"""Rematerialization: training that recomputes instead of storing."""

import keras

from msrnn_keras.layers.kernels import kernel_makers, using_kernels

REMAT = (None, "layer", "step")


def check_remat(remat):
    """Refuse what is not None, `"layer"` or `"step"`."""
    if remat not in REMAT:
        raise ValueError(
            "`remat` must be None, 'layer' or 'step'. "
            f"Received: remat={remat!r}"
        )


def rematerialized(layer, function, *inputs):
    """Call a function; its gradient keeps the inputs and computes the rest."""
    makers = kernel_makers(layer)
    kernels = [maker.current_kernel() for maker in makers]
    in_kernels = {id(w) for maker in makers for w in maker.kernel_weights}
    weights = [w for w in layer.variables if id(w) not in in_kernels]
    is_float = keras.backend.is_float_dtype
    floats = [w for w in weights if is_float(w.dtype)]
    # What may change before the gradient, such as seeds, is copied.
    seeds = [(w, keras.ops.copy(w)) for w in weights if not is_float(w.dtype)]
    values = [
        keras.ops.convert_to_tensor(w) if w.trainable else keras.ops.copy(w)
        for w in floats
    ]

    def run(*tensors):
        given = tensors[: len(inputs)]
        made = tensors[len(inputs) : len(inputs) + len(kernels)]
        taken = tensors[len(inputs) + len(kernels) :]
        mapping = [*zip(floats, taken, strict=True), *seeds]
        with using_kernels(makers, made), keras.StatelessScope(mapping):
            return tuple(function(*given))

    return list(keras.remat(run)(*inputs, *kernels, *values))


class Remat(keras.Operation):
    """`keras.remat` of a function, also for symbolic tensors."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def call(self, *args):
        return keras.remat(self.function)(*args)

    def compute_output_spec(self, *args):
        inputs = [keras.KerasTensor(x.shape, x.dtype) for x in args]
        outputs, own = self.function(*inputs), {}

        def twin(x):
            return own.setdefault(id(x), keras.KerasTensor(x.shape, x.dtype))

        return keras.tree.map_structure(twin, outputs)
