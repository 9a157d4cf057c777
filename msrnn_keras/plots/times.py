"""The columns of a sequence: which frames are drawn, and their times."""

import numpy as np

MAX_COLUMNS = 10
"""Frames that a row of a figure has at most."""


def check_above_0(name, value):
    """Raise a ValueError for a number that is not positive."""
    if not value > 0:
        raise ValueError(f"`{name}` must be positive. Received: {name}={value}")


def future_columns(length, interval, unit, first=1):
    """Return the indices of frames to draw, `first` steps ahead, and labels."""
    number = min(length, MAX_COLUMNS)
    chosen = np.linspace(0, length - 1, number).round().astype(int)
    return chosen, [time_label(first + i, interval, unit) for i in chosen]


def time_label(step, interval, unit):
    """Return the label of a frame, such as "t+1" or "+5 min"."""
    sign = "+" if step > 0 else "−" if step < 0 else ""
    number = f"{sign}{abs(step * interval):g}"
    return f"t{number}" if unit == "frame" else f"{number} {unit}"
