"""Recordings of one's own as a data set with splits."""

import glob
import itertools
import pathlib

import numpy as np

from msrnn_keras.data.converting import as_trained
from msrnn_keras.data.datasets.cache import data_home
from msrnn_keras.data.datasets.digits import SPLITS
from msrnn_keras.data.datasets.events import Events, load_events
from msrnn_keras.data.io.images import natural
from msrnn_keras.data.io.read import read_recordings
from msrnn_keras.data.sources import ArraySource
from msrnn_keras.utils.arguments import check_path

SHARES = (0.8, 0.1, 0.1)  # of all frames, in time order
READER = ("importer", "pattern", "interval", "period", "variable", "scaling")
READER += ("bbox", "resolution")
CONVERTER = ("like", "grid_step")


def load_recordings(split, path=None, like=None, grid_step=None, **settings):
    """Load a split of recordings as `data.load` does.

    `path` is a file, a folder of images or a pattern of files; with `importer`,
    radar files as in `from_radar`. The first 80 % of all frames are training,
    the next 10 % validation, the rest test; files are in the order of their
    names. `as_trained` converts them to what the model `like` was trained on,
    from a grid of `grid_step` km. The other settings are those of
    `load_events`.
    """
    if path is None:
        raise ValueError(
            "`path` (--data) must be a file, a folder or a pattern of files. "
            "Received: path=None"
        )
    if grid_step is not None and like is None:
        raise ValueError(
            "`grid_step` needs `like`, the model of the preset. "
            f"Received: grid_step={grid_step}"
        )
    reader = {name: settings.pop(name, None) for name in READER}
    recordings = read_files(path, **reader)
    if like is not None:
        recordings = [as_trained(x, like, grid_step) for x in recordings]
    settings["cache"] = data_home("recordings", settings.get("cache"))
    return load_events(Events(part_of(recordings, split)), split, **settings)


def read_files(path, **reader):
    """Return the recordings of a file, a folder or a pattern of files."""
    files = [check_path("path", path)]
    if reader["importer"] is None and not files[0].exists():
        files = sorted(map(pathlib.Path, glob.glob(str(path))), key=natural)
    if not files:
        raise FileNotFoundError(
            f"`path` must match at least one file. Received: {str(path)!r}"
        )
    read = (read_recordings(file, **reader) for file in files)
    return list(itertools.chain.from_iterable(read))


def part_of(recordings, split, shares=SHARES):
    """Return the part of recordings that is a split, in time order.

    Args:
        recordings: List of `ArraySource`, in time order.
        split: `"train"`, `"validation"` or `"test"`.
        shares: Tuple, the shares of all frames in each split.

    Returns:
        List of `ArraySource`.
    """
    total = sum(len(recording.frames) for recording in recordings)
    edges = np.round(total * np.cumsum([0, *shares])).astype(int).tolist()
    index = SPLITS.index(split)
    low, high = edges[index], edges[index + 1]
    parts, first = [], 0
    for recording in recordings:
        start = max(low - first, 0)
        stop = min(high - first, len(recording.frames))
        first += len(recording.frames)
        if start < stop:
            parts.append(_part(recording, start, stop))
    if not parts:
        raise ValueError(
            f"The recordings must have frames for the split {split!r}. "
            f"Received: {total} frames"
        )
    return parts


def _part(recording, start, stop):
    """Return frames `start` to `stop - 1` of a recording."""
    cut = [
        (max(a, start) - start, min(b, stop) - start)
        for a, b in recording.segments
    ]
    times = recording.times
    return ArraySource(
        recording.frames[start:stop],
        [(a, b) for a, b in cut if a < b],
        recording.scaling,
        recording.interval,
        None if times is None else times[start:stop],
    )
