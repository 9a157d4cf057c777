"""The translator of SimVP v1: a U-net of inception blocks."""

import keras
from keras import ops

from msrnn_keras.layers.normalization import GroupNormalization
from msrnn_keras.layers.rematerialization import rematerialized
from msrnn_keras.models import published_weights as published
from msrnn_keras.models.simvp.initializers import uniform_conv

SLOPE = 0.2  # of LeakyReLU


@keras.saving.register_keras_serializable(package="msrnn_keras")
class InceptionBlock(keras.layers.Layer):
    """A 1×1 convolution, then a sum of convolutions of several sizes.

    GroupNorm and LeakyReLU follow each of the parallel convolutions.

    Args:
        filters: Integer, channels of the output.
        channels: Integer, channels of the input.
        hidden: Integer, channels between the convolutions.
        kernel_sizes: Tuple of odd integers, pixels.
        groups: Integer, groups of convolutions and norms if it divides
            `hidden`, else there is one group.
        remat: None, or `"layer"` to compute the inside again in the gradient.
        **kwargs: Arguments of `keras.layers.Layer`.

    Raises:
        ValueError: If the groups do not divide `filters`.

    Reference:
        SimVP, 2022, arXiv:2206.05099.
    """

    def __init__(
        self,
        filters,
        channels,
        hidden,
        kernel_sizes=(3, 5, 7, 11),
        groups=8,
        remat=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.filters, self.channels, self.hidden = filters, channels, hidden
        self.kernel_sizes, self.groups = tuple(kernel_sizes), groups
        self.remat = remat
        used = groups if hidden % groups == 0 else 1
        if filters % used:
            raise ValueError(
                f"The {used} groups of the inception blocks must divide "
                "`translator_filters` and `context * filters`. "
                f"Received: {filters}"
            )
        policy = {"dtype": self.dtype_policy}
        self.conv1 = uniform_conv(channels, hidden, name="conv1", **policy)
        self.convs = [
            uniform_conv(
                hidden,
                filters,
                size,
                groups=used,
                name=f"conv_{index}",
                **policy,
            )
            for index, size in enumerate(self.kernel_sizes)
        ]
        self.norms = [
            GroupNormalization(used, name=f"norm_{index}", **policy)
            for index in range(len(self.kernel_sizes))
        ]

    def build(self, input_shape):
        self.conv1.build(input_shape)
        inside = (*input_shape[:-1], self.hidden)
        for conv, norm in zip(self.convs, self.norms, strict=True):
            conv.build(inside)
            norm.build((*input_shape[:-1], self.filters))

    def call(self, x, training=None):
        if training and self.remat:
            (x,) = rematerialized(self, lambda x: (self._apply(x),), x)
            return x
        return self._apply(x)

    def _apply(self, x):
        x = self.conv1(x)
        branches = zip(self.convs, self.norms, strict=True)
        return sum(
            ops.leaky_relu(norm(conv(x)), SLOPE) for conv, norm in branches
        )

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.filters)

    def get_config(self):
        names = "filters channels hidden kernel_sizes groups remat".split()
        options = {name: getattr(self, name) for name in names}
        return {**super().get_config(), **options}

    def published_weights(self, name):
        """Return the weights by their published names."""
        weights = published.convolution(f"{name}.conv1", self.conv1)
        for index, conv in enumerate(self.convs):
            own, norm = f"{name}.layers.{index}", self.norms[index]
            weights |= published.convolution(f"{own}.conv", conv)
            weights |= published.normalization(f"{own}.norm", norm)
        return weights


def inception(x, settings):
    """Apply the U-net to a map; see `translators.Translator`."""
    count, depth = settings.filters, settings.blocks

    def apply(name, x, filters=count):
        block = InceptionBlock(
            filters,
            x.shape[-1],
            count // 2,
            settings.inception_kernel_sizes,
            settings.inception_groups,
            name=name,
            **settings.options,
        )
        blocks.append(block)
        return block(x)

    blocks, skips, width = [], [], x.shape[-1]
    for index in range(depth):
        x = apply(f"translator_encoder_{index}", x)
        skips.append(x)
    x = apply("translator_decoder_0", skips.pop())
    for index in range(1, depth):
        options = {"name": f"translator_skip_{index}"}
        options["dtype"] = blocks[0].dtype_policy
        x = keras.layers.Concatenate(**options)([x, skips.pop()])
        filters = width if index == depth - 1 else count
        x = apply(f"translator_decoder_{index}", x, filters)
    names = [f"{part}.{i}" for part in ("enc", "dec") for i in range(depth)]
    return x, dict(zip(names, blocks, strict=True))
