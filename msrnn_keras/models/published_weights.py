"""The names that published PyTorch code gives to the weights of a model."""

from typing import Any, NamedTuple

import numpy as np
from keras import ops

# From our order of the axes to PyTorch's, by the number of axes.
AXES = {1: (0,), 2: (1, 0), 4: (3, 2, 0, 1), 5: (4, 3, 0, 1, 2)}


class PublishedWeight(NamedTuple):
    """A weight of a model, and how the published code stores it."""

    variable: Any = None  # None is a counter, which is not used
    axes: tuple = ()  # the axes in the published order
    blocks: int = 1  # the published code has the channels of blocks in turn

    def to_published(self):
        """Return the array of a published file."""
        if self.variable is None:
            return np.zeros((), "int64")
        value = np.asarray(ops.convert_to_numpy(self.variable), "float32")
        value = value.transpose(self.axes)
        return self._regrouped(value, self.blocks)

    def from_published(self, array):
        """Return the value of the variable for an array of a file."""
        count = len(array) // self.blocks if self.blocks > 1 else 1
        array = self._regrouped(array, count)
        return array.transpose(np.argsort(self.axes))

    @property
    def shape(self):
        """The shape of the published array."""
        if self.variable is None:
            return ()
        return tuple(self.variable.shape[axis] for axis in self.axes)

    def _regrouped(self, array, blocks):
        """Turn blocks of channels into channels of blocks."""
        if self.blocks == 1:
            return array
        parts = array.reshape(blocks, -1, *array.shape[1:])
        return parts.swapaxes(0, 1).reshape(array.shape)


def weight(variable, blocks=1):
    """Return a `PublishedWeight` in the order that PyTorch has by default."""
    return PublishedWeight(variable, AXES[len(variable.shape)], blocks)


def convolution(name, layer, blocks=1):
    """Return the weights of a convolution or a dense layer."""
    weights = {f"{name}.weight": weight(layer.kernel, blocks)}
    if layer.use_bias:
        weights[f"{name}.bias"] = weight(layer.bias, blocks)
    return weights


def normalization(name, layer):
    """Return the weights and statistics of a normalization layer."""
    weights = {
        f"{name}.weight": weight(layer.gamma),
        f"{name}.bias": weight(layer.beta),
    }
    if hasattr(layer, "moving_mean"):
        weights |= {
            f"{name}.running_mean": weight(layer.moving_mean),
            f"{name}.running_var": weight(layer.moving_variance),
            f"{name}.num_batches_tracked": PublishedWeight(),
        }
    return weights
