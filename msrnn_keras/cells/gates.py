"""What several cells share."""

from typing import NamedTuple

from keras import ops

from msrnn_keras.backend.precision import like, tanh


class CheckpointBlock(NamedTuple):
    """A reference weight whose output channels are several equal blocks."""

    name: str  # as in `ConvRNNCell.checkpoint_names`
    count: int = 1  # blocks in the reference
    dropped: tuple = ()  # indices of those that the cell does not need


def lerp(share, a, b):
    """`share` of one map and the rest of another.

    The same as `share * a + (1 - share) * b`, with fewer maps kept for the
    gradient. Computed in the number format of `b`.

    Args:
        share: Tensor within [0, 1].
        a: Tensor of the same shape.
        b: Tensor of the same shape.

    Returns:
        Tensor of the same shape.
    """
    return b + like(share, b) * (like(a, b) - b)


def forget_and_add(memory, forget, delta):
    """What is left of a memory and what is added, in the memory's precision.

    Args:
        memory: Tensor.
        forget: Tensor of the same shape, the gate before its activation.
        delta: Tensor of the same shape.

    Returns:
        Tensor in the number format of `memory`.
    """
    # The gate in that precision too: half precision has no 0.999, and a gate
    # that is cast after its activation is kept twice for the gradient.
    forget = ops.sigmoid(like(forget, memory))
    return forget * memory + like(delta, memory)


def concat_channels(*maps):
    """Maps side by side over the channels, in the first one's precision.

    Args:
        *maps: Tensors `(batch, height, width, channels)`.

    Returns:
        Tensor `(batch, height, width, sum of the channels)`.
    """
    return ops.concatenate([like(x, maps[0]) for x in maps], axis=-1)


def join_links(maps):
    """Return maps of several links side by side over the channels.

    Args:
        maps: Tensor `(batch, height, width, links, channels)`.

    Returns:
        Tensor `(batch, height, width, channels·links)`. Channel
        c · links + i is channel c of link i.
    """
    _, *size, links, channels = ops.shape(maps)
    # Transposing five dimensions is slow.
    maps = ops.reshape(maps, (-1, links, channels))
    maps = ops.transpose(maps, (0, 2, 1))
    return ops.reshape(maps, (-1, *size, channels * links))


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
    return forget_and_add(memory, f, delta), delta
