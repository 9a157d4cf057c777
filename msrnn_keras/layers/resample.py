"""Resampling of feature maps between scales."""

import keras
from keras import ops


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
    """Linear interpolation to `factor` times the length along `axis`.

    Output pixel j lies at (j + 0.5) / factor - 0.5 of the input, so all
    pixels of one phase j mod factor share the two weights.
    """

    def along(start, stop):
        return x[(slice(None),) * axis + (slice(start, stop),)]

    previous = ops.concatenate([along(0, 1), along(0, -1)], axis=axis)
    following = ops.concatenate([along(1, None), along(-1, None)], axis=axis)
    phases = []
    for phase in range(factor):
        position = (phase + 0.5) / factor - 0.5
        neighbour = following if position >= 0 else previous
        weight = abs(position)
        phases.append((1 - weight) * x + weight * neighbour)
    shape = list(ops.shape(x))
    shape[axis] = shape[axis] * factor
    return ops.reshape(ops.stack(phases, axis=axis + 1), shape)
