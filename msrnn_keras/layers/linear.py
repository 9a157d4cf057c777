"""Linear maps whose gradient keeps nothing."""

import keras
from keras import ops


class Linear(keras.Operation):
    """A linear function of a tensor and its transpose.

    The gradient of a linear function is its transpose, whatever the numbers
    it was given. Left to itself, TensorFlow keeps those for the gradient of
    every product, even with a constant.

    Args:
        function: Linear function of a tensor.
        transpose: Function that takes a tensor of the shape of the output to
            one of the shape of the input, the transpose of `function`.

    Example:
    >>> double = Linear(lambda x: 2 * x, lambda x: 2 * x)
    >>> double(keras.ops.ones((3,)))
    """

    def __init__(self, function, transpose):
        super().__init__()
        self.function = function
        self.transpose = transpose

    def call(self, x):
        if keras.backend.backend() == "torch":
            return self.function(x)

        @ops.custom_gradient
        def apply(x):
            return self.function(x), self.transpose

        return apply(x)

    def compute_output_spec(self, x):
        output = self.function(keras.KerasTensor(x.shape, x.dtype))
        return keras.KerasTensor(output.shape, output.dtype)


def scaled(x, factor):
    """A tensor times a number.

    Args:
        x: Tensor.
        factor: Number.

    Returns:
        Tensor of the same shape.
    """

    def scale(x):
        return factor * x

    return Linear(scale, scale)(x)
