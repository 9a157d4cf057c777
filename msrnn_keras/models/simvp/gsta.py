"""The translator of SimVP v2: gated spatiotemporal attention."""

import keras
from keras import ops

from msrnn_keras.models import published_weights as published
from msrnn_keras.models.simvp.gated_block import GatedBlock, apply_blocks
from msrnn_keras.models.simvp.initializers import normal_conv


def large_kernel(block, conv, channels):
    """Make two depthwise convolutions that together see 23×23 pixels."""
    sizes, own = (channels, channels), {"groups": channels}
    options = {**own, **block.named("conv0")}
    block.conv0 = conv(*sizes, 5, **options)
    options = {**own, **block.named("conv_spatial")}
    block.conv_spatial = conv(*sizes, 7, dilation_rate=3, **options)


@keras.saving.register_keras_serializable(package="msrnn_keras")
class GSTABlock(GatedBlock):
    """A block whose large-kernel convolution gates itself.

    With u the normalized input, `attention(u) = u + proj_2(σ(g) f)`, where f
    and g are the halves of a 1×1 convolution of the large-kernel convolution
    of `GELU(proj_1(u))`.

    Reference:
        SimVP v2, 2022, arXiv:2211.12509.
    """

    def make_attention(self, channels):
        self.proj_1 = normal_conv(channels, channels, **self.named("proj_1"))
        large_kernel(self, normal_conv, channels)
        options = self.named("conv1")
        self.conv1 = normal_conv(channels, 2 * channels, **options)
        self.proj_2 = normal_conv(channels, channels, **self.named("proj_2"))

    def build_attention(self, input_shape):
        for name in ("proj_1", "conv0", "conv_spatial", "conv1", "proj_2"):
            getattr(self, name).build(input_shape)

    def attention(self, u):
        a = ops.gelu(self.proj_1(u), approximate=False)
        gates = self.conv1(self.conv_spatial(self.conv0(a)))
        f, g = ops.split(gates, 2, axis=-1)
        return u + self.proj_2(ops.sigmoid(g) * f)

    def published_attention(self, name):
        unit = f"{name}.spatial_gating_unit"
        weights = published.convolution(f"{name}.proj_1", self.proj_1)
        for own in ("conv0", "conv_spatial", "conv1"):
            layer = getattr(self, own)
            weights |= published.convolution(f"{unit}.{own}", layer)
        return weights | published.convolution(f"{name}.proj_2", self.proj_2)


def gsta(x, settings):
    """Apply the blocks to a map; see `translators.Translator`."""
    return apply_blocks(x, settings, GSTABlock)
