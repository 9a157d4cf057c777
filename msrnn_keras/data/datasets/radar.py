"""Radar events of the Netherlands and Finland, for rain nowcasting."""

import re
from collections.abc import Collection

import numpy as np

from msrnn_keras.data.datasets.blocks import block_means
from msrnn_keras.data.datasets.cache import data_home
from msrnn_keras.data.datasets.events import (
    DBZ,
    INTERVAL,
    SCALING,
    Events,
    load_events,
    stored,
)
from msrnn_keras.data.sources import ArraySource, segments_of
from msrnn_keras.utils.typing import PathLike, Split

BLOCK = 2  # side of the averaged blocks, pixels of 1 km


def _days(month, first, last):
    return tuple(f"2021-{month:02}-{day:02}" for day in range(first, last + 1))


DATES = {
    "train": ("2010-08-26", "2016-09-28", *_days(1, 1, 5), *_days(1, 7, 10)),
    "validation": ("2017-05-09", "2021-01-06"),
    "test": _days(2, 2, 6),
}
_SINGLE = {
    "2010-08-26": "knmi_20100826.npz",
    "2016-09-28": "fmi_20160928.npz",
    "2017-05-09": "fmi_20170509.npz",
}
_EVENINGS = re.compile(r"knmi_(\d{4}-\d\d-\d\d)_(\d{4}-\d\d-\d\d)\.npz")


class Radar(Events):
    """Rain rate of radar events at 2 km every five minutes, in mm/h.

    Composites of KNMI, of 20 winter evenings of 2021 and of 2010-08-26, and of
    FMI, of 2016-09-28 and 2017-05-09. Training is `DATES["train"]`; the test is
    five wet evenings of February 2021.

    A pixel is x = dBZ / 60, in [0, 1], with Z = 200 R^1.6. Reflectivity below 7
    dBZ counts as no rain, first at 1 km, then again at 2 km: means of the rain
    rate over the valid pixels of 2×2, missing (NaN) with fewer than two. An odd
    last row is dropped. Of 2010, the box with data is kept. All frames are in
    memory as dBZ, float16.

    Args:
        split: `"train"`, `"validation"` or `"test"`.
        path: Path of a folder that has, in any subfolders, the files
            `knmi_FIRST_LAST.npz` (arrays `pv` and `times`) with the dates,
            `knmi_20100826.npz` (`rate` and `times`), `fmi_20160928.npz` and
            `fmi_20170509.npz` (`counts` and `time_utc`); None is
            `datasets/radar` in the Keras home.
        dates: Date of the split such as `"2021-02-06"`, or a list of them; None
            is all.

    Raises:
        FileNotFoundError, OSError: If a file is missing, or damaged.
        ValueError: If a date is not in the split or in its file.

    Example:
    >>> clips = Clips(Radar("test", "radar/", "2021-02-06"), 6, 12, stride=2)

    Source of the data: KNMI and FMI, CC BY 4.0.
    """

    def __init__(
        self,
        split: Split,
        path: PathLike | None = None,
        dates: str | Collection[str] | None = None,
    ) -> None:
        dates = _check_dates(split, dates)
        files = _find(data_home("radar", path), dates)
        events = {}
        for file in dict.fromkeys(files.values()):
            of_file = [date for date in dates if files[date] == file]
            events |= _read(file, of_file)
        super().__init__([events[date] for date in dates], SCALING)


def load_radar(split, path=None, dates=None, **settings):
    """Load a split as `data.load` does; the settings are of `load_events`."""
    settings["cache"] = data_home("radar", settings.get("cache"))
    return load_events(Radar(split, path, dates), split, **settings)


def _check_dates(split, dates):
    """Return the chosen dates of a split."""
    given = [dates] if isinstance(dates, str) else dates
    given = DATES[split] if given is None else tuple(map(str, given))
    if not given or not set(given) <= set(DATES[split]):
        raise ValueError(
            f"`dates` of the split {split!r} must be among "
            f"{', '.join(DATES[split])}. Received: dates={dates!r}"
        )
    return [date for date in DATES[split] if date in given]


def _find(folder, dates):
    """Return the file of each date."""
    found = {path.name: path for path in sorted(folder.rglob("*.npz"))}
    files, missing = dict(_evening_files(found)), []
    files |= {date: found.get(name) for date, name in _SINGLE.items()}
    for date in dates:
        if files.get(date) is None:
            missing.append(_SINGLE.get(date) or f"knmi_{date}_{date}.npz")
    if missing:
        raise FileNotFoundError(
            "`path` must be a folder with the files of the data set 'radar', "
            "knmi_FIRST_LAST.npz for a range of dates; missing: "
            f"{', '.join(missing)}. Received: {str(folder)!r}"
        )
    return {date: files[date] for date in dates}


def _evening_files(found):
    """Yield all dates in the names of files of evenings, with their file."""
    for name, path in found.items():
        match = _EVENINGS.fullmatch(name)
        if match:
            first, last = (np.datetime64(day) for day in match.groups())
            for day in np.arange(first, last + 1):
                yield str(day), path


def _read(path, dates):
    """Return the events of some dates of a file, at 2 km."""
    try:
        with np.load(path, allow_pickle=False) as file:
            name = next(x for x in ("pv", "counts", "rate") if x in file)
            values = file[name]
            times = file["time_utc" if name == "counts" else "times"].ravel()
        values = values.reshape(len(times), *values.shape[-2:])
        times = _as_minutes(times)
    except Exception as error:
        raise OSError(
            "The radar file cannot be read; it may be cut off "
            f"({type(error).__name__}: {error}). Received: {str(path)!r}"
        ) from error
    events, days = {}, times.astype("datetime64[D]")
    for date in dates:
        chosen = np.flatnonzero(days == np.datetime64(date))
        if not len(chosen):
            raise ValueError(
                f"The file must have frames of {date}. Received: "
                f"{', '.join(map(str, np.unique(days)))} in {str(path)!r}"
            )
        frames = values[chosen]
        if name == "rate":
            frames = _box_with_data(frames)
        pixels = [_pixels(frame, name == "rate") for frame in frames]
        segments = segments_of(times[chosen], INTERVAL)
        pixels = stored(np.stack(pixels)[..., None])
        events[date] = ArraySource(
            pixels, segments, DBZ, INTERVAL, times[chosen]
        )
    return events


def _as_minutes(times):
    """Return times, or texts YYYYMMDDHHMM, as `datetime64[m]`."""
    if times.dtype.kind == "U":
        times = [f"{x[:4]}-{x[4:6]}-{x[6:8]}T{x[8:10]}:{x[10:]}" for x in times]
    return np.array(times, "datetime64[m]")


def _box_with_data(frames):
    """Return the smallest box with all pixels that are ever valid."""
    valid = np.isfinite(frames).any(axis=0)
    rows, columns = (np.flatnonzero(valid.any(axis=axis)) for axis in (1, 0))
    box = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    return frames[:, *box]


def _pixels(frame, is_rate):
    """Return x at 2 km of a frame of mm/h or of stored numbers."""
    rate = frame.astype("float32") if is_rate else _RATES[frame]
    return SCALING(block_means(rate, BLOCK))


def _rates():
    """Return mm/h of the stored numbers 0 (dry) to 255 (missing)."""
    dbz = 0.5 * np.arange(256) - 32
    rates = (10 ** (dbz / 10) / SCALING.a) ** (1 / SCALING.b)
    rates[dbz < SCALING.least], rates[255] = 0, np.nan
    return rates.astype("float32")


_RATES = _rates()
