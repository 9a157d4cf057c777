"""The times of the frames of a stream: in order, and without gaps."""

import datetime
from typing import NamedTuple

import numpy as np

GAPS = ("restart", "refuse")


class Clock(NamedTuple):
    """When the newest frame was, and when the next one is due.

    A frame is due one interval after the last one, give or take less than
    half an interval.

    Args:
        interval: `numpy.timedelta64`, time between two frames; None takes it
            from the first two.
        gap: String, `"restart"` or `"refuse"`.
        last: `numpy.datetime64` of the newest frame, or None.
        started: Boolean, whether there was a frame.
    """

    interval: np.timedelta64 | None = None
    gap: str = "restart"
    last: np.datetime64 | None = None
    started: bool = False

    def after(self, time):
        """The clock after one more frame.

        Args:
            time: `datetime.datetime`, `numpy.datetime64`, or None in a stream
                without times.

        Returns:
            Tuple of the new `Clock` and a boolean, whether frames are missing
            before this one.

        Raises:
            ValueError: If the frame is late, repeated or early; after a gap
                if `gap` is `"refuse"`; or if only some frames have a time.
            TypeError: If `time` is not a time.
        """
        self._check_use(time)
        if time is None:
            return self._replace(started=True), False
        time = as_time(time)
        new = self._replace(last=time, started=True)
        if self.last is None:
            return new, False
        passed = time - self.last
        if passed <= np.timedelta64(0):
            raise ValueError(
                "The frame is late or repeated: the stream already has the "
                f"frame of {self.last}. Leave this one out. "
                f"Received: time={time}"
            )
        if self.interval is None:
            return new._replace(interval=passed), False
        if 2 * passed <= self.interval:
            raise ValueError(
                f"The frame is early: the last one is of {self.last} and "
                f"frames are {seconds(self.interval):g} s apart. If this "
                "interval, by default that of the first two frames, is "
                "wrong, start a stream with the right one, "
                f"model.stream(interval=…). Received: time={time}"
            )
        missed = 2 * passed >= 3 * self.interval
        if missed and self.gap == "refuse":
            raise ValueError(
                f"Frames are missing: the last one is of {self.last} and "
                f"frames are {seconds(self.interval):g} s apart. Fill the gap "
                "with frames of your own, or use model.stream(gap='restart'). "
                f"Received: time={time}"
            )
        return new, missed

    def _check_use(self, time):
        """Refuse times of some frames only, and an interval without times."""
        if time is None and self.last is None and self.interval is not None:
            raise ValueError(
                "A stream with an interval needs the time of each frame: "
                "update(frame, time). Received: time=None"
            )
        if self.started and (time is None) != (self.last is None):
            raise ValueError(
                "Give the time of every frame of a stream or of none. The "
                f"last frame had time={self.last}. Received: time={time}"
            )


def as_time(time):
    """A time as `numpy.datetime64`, in microseconds and UTC.

    Args:
        time: `datetime.datetime` or `numpy.datetime64`. Without a time zone
            it is taken for UTC.

    Returns:
        `numpy.datetime64`.

    Raises:
        TypeError: If it is something else, such as a number.
        ValueError: If it is not-a-time.
    """
    if isinstance(time, datetime.datetime) and time.tzinfo is not None:
        time = time.astimezone(datetime.UTC).replace(tzinfo=None)
    array = np.asarray(time)
    if isinstance(time, datetime.datetime) and array.dtype.kind == "O":
        array = array.astype("datetime64[us]")
    if array.dtype.kind != "M" or array.ndim:
        raise TypeError(
            "`time` must be a datetime.datetime or numpy.datetime64: a number "
            f"does not tell its unit. Received: time={time!r}"
        )
    if np.isnat(array):
        raise ValueError(
            "`time` must be a time; leave out frames of an unknown one. "
            f"Received: time={time!r}"
        )
    return array.astype("datetime64[us]")[()]


def as_interval(interval):
    """A time between frames as `numpy.timedelta64`, in microseconds.

    Args:
        interval: Number, seconds; or `datetime.timedelta` or
            `numpy.timedelta64`.

    Returns:
        `numpy.timedelta64`.

    Raises:
        ValueError: If it is not positive or no such value.
    """
    array = np.asarray(interval)
    if array.dtype.kind in "iuf" and not array.ndim:
        array = 1e6 * array.astype("float64")
        # NaN, infinite and huge ones become 0, which is refused.
        array = np.where(np.abs(array) < 2**62, np.round(array), 0)
        array = array.astype("timedelta64[us]")
    elif isinstance(interval, datetime.timedelta):
        array = array.astype("timedelta64[us]")
    if array.dtype.kind == "m" and not array.ndim:
        # A bare count has no unit and is no duration.
        count = np.datetime_data(array.dtype)[0] == "generic"
        value = array.astype("timedelta64[us]")[()]
        if not count and value > np.timedelta64(0):
            return value
    raise ValueError(
        "`interval` must be a positive number of seconds or a timedelta. "
        f"Received: interval={interval!r}"
    )


def seconds(interval):
    """An interval as a number of seconds."""
    return interval / np.timedelta64(1, "s")
