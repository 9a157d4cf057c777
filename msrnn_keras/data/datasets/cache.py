"""What is made once of published files and kept on disk."""

import hashlib
import os
import pathlib

import numpy as np

from msrnn_keras.utils.files import write_atomically


def data_home(name, cache=None):
    """The folder where the files of a data set are looked for and kept.

    Args:
        name: String, the data set.
        cache: Path of a folder to use instead.

    Returns:
        `pathlib.Path`: `datasets/NAME` in `$KERAS_HOME` or `~/.keras`.

    Example:
    >>> data_home("kth")  # ~/.keras/datasets/kth
    """
    if cache is not None:
        return pathlib.Path(cache).expanduser()
    home = os.environ.get("KERAS_HOME") or os.path.join("~", ".keras")
    return pathlib.Path(home).expanduser() / "datasets" / name


def file_digest(path):
    """A short string that changes when a file is replaced.

    Args:
        path: Path of an existing file.

    Returns:
        String of place, size and time of the last change, hashed.
    """
    path = pathlib.Path(path).resolve()
    status = path.stat()
    text = f"{path}:{status.st_size}:{status.st_mtime_ns}"
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def cached_array(path, make):
    """An array kept in a file, made only where it is not there.

    Args:
        path: Path of the `.npy` file.
        make: Function without arguments that returns the array.

    Returns:
        The array, memory-mapped, read-only.

    Example:
    >>> frames = cached_array("video.npy", lambda: decode("video.avi", 128))
    """
    path = pathlib.Path(path)
    try:
        return np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError):
        pass  # Not there, or damaged.
    array = make()
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, lambda temporary: np.save(temporary, array))
    return np.load(path, mmap_mode="r", allow_pickle=False)
