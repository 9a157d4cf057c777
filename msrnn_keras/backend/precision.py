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


def in_dtype(x, dtype):
    """A tensor in a number format; itself where it has that already.

    Args:
        x: Tensor.
        dtype: String, such as `"bfloat16"`.

    Returns:
        Tensor of the same shape.
    """
    same = keras.backend.standardize_dtype(x.dtype) == dtype
    return x if same else ops.cast(x, dtype)


def like(x, other):
    """A tensor in the number format of another one.

    TensorFlow neither adds nor multiplies tensors of two number formats.

    Args:
        x: Tensor.
        other: Tensor.

    Returns:
        Tensor of the shape of `x`.
    """
    return in_dtype(x, keras.backend.standardize_dtype(other.dtype))


def tanh(x):
    """Hyperbolic tangent in the number format of a tensor.

    `keras.ops.tanh` gives float32 for float64 on JAX.
    """
    if keras.backend.standardize_dtype(x.dtype) == "float64":
        return 2 * ops.sigmoid(2 * x) - 1
    return ops.tanh(x)
