"""Convolutions that are fast inside a time loop."""

from typing import Any

import keras
from keras import ops

from msrnn_keras.backend.compiled_step import torch_convolution
from msrnn_keras.backend.xla import loop_gradients_are_slow
from msrnn_keras.layers.kernels import CachedKernel
from msrnn_keras.utils.typing import Shape, Tensor


@keras.saving.register_keras_serializable(package="msrnn_keras")
class Conv2D(CachedKernel, keras.layers.Conv2D):
    """Keras' 2D convolution, with the same arguments, faster in a time loop.

    On JAX without an accelerator the gradient is computed by matrix products,
    which stay fast inside a loop. On PyTorch no map is copied into another
    memory layout. `layers.folding` can merge a 1×1 convolution into it.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._deferred = False
        self._embed = None

    def defer(self) -> None:
        """Return the input and ones (for the bias) from now on."""
        self._deferred = True

    def fold_pointwise(self, embed: keras.layers.Layer) -> None:
        """Apply a deferred 1×1 convolution as part of this one."""
        self._embed = Untracked(embed)
        self.input_spec = None  # it reads the input of `embed`

    @property
    def kernel_weights(self) -> list[Any]:
        return [] if self._deferred else [self._kernel]

    def make_kernel(self) -> Tensor:
        kernel = ops.cast(self.kernel, self.compute_dtype)
        if self._embed is None:
            return kernel
        embed = self._embed.layer
        first, rest = ops.split(kernel, [embed.filters], axis=2)
        return ops.concatenate([_affine(embed) @ first, rest], axis=2)

    @property
    def can_fold(self) -> bool:
        """Whether `fold_pointwise` may be called."""
        return self.groups == 1 and not self._deferred

    @property
    def _is_plain(self):
        once = self.strides == self.dilation_rate == (1, 1)
        return once and self.groups == 1 and self.padding == "same"

    def convolution_op(self, inputs: Tensor, kernel: Tensor) -> Tensor:
        return super().convolution_op(inputs, self.current_kernel())

    def call(self, inputs: Tensor) -> Any:
        if self._deferred:
            ones = ops.ones_like(inputs[..., :1])
            return ops.concatenate([inputs, ones], axis=-1)
        if not self._is_plain:
            return super().call(inputs)
        bias = self.bias if self.use_bias else None
        outputs = convolve(inputs, self.current_kernel(), bias)
        return self.activation(outputs)

    def compute_output_shape(self, input_shape: Shape) -> Any:
        if self._deferred:
            return (*input_shape[:-1], input_shape[-1] + 1)
        return super().compute_output_shape(input_shape)


class FoldableIdentity(CachedKernel, keras.layers.Layer):
    """The identity, into which a 1×1 convolution can be folded."""

    kernel_weights = ()
    can_fold = True
    _embed = None

    def fold_pointwise(self, embed):
        """Apply a deferred 1×1 convolution to the input."""
        self._embed = Untracked(embed)

    @property
    def has_kernel(self):
        return self._embed is not None

    def make_kernel(self):
        return _affine(self._embed.layer)[None, None]

    def call(self, inputs):
        if self._embed is None:
            return inputs
        return convolve(inputs, self.current_kernel())


class Untracked:
    """A reference to a layer whose weights Keras does not track."""

    def __init__(self, layer):
        self.layer = layer


def with_new_seeds(options):
    """Return arguments with clones of initializers, for different weights."""
    return {
        name: value.clone() if isinstance(value, keras.Initializer) else value
        for name, value in options.items()
    }


def _affine(embed):
    """Return kernel and, as the last row, bias of a 1×1 convolution."""
    dtype = embed.compute_dtype
    rows = (embed.kernel[0, 0], ops.expand_dims(embed.bias, 0))
    return ops.concatenate([ops.cast(row, dtype) for row in rows], axis=0)


def convolve(x, kernel, bias=None):
    """Return a 'same' convolution of `(batch, height, width, channels)`."""
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
    """Convolve with a gradient that XLA computes fast in a loop on a CPU."""

    def gradient(upstream):
        mirrored = ops.transpose(ops.flip(kernel, axis=(0, 1)), (0, 1, 3, 2))
        return (
            ops.conv(upstream, mirrored, padding="same"),
            _kernel_gradient(x, upstream, kernel.shape),
        )

    return ops.conv(x, kernel, padding="same"), gradient


def _kernel_gradient(x, upstream, shape):
    """Return a matrix product for each place in the kernel."""
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
