"""Frames in time order, read a few at a time."""

import abc

import numpy as np

from msrnn_keras.data.scaling import MinMax


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
        """As `read`, scaled to [0, 1]; missing pixels stay NaN."""
        return self.scaling(self.read(start, stop)).astype("float32")


class ArraySource(Source):
    """Frames that are in memory, or in a memory-mapped file.

    Args:
        frames: Array `(frames, height, width, channels)` of floats, NaN where
            a value is missing, or of 8-bit integers.
        segments: List of `(start, stop)`; None is one without a gap.
        scaling: `Scaling`; None takes floats as pixels, and divides 8-bit
            integers by 255.
        interval: Number, seconds between two frames, or None.
        times: Array of `datetime64`, one for each frame, or None.

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
        if times is not None and len(times) != len(frames):
            raise ValueError(
                "`times` must have one time for each frame. Received: "
                f"{len(times)} times for {len(frames)} frames"
            )
        self.frames = frames
        self.image_shape = frames.shape[1:]
        self.segments = _check_segments(segments, len(frames))
        self.scaling = scaling
        self.interval = interval
        self.times = times

    def read(self, start, stop):
        return np.asarray(self.frames[start:stop], "float32")


def segments_of(times, interval):
    """The unbroken rows of frames among those at the given times.

    Args:
        times: Array of `datetime64`, rising.
        interval: Number, seconds between two frames that follow one another.

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
    times = np.asarray(times, "datetime64[ms]")
    if np.any(np.isnat(times)):
        raise ValueError(
            "Every frame must have a time. Received: none for frame "
            f"{int(np.argmax(np.isnat(times)))}"
        )
    times = times.astype("int64")
    steps = np.diff(times)
    if np.any(steps <= 0):
        raise ValueError(
            "The times of frames must rise. Received: frame "
            f"{int(np.argmax(steps <= 0)) + 1} is not after the one before it"
        )
    breaks = np.flatnonzero(np.abs(steps - 1000 * interval) > 1) + 1
    edges = [0, *breaks.tolist(), len(times)]
    pairs = zip(edges, edges[1:], strict=False)
    return [(start, stop) for start, stop in pairs if start < stop]


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
