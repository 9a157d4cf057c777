"""The columns of a sequence: which frames are shown, and their times."""

import numpy as np

MAX_COLUMNS = 10


def check_interval(interval):
    """Refuse an interval between frames that is not positive.

    Args:
        interval: Number, time between two frames.

    Raises:
        ValueError: If it is not positive.
    """
    if not interval > 0:
        raise ValueError(
            f"`interval` must be positive. Received: interval={interval}"
        )


def columns(length):
    """Pick at most `MAX_COLUMNS` frames, evenly spaced, with both ends.

    Args:
        length: Integer, number of frames.

    Returns:
        Array of indices.
    """
    number = min(length, MAX_COLUMNS)
    return np.linspace(0, length - 1, number).round().astype(int)


def time_label(step, interval, unit):
    """Label a frame by its time after the last input frame.

    Args:
        step: Integer, frames after the last input frame.
        interval: Time between two frames, in `unit`.
        unit: Name of the unit of time; "frame" gives t−1, t0, t+1.

    Returns:
        String.
    """
    sign = "+" if step > 0 else "−" if step < 0 else ""
    number = f"{sign}{abs(step * interval):g}"
    return f"t{number}" if unit == "frame" else f"{number} {unit}"


def past_columns(length, interval, unit):
    """The shown frames of the past, with their labels.

    Args:
        length: Integer, frames of the past.
        interval: Time between two frames, in `unit`.
        unit: Name of the unit of time.

    Returns:
        Tuple of an array of indices and a list of labels.
    """
    chosen = columns(length)
    return chosen, [time_label(i + 1 - length, interval, unit) for i in chosen]


def future_columns(length, interval, unit):
    """The shown frames of the future, with their labels.

    Args:
        length: Integer, frames of the future.
        interval: Time between two frames, in `unit`.
        unit: Name of the unit of time.

    Returns:
        Tuple of an array of indices and a list of labels.
    """
    chosen = columns(length)
    return chosen, [time_label(i + 1, interval, unit) for i in chosen]
