"""The columns of a sequence: which frames are drawn, and their times."""

import numpy as np

MAX_COLUMNS = 10


def check_interval(interval):
    """Raise a ValueError for an interval that is not positive."""
    if not interval > 0:
        raise ValueError(
            f"`interval` must be positive. Received: interval={interval}"
        )


def past_columns(length, interval, unit):
    """Return the indices of the past frames to draw, and their labels."""
    return _columns(length, 1 - length, interval, unit)


def future_columns(length, interval, unit):
    """Return the indices of the future frames to draw, and their labels."""
    return _columns(length, 1, interval, unit)


def _columns(length, first, interval, unit):
    """Choose evenly spaced frames; `first` is the time of the first frame."""
    number = min(length, MAX_COLUMNS)
    chosen = np.linspace(0, length - 1, number).round().astype(int)
    return chosen, [_label(first + i, interval, unit) for i in chosen]


def _label(step, interval, unit):
    """Return a label of the time after the last input frame."""
    sign = "+" if step > 0 else "−" if step < 0 else ""
    number = f"{sign}{abs(step * interval):g}"
    return f"t{number}" if unit == "frame" else f"{number} {unit}"
