"""Sources of frames in time order, read a few at a time."""

import abc
import itertools
import math
import numbers
import warnings
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from msrnn_keras.data.scaling import MinMax, Scaling
from msrnn_keras.utils.arguments import (
    check_count,
    check_finite,
    check_positive,
    refused,
)
from msrnn_keras.utils.checks import filled, stacked

_AT_ONCE = 1 << 21  # values that are scaled at once


class Source(abc.ABC):
    """Base class of frames in time order, in the units of the data.

    A subclass sets these attributes in `__init__`:

    - `image_shape`: Tuple `(height, width, channels)`, pixels.
    - `segments`: List of `(start, stop)`, frames without a gap in time.
    - `scaling`: `Scaling`, from the units of the data to pixels in [0, 1].
    - `interval`: Number, seconds between two frames of a segment, or None.
    - `times`: Array of `datetime64`, one per frame, or None.
    """

    image_shape: Any = None
    segments: Sequence[Sequence[int]] = ()
    scaling: Scaling = MinMax()
    interval: float | None = None
    times: Any = None

    @abc.abstractmethod
    def read(self, start: int, stop: int) -> np.ndarray:
        """Return frames `start` to `stop - 1`, float32, NaN where missing."""

    def __len__(self) -> int:
        return max((stop for _, stop in self.segments), default=0)

    def pixels(self, start: int, stop: int) -> np.ndarray:
        """Return frames like `read`, scaled to [0, 1]; no infinite values."""
        pixels = np.empty((stop - start, *self.image_shape), "float32")
        count = max(1, _AT_ONCE // max(1, math.prod(self.image_shape)))
        for first in range(start, stop, count):
            last = min(first + count, stop)
            values = self.scaling(self.finite(first, last))
            pixels[first - start : last - start] = values
        return pixels

    def finite(self, start: int, stop: int) -> np.ndarray:
        """Return frames like `read`; refuse infinite values."""
        values = self.read(start, stop)
        refuse_infinite(values, start)
        return values


def refuse_infinite(values, first):
    """Refuse infinite values in frames that are numbered from `first` on."""
    infinite = np.isinf(values).any(axis=(1, 2, 3))
    if infinite.any():
        raise ValueError(
            "Frames must be finite or NaN. Replace infinite values, or "
            "mark missing ones by NaN; replace -inf dBZ (no rain) by the "
            "lowest dBZ. Received: inf in frame "
            f"{first + int(infinite.argmax())}"
        )


class ArraySource(Source):
    """Frames in memory, in a memory-mapped file, or read on demand.

    Args:
        frames: Array `(frames, height, width, channels)` of 8-bit integers or
            floats; NaN or a masked value (`numpy.ma`) is missing.
        segments: List of `(start, stop)`; None is one segment without a gap.
        scaling: `Scaling`; None divides 8-bit integers by 255.
        interval: Number, seconds between two frames, or None.
        times: Array of `datetime64`, ISO text or `datetime`, one per frame.

    Raises:
        ValueError: If frames, segments or times have another form.

    Example:
    >>> source = ArraySource(np.zeros((40, 64, 64, 1), "float32"))
    >>> clips = Clips(source, context=10, horizon=10)
    """

    def __init__(
        self,
        frames: Any,
        segments: Iterable[Sequence[int]] | None = None,
        scaling: Scaling | None = None,
        interval: float | None = None,
        times: npt.ArrayLike | None = None,
    ) -> None:
        frames = stacked(frames)
        frames = frames if hasattr(frames, "dtype") else np.asarray(frames)
        if np.ndim(frames) != 4 or 0 in np.shape(frames):
            raise ValueError(
                "`frames` must be (frames, height, width, channels), each at "
                f"least 1. Received: shape={np.shape(frames)}"
            )
        if frames.dtype != np.uint8 and frames.dtype.kind != "f":
            raise ValueError(
                "`frames` must be floats or 8-bit integers. "
                f"Received: dtype={frames.dtype}"
            )
        check_scaling(scaling)
        if scaling is None:
            scaling = MinMax(0, 255 if frames.dtype == np.uint8 else 1)
        times = None if times is None else as_times(times)
        if times is not None and times.shape != frames.shape[:1]:
            raise ValueError(
                "`times` must have one time per frame. Received: "
                f"{times.size} times for {len(frames)} frames"
            )
        self.frames = _unmasked(frames)
        self.image_shape = frames.shape[1:]
        self.segments = _check_segments(segments, len(frames))
        self.scaling, self.times = scaling, times
        self.interval = check_interval(interval)

    def __repr__(self) -> str:
        size = "×".join(map(str, self.image_shape))
        parts = [f"{len(self):,} frames of {size}"]
        if self.times is not None:
            first, last = np.datetime_as_string(self.times[[0, -1]], unit="s")
            parts.append(f"{first} to {last}")
        if self.interval is not None:
            parts.append(f"every {self.interval:g} s")
        if len(self.segments) > 1:
            parts.append(f"{len(self.segments)} segments")
        return f"<{type(self).__name__}: {', '.join(parts)}>"

    def read(self, start: int, stop: int) -> np.ndarray:
        """Return frames `start` to `stop - 1`; missing values are NaN."""
        return np.asarray(_unmasked(self.frames[start:stop]), "float32")


def check_source(source):
    """Return a source; refuse what gives no frames."""
    if not (hasattr(source, "segments") and hasattr(source, "pixels")):
        wanted = "a `Source`, as `data.from_arrays` and the other readers give"
        raise refused("source", wanted, source)
    return source


def _unmasked(frames):
    """Return frames with NaN in place of masked values."""
    if np.ma.is_masked(frames):
        return filled(frames.astype("float32"))
    return np.ma.getdata(frames) if np.ma.isMaskedArray(frames) else frames


def as_times(times):
    """Return times as `datetime64` in UTC; masked ones become NaT."""
    times = np.asanyarray(times)
    if isinstance(times, np.ma.MaskedArray) and times.dtype.kind == "M":
        times = times.filled(np.datetime64("NaT"))
    if times.dtype.kind == "M":
        return times
    is_number = any(isinstance(x, numbers.Number) for x in times.flat)
    try:
        if is_number or times.dtype.kind not in "SUO":
            raise TypeError("a number has no unit")
        text = times.astype("U") if times.dtype.kind == "S" else times
        with warnings.catch_warnings():  # NumPy warns about time zones
            warnings.simplefilter("ignore")
            return np.asarray(text, "datetime64[us]")
    except (TypeError, ValueError) as error:
        first = times.flat[0] if times.size else "nothing"
        raise ValueError(
            f"Times must be datetime64, ISO text or datetime ({error}). "
            "Convert numbers from their unit, such as seconds since 1970: "
            "times.astype('datetime64[s]'). "
            f"Received: dtype={times.dtype}, first {first}"
        ) from error


def segments_of(times, interval, tolerance=1e-3):
    """Split rising times where a step differs from the interval, in seconds."""
    if not len(times):
        return []
    tolerance += 1e-6  # the steps are rounded to whole microseconds
    return segments_between(np.abs(steps_of(times) - interval) > tolerance)


def segments_between(breaks):
    """Return the segments of frames with a boolean array of gaps between."""
    edges = [0, *(np.flatnonzero(breaks) + 1).tolist(), len(breaks) + 1]
    return list(itertools.pairwise(edges))


def steps_of(times):
    """Return the steps between rising times as float64 seconds."""
    times = as_times(times)
    if np.any(np.isnat(times)):
        raise ValueError(
            "Every frame must have a time. Received: none for frame "
            f"{int(np.argmax(np.isnat(times)))}"
        )
    steps = np.diff(times.astype("datetime64[us]").astype("int64"))
    if np.any(steps <= 0):
        late = int(np.argmax(steps <= 0)) + 1
        raise ValueError(
            "The times of frames must rise: sort the frames by time, and "
            f"remove repeated ones. Received: frame {late} is not after the "
            f"previous one ({times[late]} after {times[late - 1]})"
        )
    return steps / 1e6


def check_interval(interval, name="interval"):
    """Return a positive number of seconds or None; refuse anything else."""
    if interval is None:
        return None
    wanted = "a positive number of seconds"
    try:
        seconds = check_finite(name, interval)
    except ValueError:
        raise refused(name, wanted, interval) from None
    if not seconds > 0:
        raise refused(name, wanted, interval)
    return seconds


def check_scaling(scaling):
    """Refuse what is no `Scaling` and not None."""
    usable = callable(scaling) and hasattr(scaling, "inverse")
    if scaling is not None and (isinstance(scaling, type) or not usable):
        wanted = "a `Scaling`, such as MinMax(low, high), or None"
        raise refused("scaling", wanted, scaling)


def _check_segments(segments, length):
    if segments is None:
        return [(0, length)]
    wanted = f"a list of (start, stop) within the {length} frames"
    if not isinstance(segments, (list, tuple)):
        raise refused("segments", wanted, segments)
    checked = []
    for segment in segments:
        if not isinstance(segment, (list, tuple)) or len(segment) != 2:
            raise refused("segments", wanted, segment)
        start = check_count("segments", segment[0], 0)
        stop = check_positive("segments", segment[1])
        if not start < stop <= length:
            raise refused("segments", wanted, segment)
        checked.append((start, stop))
    return checked
