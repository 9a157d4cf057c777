"""Which number format a computation needs."""

import keras
from keras import ops


def at_least_float32(x):
    """The number format of a tensor, or float32 for half precision.

    `keras.backend.result_type(x.dtype, "float32")` would be float32 for
    float64 too on PyTorch.
    """
    dtype = keras.backend.standardize_dtype(x.dtype)
    return "float32" if dtype in ("float16", "bfloat16") else dtype


def tanh(x):
    """Hyperbolic tangent in the number format of a tensor.

    `keras.ops.tanh` gives float32 for float64 on JAX.
    """
    if keras.backend.standardize_dtype(x.dtype) == "float64":
        return 2 * ops.sigmoid(2 * x) - 1
    return ops.tanh(x)
