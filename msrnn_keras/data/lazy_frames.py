"""Frames that are read from their file when they are used."""

import math
import operator

import numpy as np

from msrnn_keras.data.sources import refuse_infinite


class LazyFrames(np.lib.mixins.NDArrayOperatorsMixin):
    """An array of frames whose parts are read when they are used.

    Slices of time, rows and columns give other `LazyFrames`. Any other index,
    operators and the functions of NumPy read the values.

    Args:
        read: Function from three slices, of time, rows and columns, to an array
            `(frames, height, width, channels)`.
        shape: Tuple `(frames, height, width, channels)`.
        dtype: String, type of the values.
    """

    ndim = 4

    def __init__(self, read, shape, dtype="float32", parts=None):
        self._read, self.dtype = read, np.dtype(dtype)
        self._parts = parts or tuple(slice(0, size) for size in shape[:3])
        sizes = (part.stop - part.start for part in self._parts)
        self.shape = (*sizes, shape[3])

    @property
    def nbytes(self):
        """Bytes of all values."""
        return self.dtype.itemsize * math.prod(self.shape)

    def __len__(self):
        return self.shape[0]

    def __getitem__(self, key):
        key = key if isinstance(key, tuple) else (key,)
        if len(key) <= 3 and all(map(_is_range, key)):
            whole = (*key, *(slice(None),) * (3 - len(key)))
            parts = map(_within, self._parts, whole)
            return LazyFrames(self._read, self.shape, self.dtype, tuple(parts))
        if not hasattr(key[0], "__index__"):
            return np.asarray(self)[key]
        number = range(len(self))[operator.index(key[0])]
        return np.asarray(self[number : number + 1])[(0, *key[1:])]

    def __array__(self, dtype=None, copy=None):
        values = np.asarray(self._read(*self._parts), self.dtype)
        return values if dtype is None else values.astype(dtype, copy=False)

    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        inputs = (np.asarray(x) if x is self else x for x in inputs)
        return getattr(ufunc, method)(*inputs, **kwargs)


def _is_range(key):
    return isinstance(key, slice) and key.step in (None, 1)


def _within(part, key):
    """Return a slice of a slice."""
    inner = range(part.start, part.stop)[key]
    return slice(inner.start, max(inner.start, inner.stop))


def map_frames(frames, function, side=1):
    """Return a function of each frame, on demand if the frames are.

    Args:
        frames: Array `(frames, height, width, channels)`, or `LazyFrames`.
        function: From `(height, width, channels)`, float32 without infinite
            values, to one value per block and channel.
        side: Integer, pixels per side of a block; incomplete ones are left out.

    Returns:
        Array of float32 or `LazyFrames`, as the frames.
    """
    count, height, width, channels = frames.shape

    def read(times, *plane):
        rows, columns = (slice(side * x.start, side * x.stop) for x in plane)
        given = np.asarray(frames[times, rows, columns])
        sizes = (part.stop - part.start for part in (times, *plane))
        values = np.empty((*sizes, channels), "float32")
        for number in range(len(given)):
            frame = np.asarray(given[number : number + 1], "float32")
            refuse_infinite(frame, times.start + number)
            values[number] = function(frame[0])
        return values

    mapped = LazyFrames(read, (count, height // side, width // side, channels))
    return mapped if isinstance(frames, LazyFrames) else np.asarray(mapped)
