"""Cuboids of a map of known size: cut, put back, mask."""

import math
from typing import NamedTuple

import numpy as np
from keras import ops


class Axis(NamedTuple):
    """The cuboids along one axis of a map."""

    length: int  # of the map
    size: int  # of a cuboid
    count: int  # of cuboids
    dilated: bool = False
    shift: int = 0
    at_front: bool = False  # whether the padding is

    @classmethod
    def of(cls, length, size, strategy="l", shift=0, shrink=True):
        """Return the axis of a layer; `shrink` fits its cuboid to the map."""
        if shrink and length <= size:
            size, shift = length, 0
        dilated = strategy == "d"
        count = -(-length // size)
        return cls(length, size, count, dilated, 0 if dilated else shift)

    @property
    def padded(self):
        """The length of the map with its padding."""
        return self.size * self.count

    @property
    def padding(self):
        """The padding before and after the map."""
        missing = self.padded - self.length
        return (missing, 0) if self.at_front else (0, missing)

    @property
    def split(self):
        """The two parts that a position is split into."""
        parts = (self.count, self.size)
        return parts[::-1] if self.dilated else parts

    def regions(self, positions):
        """Number the regions of a shifted axis that do not see each other."""
        if not self.shift:
            return 0 * positions
        after = positions >= self.padded - self.shift
        return (positions >= self.padded - self.size) + after.astype(int)

    def real(self, positions):
        """Return which positions of the shifted axis are of the map."""
        before, _ = self.padding
        source = (positions + self.shift) % self.padded - before
        return (source >= 0) & (source < self.length)


class Cuboids:
    """How a map `(batch, time, height, width, channels)` is cut.

    Args:
        axes: Three of `Axis`.
    """

    def __init__(self, axes):
        self.axes = tuple(axes)
        self.count = math.prod(axis.count for axis in axes)
        self.volume = math.prod(axis.size for axis in axes)
        self.padded = tuple(axis.padded for axis in axes)
        # The axes of a map whose positions are split in two.
        dilated = [axis.dilated for axis in axes]
        blocks = [1 + 2 * i + d for i, d in enumerate(dilated)]
        inner = [2 + 2 * i - d for i, d in enumerate(dilated)]
        self._split = [part for axis in axes for part in axis.split]
        self._order = (0, *blocks, 7, *inner, 8)
        self._numbers = self._cut_numbers(blocks + inner)

    def pad_and_shift(self, x):
        """Pad a map with zeros and roll it."""
        padding = [axis.padding for axis in self.axes]
        if any(before or after for before, after in padding):
            x = ops.pad(x, ((0, 0), *padding, (0, 0)))
        return self._roll(x, -1)

    def cut(self, x, heads):
        """Return the tokens `(batch, count, heads, volume, channels)`."""
        channels = x.shape[-1] // heads
        dims = (-1, *self._split, heads, channels)
        x = rearrange(x, dims, self._order)
        return ops.reshape(x, (-1, self.count, heads, self.volume, channels))

    def put_back(self, tokens):
        """Return the map of tokens, without its padding."""
        heads, channels = tokens.shape[2], tokens.shape[4]
        dims = (-1, *self._split, heads, channels)
        dims = [dims[i] for i in self._order]
        x = rearrange(tokens, dims, np.argsort(self._order))
        x = ops.reshape(x, (-1, *self.padded, heads * channels))
        x = self._roll(x, 1)
        if self.padded == tuple(axis.length for axis in self.axes):
            return x
        slices = [
            slice(a.padding[0], a.padding[0] + a.length) for a in self.axes
        ]
        return x[:, slices[0], slices[1], slices[2]]

    @property
    def regions(self):
        """Integer array `(count, volume)`, the region of each token."""
        pairs = zip(self.axes, self._positions(), strict=True)
        return sum(
            axis.regions(where) * 3**i for i, (axis, where) in enumerate(pairs)
        )

    @property
    def real(self):
        """Boolean array `(count, volume)`, False for padding."""
        pairs = zip(self.axes, self._positions(), strict=True)
        return np.logical_and.reduce([a.real(where) for a, where in pairs])

    def in_map_order(self, values):
        """Reorder an array `(count, volume)` as the rolled map, flat."""
        ordered = np.empty(self._numbers.size, values.dtype)
        ordered[self._numbers.ravel()] = values.ravel()
        return ordered

    def _positions(self):
        """Return the positions of all tokens along each axis."""
        return np.unravel_index(self._numbers, self.padded)

    def _cut_numbers(self, order):
        """Return the running number of each token, `(count, volume)`."""
        numbers = np.arange(math.prod(self.padded)).reshape(self._split)
        numbers = numbers.transpose([i - 1 for i in order])
        return numbers.reshape(self.count, self.volume)

    def _roll(self, x, sign):
        for i, axis in enumerate(self.axes, start=1):
            if axis.shift:
                x = ops.roll(x, sign * axis.shift, axis=i)
        return x


def attention_mask(queries, keys, ignore_padding):
    """Return which tokens see each other, `(count, queries, keys)`, or None."""
    mask = queries.regions[:, :, None] == keys.regions[:, None, :]
    if ignore_padding:
        mask = mask & queries.real[:, :, None] & keys.real[:, None, :]
    return None if mask.all() else mask


def relative_index(box, queries, keys):
    """Return rows of a bias table, `(queries, keys)`, for numbered tokens."""
    numbers = max(queries, keys)
    where = np.stack(np.unravel_index(np.arange(numbers), box))
    index = 0
    for size, place in zip(box, where, strict=True):
        difference = place[:queries, None] - place[None, :keys]
        index = index * (2 * size - 1) + difference + size - 1
    return index


def rearrange(x, dims, order):
    """Reshape to `dims` and transpose, with as few dimensions as possible."""
    kept = [i for i in order if i == 0 or dims[i] != 1]
    rank = {axis: i for i, axis in enumerate(sorted(kept))}
    groups = [[kept[0]]]
    for axis in kept[1:]:
        if rank[axis] == rank[groups[-1][-1]] + 1:
            groups[-1].append(axis)
        else:
            groups.append([axis])
    source = sorted(groups)
    shape = [-1 if 0 in g else math.prod(dims[i] for i in g) for g in source]
    x = ops.reshape(x, shape)
    permutation = [source.index(group) for group in groups]
    return x if len(groups) == 1 else ops.transpose(x, permutation)
