"""Resampling of feature maps between scales."""

import functools
from typing import Any

import keras
from keras import ops

from msrnn_keras.layers.linear import Linear
from msrnn_keras.utils.typing import Config, Shape, Tensor


@keras.saving.register_keras_serializable(package="msrnn_keras")
class Resample(keras.layers.Layer):
    """A layer that resamples a feature map from one scale to another.

    It downsamples by max pooling and upsamples by bilinear interpolation
    (half-pixel centers, edges clamped). The scale 2 is half the frame's size.
    One of `source` and `target` must divide the other.

    Example:
    >>> Resample(source=2, target=1)(keras.ops.zeros((1, 8, 8, 3))).shape
    (1, 16, 16, 3)
    """

    def __init__(self, source: int, target: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if source % target and target % source:
            raise ValueError(
                "One scale must divide the other. Received: "
                f"source={source}, target={target}"
            )
        self.source, self.target = source, target

    def call(self, x: Tensor) -> Any:
        if self.target > self.source:
            factor = self.target // self.source
            return ops.max_pool(x, factor, factor, padding="valid")
        factor = self.source // self.target
        if factor == 1:
            return x
        return _interpolate(_interpolate(x, factor, axis=1), factor, axis=2)

    def compute_output_shape(self, input_shape: Shape) -> Any:
        batch, height, width, channels = input_shape
        size = [n and n * self.source // self.target for n in (height, width)]
        return (batch, *size, channels)

    def get_config(self) -> Config:
        config = {"source": self.source, "target": self.target}
        return {**super().get_config(), **config}


def _interpolate(x, factor, axis):
    """Interpolate to `factor` times the length along `axis`."""
    options = {"factor": factor, "axis": axis}
    spread = functools.partial(_spread, **options)
    return Linear(spread, functools.partial(_gather, **options))(x)


def _phases(factor):
    """Return offset and weight of the neighbor per output mod `factor`."""
    positions = [(phase + 0.5) / factor - 0.5 for phase in range(factor)]
    return [(1 if p >= 0 else -1, abs(p)) for p in positions]


def _along(x, axis, start, stop):
    """Return a slice along an axis."""
    return x[(slice(None),) * axis + (slice(start, stop),)]


def _spread(x, factor, axis):
    """Return the interpolated map."""
    first, last = _along(x, axis, 0, 1), _along(x, axis, -1, None)
    neighbors = {
        -1: ops.concatenate([first, _along(x, axis, 0, -1)], axis=axis),
        1: ops.concatenate([_along(x, axis, 1, None), last], axis=axis),
    }
    phases = [
        (1 - weight) * x + weight * neighbors[offset]
        for offset, weight in _phases(factor)
    ]
    shape = list(ops.shape(x))
    shape[axis] = shape[axis] * factor
    return ops.reshape(ops.stack(phases, axis=axis + 1), shape)


def _gather(y, factor, axis):
    """Return the transpose of `_spread`."""
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
    """Shift a map by one pixel; the pixel at the edge is added there."""
    none = ops.zeros_like(_along(x, axis, 0, 1))
    if side == -1:
        x = ops.concatenate([x, none], axis=axis)
        edge = _along(x, axis, 0, 1) + _along(x, axis, 1, 2)
        return ops.concatenate([edge, _along(x, axis, 2, None)], axis=axis)
    x = ops.concatenate([none, x], axis=axis)
    edge = _along(x, axis, -2, -1) + _along(x, axis, -1, None)
    return ops.concatenate([_along(x, axis, 0, -2), edge], axis=axis)
