"""Frames of your own, from arrays."""

import numpy as np

from msrnn_keras.data.scaling import MinMax, RainRate
from msrnn_keras.data.sources import (
    ArraySource,
    as_times,
    segments_of,
    steps_of,
)
from msrnn_keras.utils.checks import stacked

REFLECTIVITY = (-10.0, 60.0)  # dBZ of pixels 0 and 1
_RATES = {"mm/h", "mmh-1", "mm/hr", "mmhr-1", "mm/hour", "mmhour-1"}
_PLAIN = {"", "1", "none"}


class Recording(ArraySource):
    """Frames of your own, with what their file says of them.

    Args:
        frames: As of `ArraySource`, as are the next four.
        segments: List of `(start, stop)`, or None.
        scaling: `Scaling`, or None.
        interval: Number, seconds between two frames, or None.
        times: As of `as_times`, one for each frame, or None.
        coordinates: `xarray.Dataset` of the last two frames with their
            coordinates, projection and attributes, from which that of a
            forecast is made, or None.
        unit: String, of the values; None is that of the scaling.
        metadata: Dict, what else the file says.

    Raises:
        ValueError: As of `ArraySource`.

    Example:
    >>> recording = from_netcdf("rain.nc")
    >>> clips = Clips(recording, context=10, horizon=10, teacher_forcing=True)
    """

    def __init__(
        self,
        frames,
        segments=None,
        scaling=None,
        interval=None,
        times=None,
        coordinates=None,
        unit=None,
        metadata=None,
    ):
        super().__init__(frames, segments, scaling, interval, times)
        self.coordinates = coordinates
        self.unit = self.scaling.unit if unit is None else unit
        self.metadata = dict(metadata or {})


def from_arrays(frames, interval=None, times=None, scaling=None):
    """Make a data source of an array.

    Args:
        frames: Array `(frames, height, width)` or `(frames, height, width,
            channels)`, in time order: 8-bit integers, or floats with NaN
            where a value is missing. A masked value (`numpy.ma`) is missing.
            A memory-mapped array stays one.
        interval: Number, seconds between two frames. With `times` it splits
            the frames where a step is another. None takes it from `times`.
        times: Array of `datetime64`, of ISO text or of `datetime` (UTC, or
            with a zone), one for each frame, rising; without `interval`
            evenly spaced. Numbers are refused: their unit is not known.
        scaling: `Scaling`; None is for 8-bit integers, which are divided by
            255, and for floats from 0 to 1.

    Returns:
        `Recording`.

    Raises:
        ValueError: If the frames are not of that form, or the times are not.

    Example:
    >>> source = from_arrays(rain, interval=300, scaling=RainRate())
    >>> model.fit(Clips(source, context=10, horizon=10, teacher_forcing=True))
    >>> model.forecast(source.pixels(0, 10)[None])
    """
    frames = np.asanyarray(stacked(frames))
    if frames.ndim == 3:
        frames = frames[..., None]
    interval, segments = split_at_gaps(times, interval)
    recording = Recording(frames, segments, scaling, interval, times)
    if scaling is None and frames.dtype != np.uint8:
        recording.scaling = infer_scaling("", recording.frames)
    return recording


