"""SEVIR: storm events over the USA, vertically integrated liquid (VIL)."""

import csv

import numpy as np

from msrnn_keras.data.datasets.cache import data_home, find_file
from msrnn_keras.data.datasets.hdf5 import array_of, open_hdf5
from msrnn_keras.data.scaling import MinMax
from msrnn_keras.data.sources import Source
from msrnn_keras.utils.typing import PathLike, Split

ADDRESS = "https://registry.opendata.aws/sevir"
CATALOG = "CATALOG.csv"
FRAMES = 49  # per event
SIDE = 384
WINDOW_STEP = 12  # frames between the starts of clips, three of 25 an event
END_OF_TRAIN = np.datetime64("2019-01-01")
END_OF_VALIDATION = np.datetime64("2019-06-01")
_COLUMNS = ("id", "file_name", "file_index", "img_type", "time_utc")


class Sevir(Source):
    """VIL of storm events at 1 km every five minutes, stored as 0 to 255.

    Events with `img_type` "vil" and without missing pixels, in the order of the
    catalog; ids that occur twice are left out. Training is up to 2019-01-01,
    validation up to 2019-06-01, test after. Each event is one segment of 49
    frames. A pixel is vil / 255.

    Args:
        split: `"train"`, `"validation"` or `"test"`.
        path: Path of the folder with `CATALOG.csv` and
            `data/vil/YEAR/SEVIR_VIL_*.h5`; None is `datasets/sevir` in the
            Keras home.

    Raises:
        FileNotFoundError, OSError: If a file is missing, or damaged.
        ValueError: If a file has another form, or no event of the split.

    Example:
    >>> clips = Clips(Sevir("test", "sevir/"), 13, 12, stride=12)

    Reference: Veillette et al., NeurIPS 2020.
    """

    image_shape = (SIDE, SIDE, 1)
    interval = 300.0
    scaling = MinMax(0, 255)

    def __init__(self, split: Split, path: PathLike | None = None) -> None:
        catalog = find_file(data_home("sevir", path), CATALOG, ADDRESS)
        folder = catalog.parent / "data"
        events = _events(catalog, split)
        self.files = [folder / row["file_name"] for row in events]
        missing = sorted({str(x) for x in self.files if not x.is_file()})
        if missing:
            raise FileNotFoundError(
                f"{CATALOG} lists files that are missing from the folder "
                f"`data` beside it. Received: {', '.join(missing[:3])}"
            )
        self._rows = [int(row["file_index"]) for row in events]
        middle = np.array([row["time_utc"] for row in events])
        minutes = 5 * (np.arange(FRAMES) - FRAMES // 2)
        self.times = (middle[:, None] + minutes.astype("m8[m]")).ravel()
        edges = range(0, FRAMES * len(events), FRAMES)
        self.segments = [(first, first + FRAMES) for first in edges]

    def read(self, start: int, stop: int) -> np.ndarray:
        """Return frames `start` to `stop - 1`, 0 to 255."""
        parts = []
        while start < stop:
            event, first = divmod(start, FRAMES)
            end = min(FRAMES, first + stop - start)
            shape = (None, SIDE, SIDE, FRAMES)
            with open_hdf5(self.files[event]) as file:
                vil = array_of(file, "vil", shape)
                parts.append(vil[self._rows[event], :, :, first:end])
            start += end - first
        frames = np.concatenate(parts, axis=-1)
        return np.moveaxis(frames, -1, 0)[..., None].astype("float32")


def _events(path, split):
    """Return the rows of the catalog that belong to a split."""
    with open(path, newline="", encoding="utf-8") as file:
        table = csv.DictReader(file)
        columns = (*_COLUMNS, "pct_missing")
        if not set(columns) <= set(table.fieldnames or ()):
            raise ValueError(
                f"{CATALOG} must have the columns {', '.join(columns)}. "
                f"Received: {table.fieldnames} in {str(path)!r}"
            )
        rows = [
            row
            for row in table
            if row["img_type"] == "vil" and float(row["pct_missing"]) == 0
        ]
    ids = [row["id"] for row in rows]
    seen, twice = set(), set()
    for name in ids:
        (twice if name in seen else seen).add(name)
    chosen = []
    for row in rows:
        time = np.datetime64(row["time_utc"].replace(" ", "T"), "m")
        if row["id"] not in twice and _split(time) == split:
            chosen.append({**row, "time_utc": time})
    if not chosen:
        raise ValueError(
            f"{CATALOG} must list events of the split {split!r}. "
            f"Received: none in {str(path)!r}"
        )
    return chosen


def _split(time):
    if time <= END_OF_TRAIN:
        return "train"
    return "validation" if time <= END_OF_VALIDATION else "test"
