"""Radar events of several sizes, and their windows in the moving frame."""

import hashlib
import itertools

import numpy as np

from msrnn_keras.data.datasets.cache import cached_array, file_digest
from msrnn_keras.data.scaling import MinMax, RainRate
from msrnn_keras.data.sources import ArraySource, Source

INTERVAL = 300.0  # seconds
DBZ = MinMax(0, 60, unit="dBZ")
SCALING = RainRate(a=200, b=1.6, low=0, high=60, least=7)


class Events(Source):
    """Radar events of several sizes as one source.

    Args:
        events: List of `ArraySource` in dBZ with `times`. `read` and `pixels`
            pad smaller ones at the end with NaN to the size of the largest.
    """

    interval = INTERVAL
    scaling = SCALING

    def __init__(self, events):
        self.events = events
        height, width = (max(e.image_shape[i] for e in events) for i in (0, 1))
        self.image_shape = (height, width, 1)
        self.times = np.concatenate([event.times for event in events])
        self._starts = [0, *itertools.accumulate(len(x.times) for x in events)]
        self.segments = [
            (first + start, first + stop)
            for first, event in zip(self._starts, events, strict=False)
            for start, stop in event.segments
        ]

    def read(self, start, stop):
        """Return frames `start` to `stop - 1`, in mm/h."""
        return self.scaling.inverse(self.pixels(start, stop))

    def pixels(self, start, stop):
        """Return frames `start` to `stop - 1` as x in [0, 1]."""
        frames = np.full((stop - start, *self.image_shape), np.nan, "float32")
        edges = itertools.pairwise(self._starts)
        for (first, end), event in zip(edges, self.events, strict=True):
            low, high = max(start, first), min(stop, end)
            if low < high:
                height, width, _ = event.image_shape
                part = frames[low - start : high - start, :height, :width]
                part[:] = event.pixels(low - first, high - first)
        return frames


def moved(events, context, horizon, stride, cache):
    """Return all windows of `Events` in the moving frame of their present.

    `to_moving_frame` moves the past and future frames of each window to its
    last past frame, which takes seconds, once: the result is kept in the folder
    `cache`. A window is a segment of its own.
    """
    from msrnn_keras.utils import motion

    length, result = context + horizon, []
    for event in events.events:
        starts = [
            start
            for first, stop in event.segments
            for start in range(first, stop - length + 1, stride)
        ]
        if not starts:
            continue

        def move(event=event, starts=starts):
            windows = (event.pixels(start, start + length) for start in starts)
            moving = (motion.to_moving_frame(x, context) for x in windows)
            return np.concatenate([stored(x) for x in moving])

        key = f"{context} {horizon} {starts} {file_digest(motion.__file__)}"
        key = hashlib.sha256(event.frames.tobytes() + key.encode()).hexdigest()
        name = f"moving-{str(event.times[0])[:10]}-{key[:12]}.npy"
        frames = cached_array(cache / name, move)
        times = [event.times[start : start + length] for start in starts]
        edges = range(0, length * len(starts) + 1, length)
        segments = list(itertools.pairwise(edges))
        result.append(source(frames, segments, np.concatenate(times)))
    if not result:
        raise ValueError(
            "No event has enough frames for a window. "
            f"Received: context={context}, horizon={horizon}"
        )
    return Events(result)


def stored(pixels):
    """Return x as dBZ in float16, in which 7, 20 and 30 dBZ are exact."""
    return DBZ.inverse(pixels).astype("float16")


def source(frames, segments, times):
    """Return the source of one event."""
    return ArraySource(frames, segments, DBZ, INTERVAL, times)
