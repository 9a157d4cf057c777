"""The times of the frames of a stream."""

import datetime
from typing import NamedTuple

import numpy as np

GAPS = ("restart", "refuse")


class Clock(NamedTuple):
    """The time of the newest frame and the interval to the next."""

    interval: np.timedelta64 | None = None  # None: that of the first two
    gap: str = "restart"  # or "refuse"
    last: np.datetime64 | None = None  # time of the newest frame
    started: bool = False  # whether there was a frame

    def after(self, time):
        """Return the clock after a frame and whether frames are missing."""
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
                f"frame of {self.last}. Skip this one. "
                f"Received: time={time}"
            )
        if self.interval is None:
            return new._replace(interval=passed), False
        if 2 * passed <= self.interval:
            raise ValueError(
                f"The frame is early: the last one is of {self.last} and "
                f"frames are {seconds(self.interval):g} s apart. If this "
                "interval (by default that of the first two frames) is "
                "wrong, start a stream with the right one: "
                f"model.stream(interval=…). Received: time={time}"
            )
        missed = 2 * passed >= 3 * self.interval
        if missed and self.gap == "refuse":
            raise ValueError(
                f"Frames are missing: the last one is of {self.last} and "
                f"frames are {seconds(self.interval):g} s apart. Fill the gap "
                "with your own frames, or use model.stream(gap='restart'). "
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
                "Pass the time of every frame of a stream or of none. The "
                f"last frame had time={self.last}. Received: time={time}"
            )


def as_time(time):
    """Return a time as `numpy.datetime64`, in microseconds and UTC."""
    if isinstance(time, datetime.datetime) and time.tzinfo is not None:
        time = time.astimezone(datetime.UTC).replace(tzinfo=None)
    array = np.asarray(time)
    if isinstance(time, datetime.datetime) and array.dtype.kind == "O":
        array = array.astype("datetime64[us]")
    if array.dtype.kind != "M" or array.ndim:
        raise TypeError(
            "`time` must be a datetime.datetime or numpy.datetime64: a number "
            f"has no unit. Received: time={time!r}"
        )
    if np.isnat(array):
        raise ValueError(
            "`time` must be a time. Skip frames whose time is unknown. "
            f"Received: time={time!r}"
        )
    return array.astype("datetime64[us]")[()]


def as_interval(interval):
    """Return seconds or a timedelta as `numpy.timedelta64`, microseconds."""
    array = np.asarray(interval)
    if array.dtype.kind in "iuf" and not array.ndim:
        array = 1e6 * array.astype("float64")
        # NaN, infinite and huge values become 0, which is refused.
        array = np.where(np.abs(array) < 2**62, np.round(array), 0)
        array = array.astype("timedelta64[us]")
    elif isinstance(interval, datetime.timedelta):
        array = array.astype("timedelta64[us]")
    if array.dtype.kind == "m" and not array.ndim:
        # A plain count has no unit and is refused.
        count = np.datetime_data(array.dtype)[0] == "generic"
        value = array.astype("timedelta64[us]")[()]
        if not count and value > np.timedelta64(0):
            return value
    raise ValueError(
        "`interval` must be a positive number of seconds or a timedelta. "
        f"Received: interval={interval!r}"
    )


def seconds(interval):
    """Return an interval in seconds."""
    return interval / np.timedelta64(1, "s")
