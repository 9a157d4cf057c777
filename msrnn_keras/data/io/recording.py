"""Recordings: frames with the times, units and metadata of their file."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from msrnn_keras.data import sources
from msrnn_keras.data.scaling import MinMax, RainRate, Scaling
from msrnn_keras.utils.checks import stacked

if TYPE_CHECKING:
    import xarray

REFLECTIVITY = (-10.0, 60.0)  # dBZ of pixels 0 and 1
_RATES = {"mm/h", "mmh-1", "mm/hr", "mmhr-1", "mm/hour", "mmhour-1"}
_PLAIN = {"", "1", "none"}


class Recording(sources.ArraySource):
    """Frames with the metadata of their file.

    Args:
        frames, *args, **rest: As in `ArraySource`.
        coordinates: `xarray.Dataset` of the last two frames, or None.
        unit: String, unit of the values; None is that of the scaling.
        metadata: Dict, further information of the file.

    Example:
    >>> clips = Clips(from_netcdf("rain.nc"), context=10, horizon=10)
    """

    def __init__(
        self,
        frames: Any,
        *args: Any,
        coordinates: "xarray.Dataset | None" = None,
        unit: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        **rest: Any,
    ) -> None:
        super().__init__(frames, *args, **rest)
        self.coordinates = coordinates
        self.unit = self.scaling.unit if unit is None else unit
        self.metadata = dict(metadata or {})


def from_arrays(
    frames: npt.ArrayLike,
    interval: float | None = None,
    times: npt.ArrayLike | None = None,
    scaling: Scaling | None = None,
) -> Recording:
    """Create a source of frames from an array.

    Args:
        frames: Array `(frames, height, width[, channels])`, may be mapped.
        interval: Number, seconds between two frames, split where a step of the
            times differs. None derives it from evenly spaced times.
        times: Array of `datetime64`, ISO text or `datetime` (UTC, or with a
            zone), one per frame, rising.
        scaling: `Scaling`; None is for 8-bit integers and floats in [0, 1].

    Returns:
        `Recording`.

    Raises:
        ValueError: If the frames or the times have another form.

    Example:
    >>> source = from_arrays(rain, interval=300, scaling=RainRate())
    >>> model.forecast(source.pixels(0, 10)[None])
    """
    sources.check_scaling(scaling)
    frames = np.asanyarray(stacked(frames))
    if frames.ndim == 3:
        frames = frames[..., None]
    interval, segments = split_at_gaps(times, interval)
    recording = Recording(frames, segments, scaling, interval, times)
    if scaling is None and frames.dtype != np.uint8:
        recording.scaling = infer_scaling("", recording.frames)
    return recording


def split_at_gaps(times, interval=None, precision=0.0):
    """Return the interval and the segments of frames, None where unknown."""
    interval = sources.check_interval(interval)
    if times is None:
        return interval, None
    times = np.atleast_1d(sources.as_times(times))
    if len(times) < 2:
        return interval, None
    steps = sources.steps_of(times)
    tolerance = max(1e-3, 2 * precision)
    usual = _usual(steps, tolerance) if interval is None else interval
    if precision and 2 * tolerance > usual:
        raise ValueError(
            "The times are too imprecise to detect a gap; store them as "
            f"float64 or integers. Received: times rounded to {precision:g} s, "
            f"{usual:g} s apart"
        )
    segments = sources.segments_of(times, usual, tolerance)
    if interval is not None:
        return interval, segments
    if len(segments) > 1:
        late = segments[0][1]
        raise ValueError(
            "The times must be evenly spaced; `interval` (--interval) splits "
            f"the frames where they are not. Received: frame {late}, at "
            f"{times[late].astype('M8[s]')}, comes "
            f"{steps[late - 1]:g} s after the previous one, not {usual:g} s"
        )
    error = 2 * (precision + 1e-6) / len(steps)  # steps are rounded to 1 µs
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
    """Return the `Scaling` for mm/h, dBZ, or [0, 1] without a unit."""
    plain = "".join(unit.lower().replace("^", "").replace("**", "").split())
    if plain in _RATES:
        return RainRate()
    if plain == "dbz":
        return MinMax(*REFLECTIVITY, unit=unit)
    if frames.dtype == np.uint8:
        return MinMax(0, 255, unit=unit)
    # NaN if all values are NaN, without a warning.
    low, high = (f.reduce(frames, axis=None) for f in (np.fmin, np.fmax))
    if plain not in _PLAIN or low < 0 or high > 1:
        raise ValueError(
            "`scaling` is needed for values other than mm/h, dBZ, or [0, 1] "
            "without a unit, such as MinMax(low, high). Received: values from "
            f"{low:g} to {high:g} in the unit {unit!r}"
        )
    return MinMax(unit=unit)


def times_ahead(recording, count):
    """Return the `count` times after the last frame, or None if unknown."""
    if recording.times is None or recording.interval is None:
        return None
    last = recording.times[len(recording) - 1].astype("datetime64[us]")
    return last + steps_ahead(recording.interval, count)


def steps_ahead(interval, count):
    """Return the times from the last frame to the next `count` frames."""
    steps = 1e6 * interval * np.arange(1, count + 1)
    return steps.round().astype("timedelta64[us]")
