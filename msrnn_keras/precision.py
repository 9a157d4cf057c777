"""Which number format a computation needs."""

import keras


def at_least_float32(x):
    """The number format of a tensor, or float32 for half precision.

    `keras.backend.result_type(x.dtype, "float32")` would be float32 for
    float64 too on PyTorch.
    """
    dtype = keras.backend.standardize_dtype(x.dtype)
    return "float32" if dtype in ("float16", "bfloat16") else dtype
