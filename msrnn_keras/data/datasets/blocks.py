"""Means of square blocks of pixels."""

import numpy as np


def block_means(frame, side, least=0.0):
    """Return means over the valid pixels of blocks of `side` pixels.

    Rows and columns that do not fill a block are dropped at the end. NaN,
    infinite values and those below `least` are missing. A block is missing
    (NaN) if more than half of it is.
    """
    rows, columns = (side * (size // side) for size in frame.shape)
    frame = frame[:rows, :columns]
    there = np.isfinite(frame) & (frame >= least)
    total = _block_sums(np.where(there, frame, 0).astype("float32"), side)
    count = _block_sums(there.astype("float32"), side)
    mean = total / np.maximum(count, 1)
    return np.where(count >= side**2 / 2, mean, np.float32("nan"))


def _block_sums(frame, side):
    rows = sum(frame[i::side] for i in range(side))
    return sum(rows[:, i::side] for i in range(side))
