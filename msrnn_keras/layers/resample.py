"""Resampling of feature maps between scales."""

import functools

import keras
from keras import ops

from msrnn_keras.layers.linear import Linear


@keras.saving.register_keras_serializable(package="msrnn_keras")
class Resample(keras.layers.Layer):
    """Brings a feature map from one scale to another.

    Down by max pooling with a window and stride of the factor; up by
    bilinear interpolation (half-pixel centres, edges clamped). The
    interpolation is written as the few shifted sums that an integer factor
    needs, which are exact, work on maps of any size and are cheaper than a
    general resize.

    Args:
        source: Integer, scale of the input: 2 is half the frame's size.
        target: Integer, scale of the output. One of the two must divide the
            other.
        **kwargs: Arguments of `keras.layers.Layer`.

    Returns:
        Tensor `(batch, height·source/target, width·source/target, channels)`.

    Raises:
        ValueError: If neither scale divides the other.

    Example:
    >>> Resample(2, 1)(keras.ops.zeros((1, 8, 8, 3))).shape
    (1, 16, 16, 3)
    """

    def __init__(self, source, target, **kwargs):
        super().__init__(**kwargs)
        if source % target and target % source:
            raise ValueError(
                "One scale must divide the other. Received: "
                f"source={source}, target={target}"
            )
        self.source = source
        self.target = target

    def build(self, input_shape):
        pass

    def call(self, x):
        if self.target > self.source:
            factor = self.target // self.source
            return ops.max_pool(x, factor, factor, padding="valid")
        factor = self.source // self.target
        if factor == 1:
            return x
        return _interpolate(_interpolate(x, factor, axis=1), factor, axis=2)

    def compute_output_shape(self, input_shape):
        batch, height, width, channels = input_shape
        size = [
            None if n is None else n * self.source // self.target
            for n in (height, width)
        ]
        return (batch, *size, channels)

    def get_config(self):
        return {
            **super().get_config(),
            "source": self.source,
            "target": self.target,
        }


def _interpolate(x, factor, axis):
    """Linear interpolation to `factor` times the length along `axis`."""
    interpolation = Linear(
        functools.partial(_spread, factor=factor, axis=axis),
        functools.partial(_gather, factor=factor, axis=axis),
    )
    return interpolation(x)


def _phases(factor):
    """Offset and weight of the neighbour of each output pixel.

    Output pixel j lies at (j + 0.5) / factor - 0.5 of the input, so all
    pixels of one phase j mod factor share the two weights.
    """
    positions = [(phase + 0.5) / factor - 0.5 for phase in range(factor)]
    return [(1 if p >= 0 else -1, abs(p)) for p in positions]


def _along(x, axis, start, stop):
    return x[(slice(None),) * axis + (slice(start, stop),)]


def _spread(x, factor, axis):
    """The interpolation itself."""
    first, last = _along(x, axis, 0, 1), _along(x, axis, -1, None)
    neighbours = {
        -1: ops.concatenate([first, _along(x, axis, 0, -1)], axis=axis),
        1: ops.concatenate([_along(x, axis, 1, None), last], axis=axis),
    }
    phases = [
        (1 - weight) * x + weight * neighbours[offset]
        for offset, weight in _phases(factor)
    ]
    shape = list(ops.shape(x))
    shape[axis] = shape[axis] * factor
    return ops.reshape(ops.stack(phases, axis=axis + 1), shape)


def _gather(y, factor, axis):
    """The transpose: each input pixel's share of the output pixels."""
    shape = list(ops.shape(y))
    shape[axis : axis + 1] = [shape[axis] // factor, factor]
    phases = ops.unstack(ops.reshape(y, shape), factor, axis=axis + 1)
    pairs = list(zip(phases, _phases(factor), strict=True))
    x = sum((1 - weight) * phase for phase, (_, weight) in pairs)
    for side in (-1, 1):
        shares = [w * phase for phase, (offset, w) in pairs if offset == side]
        if shares:
            x = x + _shifted(sum(shares), side, axis)
    return x


def _shifted(x, side, axis):
    """Each pixel to its neighbour; that of the edge stays there."""
    none = ops.zeros_like(_along(x, axis, 0, 1))
    if side == -1:
        x = ops.concatenate([x, none], axis=axis)
        edge = _along(x, axis, 0, 1) + _along(x, axis, 1, 2)
        return ops.concatenate([edge, _along(x, axis, 2, None)], axis=axis)
    x = ops.concatenate([none, x], axis=axis)
    edge = _along(x, axis, -2, -1) + _along(x, axis, -1, None)
    return ops.concatenate([_along(x, axis, 0, -2), edge], axis=axis)
