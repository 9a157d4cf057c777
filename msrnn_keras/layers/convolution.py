"""Convolutions that are fast inside a time loop."""

import keras
from keras import ops

from msrnn_keras.backend.compiled_step import torch_convolution
from msrnn_keras.backend.xla import loop_gradients_are_slow
from msrnn_keras.layers.kernels import CachedKernel


@keras.saving.register_keras_serializable(package="msrnn_keras")
class Conv2D(CachedKernel, keras.layers.Conv2D):
    """Keras' 2D convolution, to be used inside a time loop.

    It does two things more. It can take in a 1×1 convolution that comes
    before it (`fold_pointwise`): both are linear, so one convolution with the
    product of the kernels gives the same, at the cost of the few channels
    that the 1×1 convolution reads. On JAX without an accelerator its gradient
    is made of matrix products, which stay fast inside a loop; on PyTorch it
    copies no map into another memory layout.

    Args:
        *args: As of `keras.layers.Conv2D`.
        **kwargs: As of `keras.layers.Conv2D`.

    Example:
    >>> embed, conv = Conv2D(64, 1), Conv2D(256, 3, padding="same")
    >>> conv.absorb(embed)
    >>> embed.build((None, None, None, 1))
    >>> conv.build((None, None, None, 64))
    >>> conv(embed(frames)).shape
    (8, 64, 64, 256)
    """

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self._deferred = False
        self._absorbed = None

    def fold_pointwise(self, embed):
        """Apply a 1×1 convolution as part of this one.

        From then on, `embed` gives its own input and a channel of ones, in
        which its bias counts, and the first channels that this convolution
        expects, as many as `embed.filters`, are those instead.

        Args:
            embed: `Conv2D`, 1×1.
        """
        embed._deferred = True
        self._absorbed = Untracked(embed)

    def build(self, input_shape):
        super().build(input_shape)
        if self._absorbed is not None:
            self.input_spec = None  # It reads what the other one reads.

    @property
    def kernel_weights(self):
        return [] if self._deferred else [self._kernel]

    def make_kernel(self):
        kernel = ops.cast(self.kernel, self.compute_dtype)
        if self._absorbed is None:
            return kernel
        embed = self._absorbed.layer
        affine = _affine(embed)
        first, rest = ops.split(kernel, [embed.filters], axis=2)
        return ops.concatenate([affine @ first, rest], axis=2)

    def convolution_op(self, inputs, kernel):
        return super().convolution_op(inputs, self.current_kernel())

    def call(self, inputs):
        if self._deferred:
            ones = ops.ones_like(inputs[..., :1])
            return ops.concatenate([inputs, ones], axis=-1)
        if self.strides != (1, 1) or self.padding != "same":
            return super().call(inputs)
        bias = self.bias if self.use_bias else None
        outputs = convolve(inputs, self.current_kernel(), bias)
        return self.activation(outputs)

    def compute_output_shape(self, input_shape):
        if self._deferred:
            return (*input_shape[:-1], input_shape[-1] + 1)
        return super().compute_output_shape(input_shape)


class FoldedOutput(CachedKernel, keras.layers.Layer):
    """What an absorbed 1×1 convolution would have given.

    Args:
        embed: `Conv2D`, 1×1, which gives its input and ones.
        **kwargs: Arguments of `keras.layers.Layer`.

    Returns:
        Tensor `(batch, height, width, filters)`.
    """

    kernel_weights = ()

    def __init__(self, embed, **kwargs):
        super().__init__(dtype=embed.dtype_policy, **kwargs)
        self._embed = Untracked(embed)

    def build(self, input_shape):
        pass

    def make_kernel(self):
        return _affine(self._embed.layer)[None, None]

    def call(self, given):
        return convolve(given, self.current_kernel())


class Untracked:
    """Keeps a layer out of the weights of the one that refers to it."""

    def __init__(self, layer):
        self.layer = layer


def _affine(embed):
    """Kernel and, as its last row, bias of a 1×1 convolution."""
    dtype = embed.compute_dtype
    rows = (embed.kernel[0, 0], ops.expand_dims(embed.bias, 0))
    return ops.concatenate([ops.cast(row, dtype) for row in rows], axis=0)


def convolve(x, kernel, bias=None):
    """A 'same' convolution, fast inside a time loop.

    Args:
        x: Tensor `(batch, height, width, channels)`.
        kernel: Tensor `(kernel height, kernel width, channels, filters)`.
        bias: Tensor `(filters,)`, or None.

    Returns:
        Tensor `(batch, height, width, filters)`.
    """
    odd = all(size % 2 for size in kernel.shape[:2])
    symbolic = isinstance(x, keras.KerasTensor)
    if odd and not symbolic and keras.backend.backend() == "torch":
        return torch_convolution(x, kernel, bias)
    if odd and not symbolic and loop_gradients_are_slow():
        outputs = _convolve_by_products(x, ops.cast(kernel, x.dtype))
    else:
        outputs = ops.conv(x, kernel, padding="same")
    return outputs if bias is None else outputs + bias


@ops.custom_gradient
def _convolve_by_products(x, kernel):
    """The convolution, with a gradient that XLA has fast code for.

    Outside a loop XLA computes a convolution's gradient by a fast
    convolution; inside one, on a CPU, by a plain loop over pixels.
    """

    def gradient(upstream):
        mirrored = ops.transpose(ops.flip(kernel, axis=(0, 1)), (0, 1, 3, 2))
        return (
            ops.conv(upstream, mirrored, padding="same"),
            _kernel_gradient(x, upstream, kernel.shape),
        )

    return ops.conv(x, kernel, padding="same"), gradient


def _kernel_gradient(x, upstream, shape):
    """A matrix product for each place in the kernel."""
    rows, columns, channels, filters = shape
    batch, height, width, _ = x.shape
    margins = [(0, 0), (rows // 2,) * 2, (columns // 2,) * 2, (0, 0)]
    x = ops.pad(x, margins)
    upstream = ops.reshape(upstream, (-1, filters))
    products = [
        ops.reshape(
            x[:, row : row + height, column : column + width], (-1, channels)
        ).T
        @ upstream
        for row in range(rows)
        for column in range(columns)
    ]
    return ops.reshape(ops.stack(products), shape)
