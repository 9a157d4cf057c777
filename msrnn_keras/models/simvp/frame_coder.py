"""The encoder and the decoder of single frames."""

import keras
from keras import ops

from msrnn_keras.layers.grouped_conv import GroupedConv2D
from msrnn_keras.layers.normalization import GroupNormalization
from msrnn_keras.layers.rematerialization import rematerialized
from msrnn_keras.layers.space_depth import DepthToSpace
from msrnn_keras.models import published_weights as published
from msrnn_keras.models.simvp import initializers

SLOPE = 0.2  # of LeakyReLU


@keras.saving.register_keras_serializable(package="msrnn_keras")
class ConvSC(keras.layers.Layer):
    """A convolution that keeps, halves or doubles the size of a map.

    GroupNorm with 2 groups and an activation follow. The SiLU of OpenSTL's
    code comes with a pixel shuffle to double the size; the LeakyReLU of the
    first published code with a transposed convolution.

    Args:
        filters: Integer, even, channels of the output.
        channels: Integer, channels of the input.
        kernel_size: Integer, odd, pixels.
        resize: String: `"keep"`, `"down"` or `"up"`.
        original: Boolean, whether it is that of the first published code.
        remat: None, or `"layer"` to compute the inside again in the gradient.
        **kwargs: Arguments of `keras.layers.Layer`.
    """

    def __init__(
        self,
        filters,
        channels,
        kernel_size=3,
        resize="keep",
        original=False,
        remat=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.filters, self.channels = filters, channels
        self.kernel_size, self.resize = kernel_size, resize
        self.original, self.remat = original, remat
        policy = {"dtype": self.dtype_policy, "name": "conv"}
        if original:
            fan_in = (channels, kernel_size)
            options = initializers.uniform(initializers.limit(*fan_in))
        else:
            normal = keras.initializers.RandomNormal(stddev=0.02)
            options = {"kernel_initializer": normal}
        self._shuffle = None
        if resize == "up" and original:
            self.conv = keras.layers.Conv2DTranspose(
                filters, kernel_size, strides=2, **options, **policy
            )
        else:
            count = 4 * filters if resize == "up" else filters
            strides = 2 if resize == "down" else 1
            sizes = (count, kernel_size)
            self.conv = GroupedConv2D(
                *sizes, strides=strides, **options, **policy
            )
            if resize == "up":
                self._shuffle = DepthToSpace(2, dtype=self.dtype_policy)
        policy["name"] = "norm"
        self.norm = GroupNormalization(2, **policy)

    def build(self, input_shape):
        self.conv.build(input_shape)
        if self._shuffle is not None:
            self._shuffle.build(self.conv.compute_output_shape(input_shape))
        self.norm.build(self.compute_output_shape(input_shape))

    def call(self, x, training=None):
        if training and self.remat:
            (x,) = rematerialized(self, lambda x: (self._apply(x),), x)
            return x
        return self._apply(x)

    def _apply(self, x):
        y = self.conv(x)
        if self._shuffle is not None:
            y = self._shuffle(y)
        elif self.resize == "up":
            # As PyTorch crops it with padding k // 2 and output padding 1.
            _, height, width, _ = ops.shape(x)
            first = self.kernel_size // 2
            rows = slice(first, first + 2 * height)
            y = y[:, rows, first : first + 2 * width]
        y = self.norm(y)
        return ops.leaky_relu(y, SLOPE) if self.original else ops.silu(y)

    def compute_output_shape(self, input_shape):
        batch, *size, _ = input_shape
        resized = {
            "keep": lambda n: n,
            "down": lambda n: -(-n // 2),
            "up": lambda n: 2 * n,
        }[self.resize]
        return (batch, *(n and resized(n) for n in size), self.filters)

    def get_config(self):
        names = "filters channels kernel_size resize original remat".split()
        options = {name: getattr(self, name) for name in names}
        return {**super().get_config(), **options}

    def published_weights(self, name):
        """Return the weights by their published names."""
        shuffled = self._shuffle is not None
        conv = f"{name}.conv.conv" + (".0" if shuffled else "")
        return published.convolution(
            conv, self.conv, 4 if shuffled else 1
        ) | published.normalization(f"{name}.conv.norm", self.norm)


class FrameCoder:
    """The layers of the encoder and the decoder.

    Args:
        channels: Integer, channels of what the encoder reads.
        filters: Integer, channels of the maps.
        layers: Integer, layers of each; every second one resizes.
        encoder_kernel_size, decoder_kernel_size: Integers, pixels.
        original: Boolean, see `ConvSC`.
        **options: Further arguments of all layers.
    """

    def __init__(
        self,
        channels,
        filters,
        layers,
        encoder_kernel_size,
        decoder_kernel_size,
        original,
        **options,
    ):
        layers -= 0 if original else layers % 2
        self.original, options["original"] = original, original
        self.encoder = [
            ConvSC(
                filters,
                filters if index else channels,
                encoder_kernel_size,
                "down" if index % 2 else "keep",
                name=f"encoder_{index}",
                **options,
            )
            for index in range(layers)
        ]
        # The decoder resizes in the reversed order.
        self.decoder = [
            ConvSC(
                filters,
                2 * filters if original and index == layers - 1 else filters,
                decoder_kernel_size,
                "up" if (layers - 1 - index) % 2 else "keep",
                name=f"decoder_{index}",
                **options,
            )
            for index in range(layers)
        ]

    def encode(self, x):
        """Return the latent map and the skip, the output of the first layer."""
        x = skip = self.encoder[0](x)
        for layer in self.encoder[1:]:
            x = layer(x)
        return x, skip

    def decode(self, x, skip):
        """Return the map from which the next frame is read."""
        for layer in self.decoder[:-1]:
            x = layer(x)
        options = {"name": "skip", "dtype": self.encoder[0].dtype_policy}
        join = (
            keras.layers.Concatenate if self.original else keras.layers.Add
        )(**options)
        return self.decoder[-1](join([x, skip]))
