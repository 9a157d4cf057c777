"""The translator of TAU: a temporal attention unit, and its loss."""

import keras
from keras import ops

from msrnn_keras.backend.precision import at_least_float32
from msrnn_keras.models import published_weights as published
from msrnn_keras.models.simvp.gated_block import GatedBlock, apply_blocks
from msrnn_keras.models.simvp.gsta import large_kernel
from msrnn_keras.models.simvp.initializers import limit, uniform, uniform_conv

TEMPERATURE = 0.1


@keras.saving.register_keras_serializable(package="msrnn_keras")
class TAUBlock(GatedBlock):
    """A block with attention over space and over channels, which hold time.

    With u the normalized input and `a = GELU(proj_1(u))`,
    `attention(u) = u + proj_2(s f a)`: f is a large-kernel convolution of a,
    s a number for each channel from the mean of a.

    Reference:
        TAU, 2023, arXiv:2206.12126.
    """

    def make_attention(self, channels):
        self.proj_1 = uniform_conv(channels, channels, **self.named("proj_1"))
        large_kernel(self, uniform_conv, channels)
        options = self.named("conv1")
        self.conv1 = uniform_conv(channels, channels, **options)
        few = channels // max(channels // 16, 4)
        self.squeeze = self._dense(channels, few, "relu", "squeeze")
        self.excite = self._dense(few, channels, "sigmoid", "excite")
        self.proj_2 = uniform_conv(channels, channels, **self.named("proj_2"))

    def _dense(self, channels, filters, activation, name):
        """Return a linear map without bias, and its activation."""
        initial = uniform(limit(channels))["kernel_initializer"]
        options = {"use_bias": False, "kernel_initializer": initial}
        options |= self.named(name)
        return keras.layers.Dense(filters, activation, **options)

    def build_attention(self, input_shape):
        for name in ("proj_1", "conv0", "conv_spatial", "conv1", "proj_2"):
            getattr(self, name).build(input_shape)
        self.squeeze.build((input_shape[0], self.channels))
        self.excite.build((input_shape[0], self.squeeze.units))

    def attention(self, u):
        a = ops.gelu(self.proj_1(u), approximate=False)
        f = self.conv1(self.conv_spatial(self.conv0(a)))
        s = self.excite(self.squeeze(ops.mean(a, axis=(1, 2))))
        return u + self.proj_2(s[:, None, None] * f * a)

    def published_attention(self, name):
        unit = f"{name}.spatial_gating_unit"
        weights = published.convolution(f"{name}.proj_1", self.proj_1)
        for own, layer in (
            ("conv0", self.conv0),
            ("conv_spatial", self.conv_spatial),
            ("conv1", self.conv1),
            ("fc.0", self.squeeze),
            ("fc.2", self.excite),
        ):
            weights |= published.convolution(f"{unit}.{own}", layer)
        return weights | published.convolution(f"{name}.proj_2", self.proj_2)


def tau(x, settings):
    """Apply the blocks to a map; see `translators.Translator`."""
    return apply_blocks(x, settings, TAUBlock)


def divergence(y_true, y_pred):
    """Return TAU's differential divergence of two clips.

    It compares how the differences of successive frames are distributed over
    the pixels: the mean of p log(p / q) over batch, differences, pixels and
    channels, with softmaxes p of the prediction and q of the truth.
    Differences with a missing pixel (NaN in `y_true`) do not count.

    Args:
        y_true: Tensor `(batch, time, height, width, channels)`.
        y_pred: Tensor of the same shape.

    Returns:
        Scalar tensor; zero for two frames or fewer.
    """
    y_pred = ops.convert_to_tensor(y_pred)
    y_pred = ops.cast(y_pred, at_least_float32(y_pred))
    if y_pred.shape[1] <= 2:
        return ops.zeros((), y_pred.dtype)
    y_true = ops.convert_to_tensor(y_true, dtype=y_pred.dtype)
    y_true = ops.stop_gradient(y_true)
    truth, prediction = (y[:, 1:] - y[:, :-1] for y in (y_true, y_pred))
    missing = ops.isnan(truth)
    p, q = (
        _distribution(ops.where(missing, ops.zeros_like(x), x), missing)
        for x in (prediction, truth)
    )
    return ops.mean(p * ops.log(p / (q + 1e-12) + 1e-12))


def _distribution(differences, missing):
    """Return the softmax over pixels and channels that are not missing."""
    scores = ops.where(missing, -1e9, differences / TEMPERATURE)
    batch, time, height, width, channels = ops.shape(scores)
    shape = (batch, time, height * width * channels)
    return ops.softmax(ops.reshape(scores, shape), axis=-1)
