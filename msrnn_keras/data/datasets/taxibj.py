"""TaxiBJ: how many taxis enter and leave each cell of a grid over Beijing."""

import datetime
import pathlib
import warnings

import numpy as np

from msrnn_keras.data.datasets.cache import data_home
from msrnn_keras.data.datasets.digits import SPLITS
from msrnn_keras.data.datasets.hdf5 import array_of, open_hdf5
from msrnn_keras.data.scaling import MinMax
from msrnn_keras.data.sources import Source

FILES = tuple(f"BJ{year}_M32x32_T30_InOut.h5" for year in (13, 14, 15, 16))
ADDRESS = "https://github.com/lucktroy/DeepST/tree/master/data/TaxiBJ"
SLOTS = 48  # of a day
HELD_OUT = 28 * SLOTS  # slots of the test part, and of validation
SIZE = 32
FLOWS = 2
ROWS_AT_ONCE = 512


class TaxiBJ(Source):
    """In-flow and out-flow of 32×32 cells, each half hour, in vehicles.

    All slots of the four files in the order of time are parted: the last
    1,344 (28 days) are the test part, the 1,344 before them validation, the
    rest is for training. Slots with an invalid date (slot number not 01 to
    48) or a date not later than those before them in the file are left out,
    with a warning. Frames follow one another where the date goes on by half
    an hour, within one file and one part.

    One pair of extremes over both flows, of the training part alone, scales
    all three parts; values beyond it become 0 or 1. Negative counts are 0, as
    in the published preparation.

    Args:
        split: `"train"`, `"validation"` or `"test"`.
        path: Path of the folder with the four HDF5 files; None is
            `datasets/taxibj` in the Keras home.

    Raises:
        FileNotFoundError: If a file is missing.
        OSError: If a file is damaged.
        ValueError: If a file has another form, or holds too little.

    Example:
    >>> clips = Clips(TaxiBJ("test", "TaxiBJ/"), context=4, horizon=4)

    Reference:
        Zhang et al., "Deep Spatio-Temporal Residual Networks for Citywide
        Crowd Flows Prediction", 2017, https://arxiv.org/abs/1610.00081
    """

    image_shape = (SIZE, SIZE, FLOWS)
    interval = 1800.0

    def __init__(self, split, path=None):
        self.files = _find(path)
        slots = [_slots(file) for file in self.files]
        times = np.concatenate([times for times, _ in slots])
        self._file = np.repeat(
            np.arange(len(slots)), [len(t) for t, _ in slots]
        )
        self._row = np.concatenate([rows for _, rows in slots])
        self._check_order(times)
        test, validation = len(times) - HELD_OUT, len(times) - 2 * HELD_OUT
        parts = ((0, validation), (validation, test), (test, len(times)))
        self._first, stop = parts[SPLITS.index(split)]
        part = slice(self._first, stop)
        self.times = times[part]
        self.segments = _runs(times[part], self._file[part], self._row[part])
        self.scaling = MinMax(*self._extremes(validation), unit="vehicles")

    def _check_order(self, times):
        if len(times) <= 2 * HELD_OUT:
            raise ValueError(
                f"TaxiBJ needs more than {2 * HELD_OUT} slots: 28 days of "
                "test, 28 of validation and the training part. "
                f"Received: {len(times)} in {str(self.files[0].parent)!r}"
            )
        early = np.flatnonzero(np.diff(times) <= np.timedelta64(0))
        if len(early):
            file = self.files[self._file[early[0] + 1]]
            raise ValueError(
                "The four files must follow one another in time. Received: "
                f"{str(file)!r} starts before the one before it ends"
            )

    def _extremes(self, slots):
        """The least and the greatest value of the first slots."""
        low, high = np.inf, -np.inf
        for start in range(0, slots, ROWS_AT_ONCE):
            block = self._read(start, min(start + ROWS_AT_ONCE, slots))
            low = np.fmin(low, np.fmin.reduce(block, axis=None))
            high = np.fmax(high, np.fmax.reduce(block, axis=None))
        return low, high

    def read(self, start, stop):
        return self._read(self._first + start, self._first + stop)

    def _read(self, start, stop):
        part = slice(start, stop)
        file, row = self._file[part], self._row[part]
        frames = np.empty((len(row), SIZE, SIZE, FLOWS), "float32")
        edges = np.flatnonzero((np.diff(file) != 0) | (np.diff(row) != 1)) + 1
        for run in np.split(np.arange(len(row)), edges):
            with open_hdf5(self.files[file[run[0]]]) as data:
                flows = array_of(data, "data", (None, FLOWS, SIZE, SIZE))
                flows = flows[row[run[0]] : row[run[-1]] + 1]
            frames[run] = np.moveaxis(flows, 1, -1)
        return np.maximum(frames, 0)


def _find(path):
    """The paths of the four files."""
    if path is None:
        path = data_home("taxibj")
    folder = pathlib.Path(path).expanduser()
    missing = [name for name in FILES if not (folder / name).is_file()]
    if missing:
        raise FileNotFoundError(
            f"`path` must be a folder with {', '.join(FILES)}, see {ADDRESS}; "
            f"missing: {', '.join(missing)}. Received: {str(folder)!r}"
        )
    return [folder / name for name in FILES]


def _slots(path):
    """The times of a file's slots, and the rows that they are in."""
    with open_hdf5(path) as file:
        dates = array_of(file, "date", (None,))[:].astype("S")
        rows = array_of(file, "data", (None, FLOWS, SIZE, SIZE)).shape[0]
    if len(dates) != rows:
        raise ValueError(
            "`date` and `data` must be of one length. "
            f"Received: {len(dates)} and {rows} in {str(path)!r}"
        )
    times = np.array([_time(date) for date in dates], "datetime64[m]")
    number = times.astype("int64")  # an invalid time is the least of all
    before = np.maximum.accumulate(number)
    kept = number > np.concatenate([[np.iinfo("int64").min], before[:-1]])
    if not np.all(kept):
        first = dates[np.argmin(kept)].decode("ascii", "replace")
        warnings.warn(
            f"{np.sum(~kept)} slots of {path} are left out: their date is "
            f"invalid or not later than those before; the first is {first!r}.",
            stacklevel=2,
        )
    return times[kept], np.flatnonzero(kept)


def _time(date):
    """When a slot `YYYYMMDDSS` begins; not a time where it is invalid."""
    if len(date) != 10 or not date.isdigit():
        return np.datetime64("NaT")
    slot = int(date[8:])
    if not 1 <= slot <= SLOTS:
        return np.datetime64("NaT")
    try:
        day = datetime.datetime.strptime(date[:8].decode(), "%Y%m%d")
    except ValueError:
        return np.datetime64("NaT")
    return np.datetime64(day, "m") + np.timedelta64(30 * (slot - 1), "m")


def _runs(times, file, row):
    """Where frames follow one another in time and in the file."""
    broken = (
        (np.diff(times) != np.timedelta64(30, "m"))
        | (np.diff(file) != 0)
        | (np.diff(row) != 1)
    )
    edges = [0, *(np.flatnonzero(broken) + 1).tolist(), len(times)]
    return list(zip(edges, edges[1:], strict=False))
