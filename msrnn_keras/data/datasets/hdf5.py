"""HDF5 files, opened for one reading at a time.

No handle is kept: data sets can be pickled and read by several processes.
"""

import contextlib
import pathlib

import h5py


@contextlib.contextmanager
def open_hdf5(path):
    """Open an HDF5 file for reading.

    Args:
        path: Path of the file.

    Yields:
        `h5py.File`.

    Raises:
        FileNotFoundError: If there is no such file.
        OSError: If it is no HDF5 file, or a damaged one.

    Example:
    >>> with open_hdf5("RYDL.hdf5") as file:
    ...     frame = array_of(file, "201606011200", (900, 900))[:]
    """
    path = pathlib.Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f"There is no such HDF5 file. Received: {str(path)!r}"
        )
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
    """An array of an HDF5 file, not read yet.

    Args:
        file: `h5py.File`.
        name: String.
        shape: Tuple, what its shape must be; None fits any length.

    Returns:
        `h5py.Dataset`.

    Raises:
        ValueError: If there is no such array or its shape is another.
    """
    path = str(file.filename)
    found = file.get(name)
    if not isinstance(found, h5py.Dataset):
        raise ValueError(
            f"The HDF5 file must hold an array {name!r}. Received: {path!r}"
        )
    fits = len(found.shape) == len(shape) and all(
        want in (None, size)
        for want, size in zip(shape, found.shape, strict=True)
    )
    if not fits:
        wanted = ", ".join("any" if n is None else str(n) for n in shape)
        raise ValueError(
            f"The array {name!r} must have the shape ({wanted}). "
            f"Received: {found.shape} in {path!r}"
        )
    return found
