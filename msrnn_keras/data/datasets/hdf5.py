"""HDF5 files, opened for one read at a time, so that sources can be pickled."""

import contextlib
import pathlib

import h5py

from msrnn_keras.utils.checks import same_shape
from msrnn_keras.utils.files import check_file


@contextlib.contextmanager
def open_hdf5(path):
    """Yield an `h5py.File` opened for reading."""
    path = pathlib.Path(path)
    check_file(path)
    try:
        with h5py.File(path, "r") as file:
            yield file
    except (OSError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise OSError(
            f"The HDF5 file cannot be read; it may be cut off ({reason}). "
            f"Received: {str(path)!r}"
        ) from error


def array_of(file, name, shape):
    """Return an unread `h5py.Dataset` of a shape; None fits any size."""
    path = str(file.filename)
    found = file.get(name)
    if not isinstance(found, h5py.Dataset):
        raise ValueError(
            f"The HDF5 file must contain an array {name!r}. Received: {path!r}"
        )
    if not same_shape(found.shape, shape):
        wanted = ", ".join("any" if n is None else str(n) for n in shape)
        raise ValueError(
            f"The array {name!r} must have the shape ({wanted}). "
            f"Received: {found.shape} in {path!r}"
        )
    return found
