"""Attention of each position over a window: in tiles, and of a whole map."""

import numpy as np
from keras import ops

from msrnn_keras.backend.precision import at_least_float32


def tile_size(window):
    """Side of a tile: the power of two next to half the window, 4 or more.

    A larger tile has more scores that lie outside the windows, a smaller one
    more copies of keys and values.
    """
    return 2 ** max(2, round(np.log2(window / 2)))


def is_small(x, window, tile):
    """Whether a map is cheaper to score as a whole than in tiles.

    Counted are the scores and, for tiles, the numbers that are copied with
    the keys and values, two of which take about as long as one score.

    Args:
        x: Tensor `(batch, height, width, channels)`.
        window: Integer, side of the window, pixels.
        tile: Integer, side of a tile, pixels.

    Returns:
        Boolean, or a boolean tensor where the size is known only at run time.
    """
    size = ops.shape(x)[1:3]
    rows, columns = (-(-n // tile) * tile for n in size)
    sizes = [*size, rows, columns]
    if not all(isinstance(n, int) for n in sizes):
        sizes = [ops.cast(n, "float32") for n in sizes]  # no overflow
    height, width, rows, columns = sizes
    keys = (tile + window - 1) ** 2
    copied = 2 * x.shape[-1] * keys / tile**2
    return (height * width) ** 2 <= rows * columns * (keys + copied / 2)


def attend_map(query, key, value, window):
    """Attention with one score for each two positions of the map.

    Positions of the window that are off the map have score 0 and value 0: to
    the softmax they are one more key, whose score is the logarithm of their
    number.

    Args:
        query: Tensor `(batch, height, width, channels)`.
        key: Tensor `(batch, height, width, channels)`.
        value: Tensor `(batch, height, width, value_channels)`.
        window: Integer, side of the window, pixels.

    Returns:
        Tensor `(batch, height, width, value_channels)`.
    """
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
    """What of each position's window is on the map, and what is off it.

    Returns:
        Tuple of a boolean tensor (query, key + 1) that says which keys are in
        the window, the last one being all that is off the map, and a tensor
        (query) of how many positions are off it, but at least 1.
    """
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


def attend_tiles(query, key, value, window, tile):
    """Attention of tiles of queries over the tile and its margin.

    Args:
        query: Tensor `(batch, height, width, channels)`, whose height and
            width are multiples of `tile`.
        key: Tensor `(batch, height, width, channels)`.
        value: Tensor `(batch, height, width, value_channels)`.
        window: Integer, side of the window, pixels.
        tile: Integer, side of a tile, pixels.

    Returns:
        Tensor `(batch, height, width, value_channels)`.
    """
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