def split_at_gaps(times, interval=None, precision=0.0):
    """Return the interval of frames, and the unbroken rows among them.

    Args:
        times: As of `as_times`, one for each frame, or None.
        interval: Number, seconds between two frames; None takes it from the
            times, which must be evenly spaced.
        precision: Number, seconds to which the times are rounded. A step may
            differ from the interval by twice as much, and by 1 ms.

    Returns:
        Tuple of the interval, or None where it is not known, and a list of
        `(start, stop)`, or None for a single row.

    Raises:
        ValueError: If the times do not rise, are not evenly spaced where they
            must be, or are too imprecise to tell a gap.

    Example:
    >>> times = np.array(["2020-01-01T00:00", "2020-01-01T00:05"], "M8[s]")
    >>> split_at_gaps(times)
    (300.0, [(0, 2)])
    """
    if interval is not None and not interval > 0:
        raise ValueError(
            "`interval` must be positive, seconds between two frames. "
            f"Received: interval={interval}"
        )
    if times is None or len(times) < 2:
        return interval, None
    times = as_times(times)
    steps = steps_of(times)
    tolerance = max(1e-3, 2 * precision)
    usual = _usual(steps, tolerance) if interval is None else interval
    if precision and 2 * tolerance > usual:
        raise ValueError(
            "The times are too imprecise to tell a gap; store them as float64 "
            f"or as integers. Received: times rounded to {precision:g} s, "
            f"{usual:g} s apart"
        )
    segments = segments_of(times, usual, tolerance)
    if interval is not None:
        return interval, segments
    if len(segments) > 1:
        late = segments[0][1]
        raise ValueError(
            "The times must be evenly spaced; `interval` (--interval) splits "
            f"the frames where they are not. Received: frame {late}, at "
            f"{times[late].astype('M8[s]')}, comes "
            f"{steps[late - 1]:g} s after the one before it, not {usual:g} s"
        )
    error = 2 * (precision + 1e-6) / len(steps)  # the steps are whole µs
    return _plain_number(steps.mean(), error), segments


def _usual(steps, tolerance):
    """Return the step that most steps are close to."""
    steps = np.sort(steps)
    first = np.searchsorted(steps, steps - tolerance)
    after = np.searchsorted(steps, steps + tolerance, "right")
    most = np.argmax(after - first)
    return float(steps[first[most] : after[most]].mean())


def _plain_number(seconds, error):
    """Return the roundest number of seconds within an error."""
    for unit in (86400, 3600, 900, 300, 60, 1, 0.1, 0.01, 0.001):
        plain = round(unit * round(seconds / unit), 3)
        if plain > 0 and abs(plain - seconds) <= error:
            return float(plain)
    return float(seconds)


def infer_scaling(unit, frames):
    """The scaling of frames in a known unit.

    Args:
        unit: String: mm/h, dBZ, or none for values from 0 to 1.
        frames: Array of the values.

    Returns:
        `Scaling`.

    Raises:
        ValueError: If the unit is another one, or the values are not from 0
            to 1.

    Example:
    >>> infer_scaling("mm h-1", rain)
    RainRate
    """
    plain = "".join(unit.lower().replace("^", "").replace("**", "").split())
    if plain in _RATES:
        return RainRate()
    if plain == "dbz":
        return MinMax(*REFLECTIVITY, unit=unit)
    if frames.dtype == np.uint8:
        return MinMax(0, 255, unit=unit)
    # NaN where all are NaN, without a warning.
    low, high = (f.reduce(frames, axis=None) for f in (np.fmin, np.fmax))
    if plain not in _PLAIN or low < 0 or high > 1:
        raise ValueError(
            "`scaling` is needed for values that are neither mm/h nor dBZ nor "
            "from 0 to 1, such as MinMax(low, high). Received: values from "
            f"{low:g} to {high:g} in the unit {unit!r}"
        )
    return MinMax(unit=unit)


def times_ahead(recording, count):
    """Return the times after the last of a recording.

    Args:
        recording: `Recording`.
        count: Integer, how many.

    Returns:
        Array of `datetime64`, or None where they are not known.

    Example:
    >>> times_ahead(recording, 2)
    array(['2020-01-01T00:10', '2020-01-01T00:15'], dtype='datetime64[us]')
    """
    if recording.times is None or recording.interval is None:
        return None
    last = recording.times[len(recording) - 1].astype("datetime64[us]")
    return last + steps_ahead(recording.interval, count)


def steps_ahead(interval, count):
    """Return the time from the last frame to each of those after it.

    Args:
        interval: Number, seconds between two frames.
        count: Integer, how many.

    Returns:
        Array of `timedelta64`, in microseconds.

    Example:
    >>> steps_ahead(0.5, 2)
    array([ 500000, 1000000], dtype='timedelta64[us]')
    """
    steps = 1e6 * interval * np.arange(1, count + 1)
    return steps.round().astype("timedelta64[us]")
