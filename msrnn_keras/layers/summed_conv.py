"""The sum of convolutions of several kernel sizes."""

import keras
from keras import ops

from msrnn_keras.layers.convolution import convolve
from msrnn_keras.layers.kernels import CachedKernel
from msrnn_keras.utils.checks import check_positive


@keras.saving.register_keras_serializable(package="msrnn_keras")
class SummedConv(CachedKernel, keras.layers.Layer):
    """Sum of several 'same' convolutions of one input, as one convolution.

    Convolution is linear in its kernel, so the sum of the outputs is the
    output of the sum of the kernels, each padded with zeros to the largest
    size. The weights stay those of the separate convolutions, `convs`.

    Args:
        filters: Integer, channels of the output.
        kernel_sizes: List or tuple of odd integers, the sides of the square
            kernels, pixels.
        factor: Float, what the sum is multiplied by.
        **kwargs: Arguments of `keras.layers.Layer`.

    Returns:
        Tensor `(batch, height, width, filters)`.

    Raises:
        ValueError: If `filters` is not a positive integer, or `kernel_sizes`
            not a list or tuple of positive odd integers.

    Example:
    >>> SummedConv(4, (3, 5, 7))(keras.ops.zeros((1, 8, 8, 3))).shape
    (1, 8, 8, 4)
    """

    def __init__(self, filters, kernel_sizes, factor=1.0, **kwargs):
        super().__init__(**kwargs)
        check_positive("filters", filters)
        _check_kernel_sizes(kernel_sizes)
        self.filters = filters
        self.kernel_sizes = tuple(kernel_sizes)
        self.factor = factor
        self.convs = [
            keras.layers.Conv2D(
                filters,
                size,
                padding="same",
                dtype=self.dtype_policy,
                name=f"conv_{index}",
            )
            for index, size in enumerate(self.kernel_sizes)
        ]

    def build(self, input_shape):
        for conv in self.convs:
            conv.build(input_shape)

    @property
    def kernel_weights(self):
        return [conv.kernel for conv in self.convs]

    def make_kernel(self):
        largest = max(self.kernel_sizes)
        kernel = 0
        for size, conv in zip(self.kernel_sizes, self.convs, strict=True):
            margin = (largest - size) // 2
            margins = ((margin, margin), (margin, margin), (0, 0), (0, 0))
            weights = ops.cast(conv.kernel, self.compute_dtype)
            kernel += ops.pad(weights, margins)
        return self.factor * kernel

    def call(self, x):
        bias = sum(ops.cast(conv.bias, x.dtype) for conv in self.convs)
        return convolve(x, self.current_kernel()) + self.factor * bias

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.filters)

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_sizes": self.kernel_sizes,
            "factor": self.factor,
        }


def _check_kernel_sizes(kernel_sizes):
    if not isinstance(kernel_sizes, (list, tuple)) or not kernel_sizes:
        raise ValueError(
            "`kernel_sizes` must be a list or tuple of odd integers, for "
            f"instance (3, 5, 7). Received: kernel_sizes={kernel_sizes!r}"
        )
    for size in kernel_sizes:
        check_positive("kernel_sizes", size)
        if size % 2 == 0:
            raise ValueError(
                "`kernel_sizes` must be odd, so that their centres coincide. "
                f"Received: kernel_sizes={kernel_sizes!r}"
            )
