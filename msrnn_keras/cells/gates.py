"""Formulas that several cells share."""

from typing import NamedTuple

from keras import ops

from msrnn_keras.backend.precision import like, tanh


class CheckpointBlock(NamedTuple):
    """A weight of a checkpoint whose output channels are equal blocks."""

    name: str  # as in `ConvRNNCell.checkpoint_names`
    count: int = 1  # blocks in the checkpoint
    dropped: tuple = ()  # indices of blocks that the cell does not have


def lerp(share, a, b):
    """Return `share * a + (1 - share) * b` in the dtype of `b`."""
    # In this form the gradient keeps fewer maps.
    return b + like(share, b) * (like(a, b) - b)


def forget_and_add(memory, forget, delta):
    """Return `sigmoid(forget) * memory + delta` in the dtype of `memory`."""
    # Cast before the sigmoid: half precision has no 0.999, and a gate that is
    # cast after its activation is kept twice for the gradient.
    forget = ops.sigmoid(like(forget, memory))
    return forget * memory + like(delta, memory)


def gated_update(memory, gates):
    """Return a new memory and its addition, from gates i, f, g."""
    i, f, g = ops.split(gates, 3, axis=-1)
    delta = ops.sigmoid(i) * tanh(g)
    return forget_and_add(memory, f, delta), delta


def concat_channels(*maps):
    """Concatenate maps over the channels, in the dtype of the first."""
    return ops.concatenate([like(x, maps[0]) for x in maps], axis=-1)
