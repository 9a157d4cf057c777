"""Frames in time order, read a few at a time."""

import abc
import numbers
import warnings

import numpy as np

from msrnn_keras.data.scaling import MinMax
from msrnn_keras.utils.checks import filled


class Source(abc.ABC):
    """Frames in time order, in the units of the data.

    What a subclass sets in `__init__`:

    - `image_shape`: Tuple `(height, width, channels)`, pixels.
    - `segments`: List of `(start, stop)`, the frames that follow one another
      without a gap. No clip reaches across two of them.
    - `scaling`: `msrnn_keras.data.Scaling`, to pixels from 0 to 1.
    - `interval`: Number, seconds between two frames of a segment, or None.
    - `times`: Array of `datetime64`, one for each frame, or None.
    """

    image_shape = None
    segments = ()
    scaling = MinMax()
    interval = None
    times = None

    @abc.abstractmethod
    def read(self, start, stop):
        """Frames `start` to `stop - 1`, counted as in `segments`.

        Args:
            start: Integer.
            stop: Integer.

        Returns:
            float32 array `(frames, height, width, channels)` in the units of
            the data, NaN where a value is missing.
        """

    def __len__(self):
        return max((stop for _, stop in self.segments), default=0)

    def pixels(self, start, stop):
        """As `read`, scaled to [0, 1]; missing pixels stay NaN.

        Args:
            start: Integer.
            stop: Integer.

        Returns:
            float32 array `(frames, height, width, channels)`.

        Raises:
            ValueError: If a value is infinite.
        """
        values = self.read(start, stop)
        infinite = np.isinf(values).any(axis=(1, 2, 3))
        if infinite.any():
            raise ValueError(
                "Frames must not contain infinite values (inf): replace them, "
                "or mark missing ones by NaN; -inf dBZ is no rain, so give "
                "the lowest dBZ instead. Received: inf in frame "
                f"{start + int(infinite.argmax())}"
            )
        return self.scaling(values).astype("float32")


class ArraySource(Source):
    """Frames that are in memory, or in a memory-mapped file.

    Args:
        frames: Array `(frames, height, width, channels)` of floats, NaN where
            a value is missing, or of 8-bit integers. A masked value
            (`numpy.ma`) is missing.
        segments: List of `(start, stop)`; None is one without a gap.
        scaling: `Scaling`; None takes floats as pixels, and divides 8-bit
            integers by 255.
        interval: Number, seconds between two frames, or None.
        times: As of `as_times`, one for each frame, or None.

    Raises:
        ValueError: If the frames are not of that form, or segments or times
            do not fit them.

    Example:
    >>> source = ArraySource(np.zeros((40, 64, 64, 1), "float32"))
    >>> clips = Clips(source, context=10, horizon=10)
    """

    def __init__(
        self, frames, segments=None, scaling=None, interval=None, times=None
    ):
        if not hasattr(frames, "dtype"):
            frames = np.asarray(frames)
        if np.ndim(frames) != 4 or 0 in np.shape(frames):
            raise ValueError(
                "`frames` must be (frames, height, width, channels), none of "
                f"them 0. Received: shape={np.shape(frames)}"
            )
        if frames.dtype != np.uint8 and frames.dtype.kind != "f":
            raise ValueError(
                "`frames` must be floats or 8-bit integers. "
                f"Received: dtype={frames.dtype}"
            )
        if scaling is None:
            scaling = MinMax(0, 255 if frames.dtype == np.uint8 else 1)
        times = None if times is None else as_times(times)
        if times is not None and times.shape != frames.shape[:1]:
            raise ValueError(
                "`times` must have one time for each frame. Received: "
                f"{times.size} times for {len(frames)} frames"
            )
        self.frames = _unmasked(frames)
        self.image_shape = frames.shape[1:]
        self.segments = _check_segments(segments, len(frames))
        self.scaling = scaling
        self.interval = interval
        self.times = times

    def read(self, start, stop):
        return np.asarray(_unmasked(self.frames[start:stop]), "float32")


def _unmasked(frames):
    """Frames with NaN in place of masked values."""
    if not isinstance(frames, np.ma.MaskedArray):
        return frames
    if not np.ma.is_masked(frames):
        return frames.data
    return filled(frames.astype("float32"))


def as_times(times):
    """Return times as `datetime64`, in UTC.

    Args:
        times: Array of `datetime64`, of ISO 8601 text or of `datetime`. A
            time with a zone is converted to UTC, one without is UTC.

    Returns:
        Array of `datetime64`; what is masked is NaT.

    Raises:
        ValueError: If they are numbers, or text of another form.

    Example:
    >>> as_times(["2020-01-01T02:00+02:00", "2020-01-01T00:05Z"])
    array(['2020-01-01T00:00:00.000000', '2020-01-01T00:05:00.000000'],
          dtype='datetime64[us]')
    """
    times = np.asanyarray(times)
    if isinstance(times, np.ma.MaskedArray) and times.dtype.kind == "M":
        times = times.filled(np.datetime64("NaT"))
    if times.dtype.kind == "M":
        return times
    is_text = times.dtype.kind in "SU"
    is_object = times.dtype.kind == "O" and not any(
        isinstance(x, numbers.Number) for x in times.flat
    )
    try:
        if not (is_text or is_object):
            raise TypeError("a number has no unit")
        text = times.astype("U") if is_text else times
        with warnings.catch_warnings():  # of NumPy, about time zones
            warnings.simplefilter("ignore", UserWarning)
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
    """Return the unbroken rows of frames among those at the given times.

    Args:
        times: As of `as_times`, rising.
        interval: Number, seconds between two frames that follow one another.
        tolerance: Number, seconds by which a step may differ from it.

    Returns:
        List of `(start, stop)`, each row from its first frame to after its
        last.

    Raises:
        ValueError: If the times do not rise, or one is missing.

    Example:
    >>> times = np.array(["2020-01-01T00:00", "2020-01-01T00:05",
    ...                   "2020-01-01T00:15"], "datetime64[s]")
    >>> segments_of(times, 300)
    [(0, 2), (2, 3)]
    """
    steps = steps_of(times)
    # The steps are whole microseconds.
    breaks = np.flatnonzero(np.abs(steps - interval) > tolerance + 1e-6) + 1
    edges = [0, *breaks.tolist(), len(times)]
    pairs = zip(edges, edges[1:], strict=False)
    return [(start, stop) for start, stop in pairs if start < stop]


def steps_of(times):
    """Return the seconds between each two of rising times.

    Args:
        times: As of `as_times`.

    Returns:
        Array of float64, one shorter than `times`.

    Raises:
        ValueError: If the times do not rise, or one is missing.
    """
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
            f"leave out repeated ones. Received: frame {late} is not after "
            f"the one before it ({times[late]} after {times[late - 1]})"
        )
    return steps / 1e6


def _check_segments(segments, length):
    if segments is None:
        return [(0, length)]
    segments = [(int(start), int(stop)) for start, stop in segments]
    for start, stop in segments:
        if not 0 <= start < stop <= length:
            raise ValueError(
                "A segment must be (start, stop) within the frames. "
                f"Received: {(start, stop)} for {length} frames"
            )
    return segments
