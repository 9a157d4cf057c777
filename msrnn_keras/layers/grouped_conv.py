"""Convolutions with groups, strides and PyTorch's zero padding."""

import keras
from keras import ops

from msrnn_keras.backend.compiled_step import torch_convolution
from msrnn_keras.backend.xla import loop_gradients_are_slow, xla_is_slow


@keras.saving.register_keras_serializable(package="msrnn_keras")
class GroupedConv2D(keras.layers.Conv2D):
    """Keras' 2D convolution with symmetric padding, fast with many groups.

    The input is padded with `dilation · (kernel_size - 1) / 2` zeros on all
    four sides, also for strides above 1. Keras' `"same"` padding is shifted by
    one pixel there. The kernel is `(height, width, channels / groups, filters)`
    on every backend.

    Args:
        filters: Integer, channels of the output.
        kernel_size: Integer, odd, height and width of the kernel, pixels.
        strides: Integer, pixels between two outputs.
        dilation_rate: Integer, pixels between two taps of the kernel.
        groups: Integer; it must divide the channels and the filters.
        **kwargs: Further arguments of `keras.layers.Conv2D`.

    Raises:
        ValueError: If the kernel size is even.

    Example:
    >>> GroupedConv2D(8, 3, strides=2)(keras.ops.zeros((1, 16, 16, 4))).shape
    (1, 8, 8, 8)
    """

    def __init__(self, filters, kernel_size, padding="same", **kwargs):
        super().__init__(filters, kernel_size, padding=padding, **kwargs)
        if padding != "same" or not all(n % 2 for n in self.kernel_size):
            raise ValueError(
                "`kernel_size` must be odd and `padding` 'same'. Received: "
                f"kernel_size={kernel_size}, padding={padding!r}"
            )
        if xla_is_slow():
            self.supports_jit = False

    def call(self, inputs):
        kernel = ops.cast(self.kernel, self.compute_dtype)
        bias = self.bias if self.use_bias else None
        sizes = (self.strides, self.dilation_rate, self.groups)
        return self.activation(_convolve(inputs, kernel, bias, *sizes))


def _convolve(x, kernel, bias, strides, dilation, groups):
    """Return a convolution by what is fastest on the backend."""
    if keras.backend.backend() == "torch":
        return torch_convolution(x, kernel, bias, strides, dilation, groups)
    options = {"padding": "same", "dilation_rate": dilation}
    if max(strides) > 1:
        pairs = zip(kernel.shape[:2], dilation, strict=True)
        margins = [((size - 1) * rate // 2,) * 2 for size, rate in pairs]
        x = ops.pad(x, [(0, 0), *margins, (0, 0)])
        options |= {"padding": "valid", "strides": strides}
    outputs = _in_groups(x, kernel, groups, options)
    return outputs if bias is None else outputs + bias


def _in_groups(x, kernel, groups, options):
    """Return a depthwise convolution, or one convolution for each group."""
    if groups == 1:
        return ops.conv(x, kernel, **options)
    if kernel.shape[2] == 1:
        shape = (*kernel.shape[:2], groups, kernel.shape[3] // groups)
        return ops.depthwise_conv(x, ops.reshape(kernel, shape), **options)
    if not (xla_is_slow() or loop_gradients_are_slow()):
        return ops.conv(x, kernel, **options)
    # Grouped convolutions are slow without an accelerator.
    parts = zip(
        ops.split(x, groups, axis=-1),
        ops.split(kernel, groups, axis=-1),
        strict=True,
    )
    outputs = [ops.conv(part, own, **options) for part, own in parts]
    return ops.concatenate(outputs, axis=-1)
