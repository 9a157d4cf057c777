"""Attention of each position over the window around it."""

import functools

import keras
import numpy as np
from keras import ops

from msrnn_keras.checks import check_positive
from msrnn_keras.layers.space_depth import PadToMultiple
from msrnn_keras.precision import at_least_float32


@keras.saving.register_keras_serializable(package="msrnn_keras")
class LocalAttention(keras.layers.Layer):
    """Attention of each position over a square window around it.

    A position at row y and column x attends over the positions (y + a, x + b)
    with offsets a and b from -(window // 2) to window - 1 - window // 2:

        output = sum over the window of softmax(query · key) value

    The scores are not scaled. Positions outside the map stay in the softmax,
    with score 0 and value 0. The layer has no weights.

    The map is cut into square tiles of queries. The queries of a tile share
    the keys and values of the tile and its margin, so keys and values are
    copied a few times, not once for each of the window² offsets. Gradients
    keep the three inputs alone; the scores are computed again.

    Args:
        window: Integer, side of the window, pixels. It may be larger than the
            map.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call arguments:
        query: Tensor `(batch, height, width, channels)`.
        key: Tensor `(batch, height, width, channels)`.
        value: Tensor `(batch, height, width, value_channels)`.

    Returns:
        Tensor `(batch, height, width, value_channels)`.

    Raises:
        ValueError: If `window` is not a positive integer.

    Example:
    >>> x = keras.ops.ones((2, 16, 16, 4))
    >>> LocalAttention(6)(x, x, x).shape
    (2, 16, 16, 4)

    Reference:
        Ramachandran et al., "Stand-Alone Self-Attention in Vision Models",
        2019, arXiv:1906.05909. As in PrecipLSTM, without positions and scale.
    """

    def __init__(self, window, **kwargs):
        super().__init__(**kwargs)
        check_positive("window", window)
        self.window = window
        self.tile = tile_size(window)
        self.pad = PadToMultiple(self.tile, dtype=self.dtype_policy)

    def build(self, query_shape, key_shape, value_shape):
        pass

    def call(self, query, key, value):
        attend = functools.partial(_attend, window=self.window, tile=self.tile)
        _, height, width, _ = ops.shape(query)
        padded = [self.pad(x) for x in (query, key, value)]
        return keras.remat(attend)(*padded)[:, :height, :width]

    def compute_output_shape(self, query_shape, key_shape, value_shape):
        return (*query_shape[:3], value_shape[-1])

    def get_config(self):
        return {**super().get_config(), "window": self.window}


def tile_size(window):
    """Side of a tile: the power of two next to half the window, 4 or more.

    A larger tile has more scores that lie outside the windows, a smaller one
    more copies of keys and values.
    """
    return 2 ** max(2, round(np.log2(window / 2)))


def _attend(query, key, value, window, tile):
    """Attention on maps whose height and width are multiples of `tile`."""
    dtype = at_least_float32(query)
    batch, height, width, _ = ops.shape(query)
    q = _tiles(ops.cast(query, dtype), 1, tile)
    k, v = (
        _tiles(_with_margin(ops.cast(x, dtype), window, tile), window, tile)
        for x in (key, value)
    )
    scores = q @ ops.transpose(k, (0, 2, 1))
    scores = ops.where(_inside(window, tile), scores, -np.inf)
    out = ops.softmax(scores, axis=-1) @ v
    # Back from tiles to the map.
    channels = value.shape[-1]
    out = ops.reshape(out, (-1, width // tile, tile, tile * channels))
    out = ops.transpose(out, (0, 2, 1, 3))
    out = ops.reshape(out, (batch, height, width, channels))
    return ops.cast(out, value.dtype)


def _with_margin(x, window, tile):
    """Zeros around a map, to whole tiles at the bottom and right."""
    before = window // 2
    after = -(-(window - 1) // tile) * tile - before
    return ops.pad(x, ((0, 0), (before, after), (before, after), (0, 0)))


def _tiles(x, window, tile):
    """Cuts a map with a margin into tiles, each with its own margin.

    Returns:
        Tensor `(batch · tiles, (tile + window - 1)², channels)`.
    """
    side = tile + window - 1
    blocks = -(-side // tile)
    _, height, width, channels = ops.shape(x)
    rows, columns = (n // tile - blocks + 1 for n in (height, width))

    def overlapping(x, count):
        # (n, count + blocks - 1, tile · m) -> (n, count, side · m)
        rest = (side - (blocks - 1) * tile) * (ops.shape(x)[2] // tile)
        parts = [x[:, i : i + count] for i in range(blocks)]
        parts[-1] = parts[-1][..., :rest]
        return ops.concatenate(parts, axis=-1)

    x = ops.reshape(x, (-1, height // tile, tile * width * channels))
    x = overlapping(x, rows)
    x = ops.reshape(x, (-1, width // tile, tile * channels))
    x = overlapping(x, columns)
    # Four dimensions at most: transposing more is slow.
    x = ops.reshape(x, (-1, side, columns, side * channels))
    x = ops.transpose(x, (0, 2, 1, 3))
    return ops.reshape(x, (-1, side**2, channels))


def _inside(window, tile):
    """Which keys of a tile with margin lie in each query's window."""
    query = np.arange(tile)[:, None]
    key = np.arange(tile + window - 1)
    near = (key >= query) & (key < query + window)
    both = near[:, None, :, None] & near[None, :, None, :]
    return both.reshape(tile**2, (tile + window - 1) ** 2)
