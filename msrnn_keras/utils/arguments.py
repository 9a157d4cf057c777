"""Checks of single arguments; nothing here imports Keras."""

import math
import numbers
import os
import pathlib
import re

MOST = 2**31 - 1  # what an integer may be, unless another limit is given
LONGEST = 200  # characters of a value in a message


def shown(value):
    """Return a value as text of one line that is not too long."""
    text = " ".join(repr(value).split())
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def refused(name, wanted, value):
    """Return the ValueError for an argument that is not as wanted."""
    return ValueError(
        f"`{name}` must be {wanted}. Received: {name}={shown(value)}"
    )


def check_positive(name, value, most=MOST):
    """Return a positive integer as int; refuse any other value.

    Integers of NumPy and whole floats, such as 3.0, are integers.
    """
    wanted = "a positive integer"
    if most < MOST or (is_number(value) and value > most):
        wanted += f", at most {most:,}"
    return _whole(name, value, 1, most, wanted)


def check_count(name, value, least, most=MOST):
    """Return an integer of at least `least` as int; refuse any other value."""
    wanted = f"an integer of at least {least}"
    if most < MOST or (is_number(value) and value > most):
        wanted += f" and at most {most:,}"
    return _whole(name, value, least, most, wanted)


def check_finite(name, value):
    """Return a finite number as int or float; refuse any other value."""
    if not is_number(value) or not _is_finite(value):
        raise refused(name, "a finite number", value)
    return value.item() if hasattr(value, "item") else value


def check_within(name, value, interval):
    """Return a number in an interval, such as "[0, 1)"; refuse others."""
    low, high = map(float, interval[1:-1].split(","))
    valid = is_number(value) and low <= value <= high and _is_finite(value)
    open_ends = (interval[0] == "(" and value == low) or (
        interval[-1] == ")" and value == high
    )
    if not valid or open_ends:
        raise refused(name, _in_words(interval, low, high), value)
    return check_finite(name, value)


def check_above(name, value, least):
    """Return a number above `least`, also infinity; refuse any other value."""
    if not is_number(value) or not value > least:
        wanted = "positive" if not least else f"a number above {least}"
        raise refused(name, wanted, value)
    return value


def check_boolean(name, value):
    """Return True or False, which 1 and 0 may stand for; refuse others."""
    kind = getattr(getattr(value, "dtype", None), "kind", None)
    if (
        not (isinstance(value, int) or kind == "b")
        or getattr(value, "ndim", 0)
        or value not in (0, 1)
    ):
        raise refused(name, "True or False", value)
    return bool(value)


def check_known(name, value, known):
    """Return a text, or None, that is one of those known; refuse others."""
    if not (value is None or isinstance(value, str)) or value not in known:
        raise refused(name, f"one of {', '.join(map(str, known))}", value)
    return value


def check_integers(name, values):
    """Return a list, tuple or array of positive integers as tuple of int."""
    values = _sequence(name, values, "a tuple of positive integers")
    return tuple(check_positive(name, value) for value in values)


def check_size(name, size):
    """Return `(height, width)`, two positive integers, as tuple of int."""
    wanted = "(height, width), positive integers, without channels"
    if len(_sequence(name, size, wanted)) != 2:
        raise refused(name, wanted, size)
    return check_integers(name, size)


def check_numbers(name, values):
    """Return a list, tuple or array of finite numbers as tuple."""
    values = _sequence(name, values, "a tuple of finite numbers")
    return tuple(check_finite(name, value) for value in values)


def check_range(name, limits):
    """Return `(low, high)`, two rising finite numbers, as floats."""
    wanted = "(low, high), two finite numbers that rise"
    limits = _sequence(name, limits, wanted)
    if len(limits) != 2:
        raise refused(name, wanted, limits)
    low, high = (float(check_finite(name, limit)) for limit in limits)
    if not low < high:
        raise refused(name, wanted, limits)
    return low, high


def check_path(name, value):
    """Return a path as `pathlib.Path`; refuse what names no file."""
    text = os.fspath(value) if isinstance(value, os.PathLike) else value
    if not isinstance(text, str) or not text or re.search(r"[\0-\x1f]", text):
        wanted = "a path, as text without control characters"
        raise refused(name, wanted, value)
    return pathlib.Path(text).expanduser()


def is_number(value):
    """Return whether a value is a real number, also of NumPy, but no bool."""
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def _sequence(name, value, wanted):
    if not isinstance(value, (list, tuple)) and not getattr(value, "ndim", 0):
        raise refused(name, wanted, value)
    return tuple(value)


def _is_finite(value):
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer that no float can be
        return False


def _whole(name, value, least, most, wanted):
    # NaN is not within any limits.
    if is_number(value) and least <= value <= most and value == int(value):
        return int(value)
    raise refused(name, wanted, value)


def _in_words(interval, low, high):
    if math.isinf(high):
        zero_or = "0 or more" if interval[0] == "[" else "positive"
        return f"a finite number, {zero_or}" if not low else "a finite number"
    return f"a number in {interval}"
