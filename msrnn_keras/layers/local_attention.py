"""Attention of each position over the window around it."""

import functools

import keras
import numpy as np
from keras import ops

from msrnn_keras.backend.precision import at_least_float32
from msrnn_keras.layers.rematerialization import Remat
from msrnn_keras.layers.space_depth import PadToMultiple, round_up
from msrnn_keras.utils.checks import check_positive


@keras.saving.register_keras_serializable(package="msrnn_keras")
class LocalAttention(keras.layers.Layer):
    """Attention of each position over a square window around it.

        output = sum over the window of softmax(query · key) value

    The window of row y and column x has the positions (y + a, x + b) with a
    and b from -(window // 2) to window - 1 - window // 2. Scores are not
    scaled. Positions outside the map have score 0 and value 0.
    """

    def __init__(self, window, **kwargs):
        super().__init__(**kwargs)
        self.window = window = check_positive("window", window)
        # About half the window: a larger tile has more scores outside the
        # windows, a smaller one more copies of keys and values.
        self.tile = 2 ** max(2, round(np.log2(window / 2)))
        self.pad = PadToMultiple(self.tile, dtype=self.dtype_policy)

    def build(self, query_shape, key_shape, value_shape):
        pass

    def call(self, query, key, value):
        whole = functools.partial(self.whole, query, key, value)
        tiled = functools.partial(self.tiled, query, key, value)
        small = _is_small(query, self.window, self.tile)
        if isinstance(small, bool):
            return whole() if small else tiled()
        return ops.cond(small, whole, tiled)

    def whole(self, query, key, value):
        """Return the attention of a map that is not cut."""
        attend = functools.partial(_attend_map, window=self.window)
        return Remat(attend)(query, key, value)

    def tiled(self, query, key, value):
        """Return the attention of a map that is cut into tiles."""
        sizes = {"window": self.window, "tile": self.tile}
        attend = Remat(functools.partial(_attend_tiles, **sizes))
        _, height, width, _ = ops.shape(query)
        return attend(*map(self.pad, (query, key, value)))[:, :height, :width]

    def compute_output_shape(self, query_shape, key_shape, value_shape):
        return (*query_shape[:3], value_shape[-1])

    def get_config(self):
        return {**super().get_config(), "window": self.window}


def _is_small(x, window, tile):
    """Return whether a map is cheaper to score as a whole; maybe a tensor."""
    size = ops.shape(x)[1:3]
    rows, columns = (round_up(n, tile) for n in size)
    sizes = [*size, rows, columns]
    if not all(isinstance(n, int) for n in sizes):
        sizes = [ops.cast(n, "float32") for n in sizes]  # no overflow
    height, width, rows, columns = sizes
    keys = (tile + window - 1) ** 2
    copied = 2 * x.shape[-1] * keys / tile**2
    return (height * width) ** 2 <= rows * columns * (keys + copied / 2)


def _attend_map(query, key, value, window):
    """Return the attention; one more key stands for all off the map."""
    dtype = at_least_float32(query)
    batch, height, width, _ = ops.shape(query)
    positions = height * width
    q, k, v = (
        ops.reshape(ops.cast(x, dtype), (batch, positions, x.shape[-1]))
        for x in (query, key, value)
    )
    seen, off = _reach(height, width, window)
    # One more channel: zero in the keys of the map, one in the key off it.
    off = ops.log(ops.cast(off, dtype))[:, None]
    q = ops.concatenate([q, ops.broadcast_to(off, (batch, positions, 1))], -1)
    k = ops.pad(k, ((0, 0), (0, 0), (0, 1)))
    last = ops.one_hot([k.shape[-1] - 1], k.shape[-1], dtype=dtype)
    last = ops.broadcast_to(last, (batch, 1, k.shape[-1]))
    k = ops.concatenate([k, last], axis=1)
    scores = ops.where(seen, q @ ops.transpose(k, (0, 2, 1)), -np.inf)
    v = ops.pad(v, ((0, 0), (0, 1), (0, 0)))
    out = ops.softmax(scores, axis=-1) @ v
    out = ops.reshape(out, (batch, height, width, value.shape[-1]))
    return ops.cast(out, value.dtype)


def _reach(height, width, window):
    """Return which keys are in each window, and how many are off the map."""
    near = []
    for size in (height, width):
        offset = ops.arange(size)[None, :] - ops.arange(size)[:, None]
        first = -(window // 2)
        near.append((offset >= first) & (offset < first + window))
    rows, columns = near
    both = rows[:, None, :, None] & columns[None, :, None, :]
    seen = ops.reshape(both, (height * width, height * width))
    counts = [ops.sum(ops.cast(x, "int32"), axis=1) for x in near]
    off = window**2 - counts[0][:, None] * counts[1][None, :]
    off = ops.reshape(off, (height * width,))
    seen = ops.concatenate([seen, off[:, None] > 0], axis=1)
    return seen, ops.maximum(off, 1)


def _attend_tiles(query, key, value, window, tile):
    """Return the attention of tiles of queries over the tile and its margin."""
    dtype = at_least_float32(query)
    batch, height, width, _ = ops.shape(query)
    q = _tiles(ops.cast(query, dtype), 1, tile)
    # A margin of zeros, to whole tiles at the bottom and right.
    before = window // 2
    after = -(-(window - 1) // tile) * tile - before
    margin = ((0, 0), (before, after), (before, after), (0, 0))
    padded = (ops.pad(ops.cast(x, dtype), margin) for x in (key, value))
    k, v = (_tiles(x, window, tile) for x in padded)
    scores = q @ ops.transpose(k, (0, 2, 1))
    scores = ops.where(_inside(window, tile), scores, -np.inf)
    out = ops.softmax(scores, axis=-1) @ v
    # From tiles back to the map.
    channels = value.shape[-1]
    out = ops.reshape(out, (-1, width // tile, tile, tile * channels))
    out = ops.transpose(out, (0, 2, 1, 3))
    out = ops.reshape(out, (batch, height, width, channels))
    return ops.cast(out, value.dtype)


def _tiles(x, window, tile):
    """Cut a map into tiles `(batch·tiles, (tile + window - 1)², channels)`."""
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
    """Return which keys of a tile with margin are in each query's window."""
    query = np.arange(tile)[:, None]
    key = np.arange(tile + window - 1)
    near = (key >= query) & (key < query + window)
    both = near[:, None, :, None] & near[None, :, None, :]
    return both.reshape(tile**2, (tile + window - 1) ** 2)
