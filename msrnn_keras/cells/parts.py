"""What several cells share."""

from typing import NamedTuple

from keras import ops

from msrnn_keras.precision import tanh


class Blocks(NamedTuple):
    """A reference weight whose output channels are several equal blocks."""

    name: str  # as in `ConvRNNCell.reference_names`
    count: int = 1  # blocks in the reference
    dropped: tuple = ()  # indices of those that the cell does not need


def blend(share, a, b):
    """`share` of one map and the rest of another.

    The same as `share * a + (1 - share) * b`, with fewer maps kept for the
    gradient.

    Args:
        share: Tensor within [0, 1].
        a: Tensor of the same shape.
        b: Tensor of the same shape.

    Returns:
        Tensor of the same shape.
    """
    return b + share * (a - b)


def gated_update(memory, gates):
    """The step of an LSTM's memory: forget some, add some.

    Args:
        memory: Tensor `(batch, height, width, filters)`.
        gates: Tensor `(batch, height, width, 3·filters)`, the gates i, f, g
            before their activations.

    Returns:
        Tuple `(memory, delta)`: the new memory and what was added to it.
    """
    i, f, g = ops.split(gates, 3, axis=-1)
    delta = ops.sigmoid(i) * tanh(g)
    return ops.sigmoid(f) * memory + delta, delta
