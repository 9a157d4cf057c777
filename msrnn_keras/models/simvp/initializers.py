"""Convolutions with the initial weights of the published code."""

import math

import keras

from msrnn_keras.layers.grouped_conv import GroupedConv2D


def limit(channels, kernel_size=1, groups=1):
    """Return 1 / √(fan-in), the limit of PyTorch's uniform initial weights."""
    return math.sqrt(groups / (channels * kernel_size**2))


def uniform(limit):
    """Return arguments of a layer: all weights uniform within ±limit."""
    return {
        f"{kind}_initializer": keras.initializers.RandomUniform(-limit, limit)
        for kind in ("kernel", "bias")
    }


def uniform_conv(channels, filters, kernel_size=1, **options):
    """Return a convolution of `channels` with PyTorch's initial weights."""
    own = uniform(limit(channels, kernel_size, options.get("groups", 1)))
    return GroupedConv2D(filters, kernel_size, **own, **options)


def normal_conv(channels, filters, kernel_size=1, **options):
    """Return a convolution whose kernel has variance 2 / fan-out."""
    fan_out = kernel_size**2 * filters / options.get("groups", 1)
    normal = keras.initializers.RandomNormal(stddev=math.sqrt(2 / fan_out))
    return GroupedConv2D(
        filters, kernel_size, kernel_initializer=normal, **options
    )
