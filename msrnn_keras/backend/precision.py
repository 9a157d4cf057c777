"""Number formats of computations."""

import keras
from keras import ops


def at_least_float32(x):
    """Return the number format of a tensor, or float32 for half precision."""
    # On PyTorch, `result_type(x.dtype, "float32")` is float32 for float64 too.
    dtype = keras.backend.standardize_dtype(x.dtype)
    return "float32" if dtype in ("float16", "bfloat16") else dtype


def in_dtype(x, dtype):
    """Return a tensor in a number format, itself if it has that already."""
    same = keras.backend.standardize_dtype(x.dtype) == dtype
    return x if same else ops.cast(x, dtype)


def like(x, other):
    """Return a tensor in the number format of another one."""
    return in_dtype(x, keras.backend.standardize_dtype(other.dtype))


def tanh(x):
    """Compute the hyperbolic tangent in the number format of a tensor."""
    # On JAX, `keras.ops.tanh` returns float32 for float64.
    if keras.backend.standardize_dtype(x.dtype) == "float64":
        return 2 * ops.sigmoid(2 * x) - 1
    return ops.tanh(x)
