"""What the blocks of SimVP v2 and TAU share."""

import keras
import numpy as np
from keras import ops

from msrnn_keras.backend.precision import like
from msrnn_keras.layers.drop_path import DropPath
from msrnn_keras.layers.normalization import BatchNormalization
from msrnn_keras.layers.rematerialization import rematerialized
from msrnn_keras.models import published_weights as published
from msrnn_keras.models.simvp.initializers import normal_conv, uniform_conv

SCALE = 0.01  # initial value of the layer scales


class GatedBlock(keras.layers.Layer):
    """Base class of a block of attention and a convolutional MLP.

    Both are added to their input after BatchNorm, with a scale per channel and
    stochastic depth. A 1×1 convolution follows if the width changes. A subclass
    makes the layers of its attention in `make_attention`, applies them in
    `attention` and names them in `published_attention`.

    Args:
        filters: Integer, channels of the output.
        channels: Integer, channels of the input, at which the block works.
        mlp_ratio: Float, channels in the MLP as a multiple of `channels`.
        drop_path_rate: Float in [0, 1), see `layers.drop_path.DropPath`.
        remat: None, or `"layer"` to compute the inside again in the gradient.
        **kwargs: Arguments of `keras.layers.Layer`.
    """

    def __init__(
        self,
        filters,
        channels,
        mlp_ratio=8.0,
        drop_path_rate=0.0,
        remat=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.filters, self.channels = filters, channels
        self.mlp_ratio, self.drop_path_rate = mlp_ratio, drop_path_rate
        self.remat = remat
        self.norm1 = BatchNormalization(**self.named("norm1"))
        self.make_attention(channels)
        drop = (drop_path_rate,)
        self.drop_path1 = DropPath(*drop, **self.named("drop_path1"))
        self.norm2 = BatchNormalization(**self.named("norm2"))
        hidden = int(channels * mlp_ratio)
        self.fc1 = normal_conv(channels, hidden, **self.named("fc1"))
        options = {"groups": hidden, **self.named("dwconv")}
        self.dwconv = normal_conv(hidden, hidden, 3, **options)
        self.fc2 = normal_conv(hidden, channels, **self.named("fc2"))
        self.drop_path2 = DropPath(*drop, **self.named("drop_path2"))
        self.reduction = None
        if filters != channels:
            options = self.named("reduction")
            self.reduction = uniform_conv(channels, filters, **options)

    def named(self, name):
        """Return the arguments that all layers of the block have."""
        return {"dtype": self.dtype_policy, "name": name}

    def build(self, input_shape):
        options = {"shape": (self.channels,)}
        options["initializer"] = keras.initializers.Constant(SCALE)
        # Cast where it is used, as `remat` needs it.
        options["autocast"] = False
        self.layer_scale_1 = self.add_weight(name="layer_scale_1", **options)
        self.layer_scale_2 = self.add_weight(name="layer_scale_2", **options)
        inside = (*input_shape[:-1], self.fc1.filters)
        for layer in (self.norm1, self.norm2, self.fc1, self.reduction):
            if layer is not None:
                layer.build(input_shape)
        self.build_attention(input_shape)
        self.dwconv.build(inside)
        self.fc2.build(inside)

    def call(self, x, training=None):
        # What draws and what changes a variable stays outside of `remat`.
        drops = (self.drop_path1, self.drop_path2)
        factors = [drop.factors(x, training) for drop in drops]
        given = [factor for factor in factors if factor is not None]

        def apply(x, *given):
            given = iter(given)
            drawn = (None if f is None else next(given) for f in factors)
            return self._apply(x, training, *drawn)

        if training and self.remat:
            results = rematerialized(self, apply, x, *given)
        else:
            results = apply(x, *given)
        y, mean1, variance1, mean2, variance2 = results
        if training:
            self.norm1.update(x, mean1, variance1)
            self.norm2.update(x, mean2, variance2)
        return y

    def _apply(self, x, training, factor1, factor2):
        """Return the output and the statistics of both norms."""
        u, *statistics = self.norm1.normalize(x, training)
        branch = self.attention(u) * like(self.layer_scale_1, u)
        x = x + (branch if factor1 is None else branch * factor1)
        u, *more = self.norm2.normalize(x, training)
        branch = self.mlp(u) * like(self.layer_scale_2, u)
        x = x + (branch if factor2 is None else branch * factor2)
        if self.reduction is not None:
            x = self.reduction(x)
        return (x, *statistics, *more)

    def mlp(self, u):
        """Return the convolutional MLP of a normalized map."""
        x = self.dwconv(self.fc1(u))
        return self.fc2(ops.gelu(x, approximate=False))

    def make_attention(self, channels):
        """Make the layers of the attention."""
        raise NotImplementedError

    def build_attention(self, input_shape):
        """Build the layers of the attention."""
        raise NotImplementedError

    def attention(self, u):
        """Return the attention of a normalized map, its shortcut included."""
        raise NotImplementedError

    def published_attention(self, name):
        """Return the attention's weights by their published names."""
        raise NotImplementedError

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.filters)

    def get_config(self):
        names = "filters channels mlp_ratio drop_path_rate remat".split()
        options = {name: getattr(self, name) for name in names}
        return {**super().get_config(), **options}

    def published_weights(self, name):
        """Return the weights by their published names."""
        block, mlp = f"{name}.block", f"{name}.block.mlp"
        weights = {
            f"{block}.layer_scale_1": published.weight(self.layer_scale_1),
            f"{block}.layer_scale_2": published.weight(self.layer_scale_2),
            **published.normalization(f"{block}.norm1", self.norm1),
            **self.published_attention(f"{block}.attn"),
            **published.normalization(f"{block}.norm2", self.norm2),
            **published.convolution(f"{mlp}.fc1", self.fc1),
            **published.convolution(f"{mlp}.dwconv.dwconv", self.dwconv),
            **published.convolution(f"{mlp}.fc2", self.fc2),
        }
        if self.reduction is not None:
            name = f"{name}.reduction"
            weights |= published.convolution(name, self.reduction)
        return weights


def apply_blocks(x, settings, block):
    """Apply blocks of a class in turn; see `translators.Translator`."""
    width, count = x.shape[-1], settings.blocks
    rates = np.linspace(0.01, settings.drop_path_rate, count).tolist()
    blocks = {}
    for index, rate in enumerate(rates):
        filters = width if index == count - 1 else settings.filters
        layer = block(
            filters,
            x.shape[-1],
            settings.mlp_ratio,
            rate,
            name=f"translator_{index}",
            **settings.options,
        )
        blocks[f"enc.{index}"] = layer
        x = layer(x)
    return x, blocks
