"""Folders of data sets, and arrays computed once and kept on disk."""

import hashlib
import pathlib

import numpy as np

from msrnn_keras.utils.arguments import check_path
from msrnn_keras.utils.files import keras_home, write_atomically


def data_home(name, cache=None):
    """Return `cache`, or `datasets/NAME` in the Keras home if it is None."""
    if cache is not None:
        return check_path("path", cache)
    return keras_home() / "datasets" / name


def find_file(path, name, address):
    """Return the file of a path, which may be its folder."""
    path = check_path("path", path)
    path = path / name if path.is_dir() else path
    if not path.is_file():
        raise FileNotFoundError(
            f"`path` must be the file {name} of {address}, or its folder. "
            f"Received: {str(path)!r}"
        )
    return path


def file_digest(path):
    """Return a short hash of a file's path, size and modification time."""
    path = pathlib.Path(path).resolve()
    status = path.stat()
    text = f"{path}:{status.st_size}:{status.st_mtime_ns}"
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def cached_array(path, make):
    """Return a `.npy` file as a read-only memory map; create it if needed."""
    path = pathlib.Path(path)
    try:
        return np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError):
        pass  # missing or damaged
    array = make()
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, lambda temporary: np.save(temporary, array))
    return np.load(path, mmap_mode="r", allow_pickle=False)
