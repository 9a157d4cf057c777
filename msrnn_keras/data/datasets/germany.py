"""RYDL: twelve years of rain over Germany, from the radars of the DWD."""

import re

import numpy as np

from msrnn_keras.data.datasets.blocks import block_means
from msrnn_keras.data.datasets.cache import (
    cached_array,
    data_home,
    file_digest,
    find_file,
)
from msrnn_keras.data.datasets.hdf5 import array_of, open_hdf5
from msrnn_keras.data.scaling import RainRate
from msrnn_keras.data.sources import Source, segments_of
from msrnn_keras.utils.typing import PathLike, Split

FILE = "RYDL.hdf5"
ADDRESS = "https://zenodo.org/record/3629951"
YEARS = {
    "train": (2006, 2014),
    "validation": (2015, 2015),
    "test": (2016, 2017),
}
SIDE = 900  # pixels of 1 km
CENTER = slice(194, 706)
BLOCK = 4  # side of the averaged blocks, pixels
PER_HOUR = 12  # frames


class Germany(Source):
    """Rain rate of the central 512×512 km at 4 km every five minutes, in mm/h.

    Blocks of 4×4 pixels are averaged over their valid pixels. NaN, infinite and
    negative values are missing. A block is missing if more than half of it is.
    Training is 2006 to 2014, validation 2015, test 2016 and 2017.

    Args:
        split: `"train"`, `"validation"` or `"test"`.
        path: Path of `RYDL.hdf5` or its folder; None is `datasets/germany` in
            the Keras home.
        cache: Path of the folder for the list of times; None is that folder.

    Raises:
        FileNotFoundError, OSError: If the file is missing, or damaged.
        ValueError: If the file has another form, or no frame of the split.

    Example:
    >>> clips = Clips(Germany("test", "RYDL.hdf5"), context=5, horizon=5)

    Reference: Ayzel et al., 2020, https://doi.org/10.5194/gmd-13-2631-2020
    """

    image_shape = (128, 128, 1)
    interval = 300.0
    scaling = RainRate()

    def __init__(
        self,
        split: Split,
        path: PathLike | None = None,
        cache: PathLike | None = None,
    ) -> None:
        self.path = find_file(data_home("germany", path), FILE, ADDRESS)
        index = f"times-{file_digest(self.path)}.npy"
        times = cached_array(
            data_home("germany", cache) / index, lambda: _times(self.path)
        )
        times = np.asarray(times).view("datetime64[m]")
        first, last = YEARS[split]
        years = np.array([str(first), str(last + 1)], "datetime64[m]")
        begin, end = np.searchsorted(times, years)
        if begin == end:
            raise ValueError(
                f"The file must contain frames of {first} to {last} for the "
                f"split {split!r}. Received: none in {str(self.path)!r}"
            )
        self.times = times[begin:end]
        self.segments = segments_of(self.times, self.interval)

    def read(self, start: int, stop: int) -> np.ndarray:
        """Return frames `start` to `stop - 1`, in mm/h."""
        names = np.datetime_as_string(self.times[start:stop], "m")
        names = [re.sub(r"\D", "", name) for name in names.tolist()]
        with open_hdf5(self.path) as file:
            arrays = (array_of(file, name, (SIDE, SIDE)) for name in names)
            frames = [block_means(x[CENTER, CENTER], BLOCK) for x in arrays]
        return PER_HOUR * np.stack(frames)[..., None]


def _times(path):
    """Return minutes since 1970 of all arrays named `YYYYMMDDHHMM`, sorted."""
    names = []
    with open_hdf5(path) as file:
        root = file["/"]
        root.id.links.iterate(names.append)
    names = np.array([name for name in names if len(name) == 12], "S12")
    digits = names.view("uint8").reshape(-1, 12).astype("int64") - ord("0")
    digits = digits[np.all((digits >= 0) & (digits <= 9), axis=1)]
    if not len(digits):
        raise ValueError(
            "The HDF5 file must contain an array for each five minutes, "
            f"named YYYYMMDDHHMM. Received: none in {str(path)!r}"
        )
    year = digits[:, :4] @ (1000, 100, 10, 1)
    month, day, hour, minute = (digits[:, 4:].reshape(-1, 4, 2) @ (10, 1)).T
    months = (12 * (year - 1970) + month - 1).astype("datetime64[M]")
    days = months.astype("datetime64[D]") + (day - 1)
    valid = (days.astype("datetime64[M]") == months) & (month >= 1)
    valid &= (month <= 12) & (hour < 24) & (minute < 60)
    if not np.all(valid):
        text = "".join(map(str, digits[np.argmin(valid)]))
        raise ValueError(
            "The arrays must be named after their time, YYYYMMDDHHMM. "
            f"Received: {text!r} in {str(path)!r}"
        )
    minutes = days.astype("datetime64[m]").astype("int64") + 60 * hour + minute
    return np.sort(minutes)
