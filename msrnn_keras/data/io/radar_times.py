"""Times and periods of radar files, from their names and contents."""

import datetime
import re

import h5py
import numpy as np

from msrnn_keras.utils.extras import require

# YYYYMMDDHHMM or YYYYMMDDHHMMSS, optionally with T, _ or - before the hour.
_TIME = re.compile(
    r"(?<!\d)((?:19|20)\d{2}[01]\d[0-3]\d)[T_-]?([0-2]\d[0-5]\d)([0-5]\d)?"
    r"(?!\d)"
)
_CLOCK = re.compile(r"(?<!\d)([01]\d|2[0-3])([0-5]\d)(?:[0-5]\d)?(?!\d)")
_DIGITS = {"Y": 4, "m": 2, "d": 2, "H": 2, "M": 2, "S": 2, "y": 2, "j": 3}
_FROM_COARSE_TO_FINE = ("Yy", "mj", "dj", "H", "M", "S")
_UNKNOWN = np.datetime64("NaT", "s")
_MONTHS = "JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC".split()


def file_times(paths, pattern=None):
    """Return the times of radar files as `datetime64`, or None if unknown."""
    times = _times_in_names(paths, pattern)
    if times is not None and _has_date(pattern):
        return times
    stated = [stated_times(path)[1] for path in paths]
    if not any(np.isnat(stated)):
        return np.array(stated, "datetime64[ns]")
    if pattern is not None:
        raise ValueError(
            "`pattern` (--pattern) must contain the date, as %Y%m%d%H%M, for "
            f"files that do not state it. Received: pattern={pattern!r}"
        )
    return None


def check_name_order(paths):
    """Raise an error if names with hours but no date seem to cross midnight."""
    clocks = [_CLOCK.findall(path.name) for path in paths]
    for column in zip(*clocks, strict=False):
        minutes = np.unique([60 * int(h) + int(m) for h, m in column])
        steps = np.diff(minutes)
        if len(steps) and 1440 - np.ptp(minutes) < steps.max():
            raise ValueError(
                "The names have hours without a date that seem to cross "
                "midnight: add the date to the names, or list the files in "
                "time order. Received: "
                f"{paths[0].name!r} to {paths[-1].name!r}"
            )


def stated_times(path):
    """Return the start and the end that a radar file states; NaT if unknown."""
    try:
        if h5py.is_hdf5(path):
            with h5py.File(path) as file:
                if "overview" in file:
                    return _knmi_times(file["overview"].attrs)
                if "dataset1" in file:
                    return _odim_times(file)
        return _netcdf_times(path)
    except (OSError, KeyError, ValueError):
        return _UNKNOWN, _UNKNOWN


def _knmi_times(attributes):
    """Return start and end, given as 01-JUN-2020;12:00:00.000."""
    times = []
    for name in ("product_datetime_start", "product_datetime_end"):
        date, clock = _text(attributes[name]).split(";")
        day, month, year = date.split("-")
        month = _MONTHS.index(month.upper()) + 1
        text = f"{year}-{month:02}-{int(day):02}T{clock}"
        times.append(np.datetime64(text, "s"))
    return tuple(times)


def _odim_times(file):
    """Return start and end of an ODIM file's sums, else of its first data."""
    # The importers read the last data set of the quantity they look for.
    found = {}
    for name in filter(lambda x: x.startswith("dataset"), file):
        for data in filter(lambda x: x.startswith("data"), file[name]):
            what = {}
            for group in (file[name], file[name][data]):
                what.update(group["what"].attrs if "what" in group else {})
            quantity = _text(what.get("quantity", ""))
            if quantity == "ACRR" or not found:
                found = what
    found = {**(file["what"].attrs if "what" in file else {}), **found}
    start = _odim_time(found, "startdate", "starttime")
    end = _odim_time(found, "enddate", "endtime")
    if np.isnat(end):
        end = _odim_time(found, "date", "time")
    return start, end


def _odim_time(attributes, *names):
    if not set(names) <= set(attributes):
        return _UNKNOWN
    text = "".join(_text(attributes[name]) for name in names)
    time = datetime.datetime.strptime(text, "%Y%m%d%H%M%S")
    return np.datetime64(time, "s")


def _text(attribute):
    value = np.ravel(attribute)[0]
    return value.decode() if isinstance(value, bytes) else str(value)


def _netcdf_times(path):
    xarray = require("xarray", "radar")
    options = {"engine": "netcdf4", "decode_timedelta": False}
    with xarray.open_dataset(path, **options) as file:
        return tuple(
            file[name].to_numpy().ravel()[0].astype("datetime64[s]")
            if name in file and file[name].dtype.kind == "M"
            else _UNKNOWN
            for name in ("start_time", "valid_time")
        )


def _times_in_names(paths, pattern):
    """Return the times in the file names, or None."""
    names = [path.name for path in paths]
    if pattern is None:
        found = [_TIME.search(name) for name in names]
        if not all(found):
            return None
        names = ["".join(x or "00" for x in match.groups()) for match in found]
        pattern = "%Y%m%d%H%M%S"
    expression, form = _compile(pattern)
    times = []
    for name in names:
        match = expression.fullmatch(name)
        try:
            text = "-".join(match.groups())
            times.append(datetime.datetime.strptime(text, form))
        except (AttributeError, ValueError) as error:
            raise ValueError(
                f"Every file name must contain a time, {pattern}. "
                f"Received: {name!r}"
            ) from error
    return np.asarray(times, "datetime64[ns]")


def _compile(pattern):
    """Return a regular expression for the names and a `strptime` format."""
    expression, form = "", []
    for part in re.findall(r"%.|.", pattern):
        if part[0] == "%" and part[1:] in _DIGITS:
            expression += rf"(\d{{{_DIGITS[part[1]]}}})"
            form.append(part)
        else:
            wild = {"?": ".", "*": ".*"}
            expression += wild.get(part) or re.escape(part)
    if not form:
        raise ValueError(
            "`pattern` must contain directives such as %Y%m%d%H%M. "
            f"Received: {pattern!r}"
        )
    return re.compile(expression), "-".join(form)


def _has_date(pattern):
    """Return whether a pattern has all units above its finest."""
    if pattern is None:
        return True
    found = set(re.findall(r"%(.)", pattern))
    given = [not found.isdisjoint(unit) for unit in _FROM_COARSE_TO_FINE]
    return given == sorted(given, reverse=True)
