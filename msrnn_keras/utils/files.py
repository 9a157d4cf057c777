"""Files that are written whole or not at all."""

import glob
import os
import pathlib
import uuid


def write_atomically(path, write):
    """Write a file so that it is either whole or not there.

    Args:
        path: Path of the file; its folder must exist.
        write: Function of a path that writes the file there. The path has the
            ending of the file.

    Example:
    >>> write_atomically("frames.npy", lambda path: np.save(path, frames))
    """
    path = pathlib.Path(path)
    temporary = path.with_name(f"tmp-{uuid.uuid4().hex}-{path.name}")
    try:
        write(temporary)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def remove_unfinished(folder):
    """Remove what `write_atomically` left behind where it was killed.

    Args:
        folder: Path of an existing folder.
    """
    for temporary in pathlib.Path(folder).glob(f"tmp-{'[0-9a-f]' * 32}-*"):
        temporary.unlink(missing_ok=True)


def check_folder(path):
    """Refuse a path whose folder does not exist.

    Args:
        path: Path of the file.

    Raises:
        FileNotFoundError: If the folder does not exist.
    """
    folder = pathlib.Path(path).parent
    if not folder.is_dir():
        raise FileNotFoundError(
            f"The folder does not exist. Received: {str(folder)!r}"
        )


def check_not_input(path, given):
    """Refuse to write over a file that is read.

    Args:
        path: Path of the file to write.
        given: Path that is read: a file, a folder, or a pattern of files.

    Raises:
        ValueError: If it is one of these files, by whatever name or link.
    """
    path, source = pathlib.Path(path), pathlib.Path(given)
    if source.is_dir():
        files = source.iterdir()
    else:
        files = [source] if source.exists() else glob.glob(str(given))
    for file in filter(os.path.exists, files if path.exists() else ()):
        if os.path.samefile(path, file):
            raise ValueError(
                "The file to write must not be one that is read. "
                f"Received: {str(path)!r}, the same file as {str(file)!r}"
            )
