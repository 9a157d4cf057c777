"""TaxiBJ: taxi flows into and out of each cell of a grid over Beijing."""

import datetime
import warnings

import numpy as np

from msrnn_keras.data.datasets.cache import data_home
from msrnn_keras.data.datasets.digits import SPLITS
from msrnn_keras.data.datasets.hdf5 import array_of, open_hdf5
from msrnn_keras.data.scaling import MinMax
from msrnn_keras.data.sources import Source, segments_between
from msrnn_keras.utils.typing import PathLike, Split

FILES = tuple(f"BJ{year}_M32x32_T30_InOut.h5" for year in (13, 14, 15, 16))
ADDRESS = "https://github.com/lucktroy/DeepST/tree/master/data/TaxiBJ"
SLOTS = 48  # per day
HELD_OUT = 28 * SLOTS  # slots of the test split, and of validation
SIZE = 32
FLOWS = 2
ROWS_AT_ONCE = 512


class TaxiBJ(Source):
    """In-flow and out-flow of 32×32 cells per half hour, in vehicles.

    The last 1,344 slots (28 days) are the test split, the 1,344 before them
    validation, the rest training, whose range scales all splits. Slots with an
    invalid date, or one not later than all earlier ones in the file, are left
    out with a warning. No segment crosses files. Negative counts become 0.

    Args:
        split: `"train"`, `"validation"` or `"test"`.
        path: Path of the folder with the four HDF5 files; None is
            `datasets/taxibj` in the Keras home.

    Raises:
        FileNotFoundError, OSError: If a file is missing, or damaged.
        ValueError: If a file has another form, or too few slots.

    Example:
    >>> clips = Clips(TaxiBJ("test", "TaxiBJ/"), context=4, horizon=4)

    Reference: Zhang et al., 2017, https://arxiv.org/abs/1610.00081
    """

    image_shape = (SIZE, SIZE, FLOWS)
    interval = 1800.0

    def __init__(self, split: Split, path: PathLike | None = None) -> None:
        self.files = _find(path)
        slots = [_slots(file) for file in self.files]
        times = np.concatenate([times for times, _ in slots])
        lengths = [len(rows) for _, rows in slots]
        self._file = np.repeat(np.arange(len(slots)), lengths)
        self._row = np.concatenate([rows for _, rows in slots])
        self._check_order(times)
        test, validation = len(times) - HELD_OUT, len(times) - 2 * HELD_OUT
        parts = ((0, validation), (validation, test), (test, len(times)))
        self._first, stop = parts[SPLITS.index(split)]
        part = slice(self._first, stop)
        self.times = times[part]
        gaps = np.diff(self.times) != np.timedelta64(30, "m")
        gaps |= _breaks(self._file[part], self._row[part])
        self.segments = segments_between(gaps)
        self.scaling = MinMax(*self._extremes(validation), unit="vehicles")

    def _check_order(self, times):
        if len(times) <= 2 * HELD_OUT:
            raise ValueError(
                f"TaxiBJ needs more than {2 * HELD_OUT} slots: 28 days of "
                "test, 28 of validation and the training split. "
                f"Received: {len(times)} in {str(self.files[0].parent)!r}"
            )
        early = np.flatnonzero(np.diff(times) <= np.timedelta64(0))
        if len(early):
            file = self.files[self._file[early[0] + 1]]
            raise ValueError(
                "Each file must start after the previous one ends. "
                f"Received: {str(file)!r} starts before that"
            )

    def _extremes(self, slots):
        """Return the minimum and maximum of the first slots."""
        low, high = np.inf, -np.inf
        for start in range(0, slots, ROWS_AT_ONCE):
            block = self._read(start, min(start + ROWS_AT_ONCE, slots))
            low = np.fmin(low, np.fmin.reduce(block, axis=None))
            high = np.fmax(high, np.fmax.reduce(block, axis=None))
        return low, high

    def read(self, start: int, stop: int) -> np.ndarray:
        """Return frames `start` to `stop - 1`, in vehicles."""
        return self._read(self._first + start, self._first + stop)

    def _read(self, start, stop):
        file, row = self._file[start:stop], self._row[start:stop]
        frames = np.empty((len(row), SIZE, SIZE, FLOWS), "float32")
        edges = np.flatnonzero(_breaks(file, row)) + 1
        for run in np.split(np.arange(len(row)), edges):
            with open_hdf5(self.files[file[run[0]]]) as data:
                flows = array_of(data, "data", (None, FLOWS, SIZE, SIZE))
                flows = flows[row[run[0]] : row[run[-1]] + 1]
            frames[run] = np.moveaxis(flows, 1, -1)
        return np.maximum(frames, 0)


def _find(path):
    """Return the paths of the four files."""
    folder = data_home("taxibj", path)
    files = [folder / name for name in FILES]
    missing = [file.name for file in files if not file.is_file()]
    if missing:
        raise FileNotFoundError(
            f"`path` must be a folder with the files of {ADDRESS}; "
            f"missing: {', '.join(missing)}. Received: {str(folder)!r}"
        )
    return files


def _slots(path):
    """Return the times of a file's valid slots, and their rows."""
    with open_hdf5(path) as file:
        dates = array_of(file, "date", (None,))[:].astype("S")
        rows = array_of(file, "data", (None, FLOWS, SIZE, SIZE)).shape[0]
    if len(dates) != rows:
        raise ValueError(
            "`date` and `data` must have the same length. "
            f"Received: {len(dates)} and {rows} in {str(path)!r}"
        )
    times = np.array([_time(date) for date in dates], "datetime64[m]")
    number = times.astype("int64")  # NaT is the minimum
    before = np.maximum.accumulate(number)
    kept = number > np.concatenate([[np.iinfo("int64").min], before[:-1]])
    if not np.all(kept):
        first = dates[np.argmin(kept)].decode("ascii", "replace")
        warnings.warn(
            f"{np.sum(~kept)} slots of {path} are left out: their date is "
            f"invalid or not later than earlier dates; the first is {first!r}.",
            stacklevel=2,
        )
    return times[kept], np.flatnonzero(kept)


def _time(date):
    """Return the start of a slot `YYYYMMDDSS`; NaT if it is invalid."""
    is_number = len(date) == 10 and date.isdigit()
    if not is_number or not 1 <= int(date[8:]) <= SLOTS:
        return np.datetime64("NaT")
    try:
        day = datetime.datetime.strptime(date[:8].decode(), "%Y%m%d")
    except ValueError:
        return np.datetime64("NaT")
    hours = datetime.timedelta(hours=int(date[8:]) / 2 - 0.5)
    return np.datetime64(day + hours)


def _breaks(file, row):
    """Return where the next row does not follow in the same file."""
    return (np.diff(file) != 0) | (np.diff(row) != 1)
