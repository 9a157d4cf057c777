"""The sum of convolutions of several kernel sizes."""

import keras
from keras import ops

from msrnn_keras.layers.convolution import convolve, with_new_seeds
from msrnn_keras.layers.kernels import CachedKernel
from msrnn_keras.utils.checks import check_positive


@keras.saving.register_keras_serializable(package="msrnn_keras")
class SummedConv(CachedKernel, keras.layers.Layer):
    """`factor` times the sum of 'same' convolutions, as one convolution."""

    def __init__(
        self, filters, kernel_sizes, factor=1.0, conv_options=None, **kwargs
    ):
        super().__init__(**kwargs)
        filters = check_positive("filters", filters)
        is_list = isinstance(kernel_sizes, (list, tuple))
        for size in kernel_sizes if is_list and kernel_sizes else (0,):
            if type(size) is not int or size < 1 or size % 2 == 0:
                raise ValueError(
                    "`kernel_sizes` must be a list or tuple of odd integers, "
                    f"as (3, 5, 7). Received: kernel_sizes={kernel_sizes!r}"
                )
        self.filters = filters
        self.kernel_sizes = tuple(kernel_sizes)
        self.factor = factor
        self.conv_options = conv_options or {}
        self.convs = []
        for index, size in enumerate(self.kernel_sizes):
            options = {"dtype": self.dtype_policy, "name": f"conv_{index}"}
            options |= with_new_seeds(self.conv_options)
            conv = keras.layers.Conv2D(filters, size, padding="same", **options)
            self.convs.append(conv)

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
            margin = ((largest - size) // 2,) * 2
            weights = ops.cast(conv.kernel, self.compute_dtype)
            kernel += ops.pad(weights, (margin, margin, (0, 0), (0, 0)))
        return self.factor * kernel

    def call(self, x):
        bias = sum(ops.cast(conv.bias, x.dtype) for conv in self.convs)
        return convolve(x, self.current_kernel()) + self.factor * bias

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.filters)

    def get_config(self):
        names = ("filters", "kernel_sizes", "factor", "conv_options")
        config = {name: getattr(self, name) for name in names}
        options = keras.saving.serialize_keras_object(self.conv_options)
        return {**super().get_config(), **config, "conv_options": options}
