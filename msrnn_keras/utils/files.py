"""Files that are written whole or not at all."""

import contextlib
import errno
import glob
import os
import pathlib
import re
import shutil
import tempfile
import uuid

CHUNK = 1 << 20  # bytes
FULL = errno.ENOSPC, errno.EDQUOT, errno.EFBIG
CLOSED = errno.EROFS, errno.EACCES, errno.EPERM


class DiskError(OSError):
    """A disk is full or cannot be written."""


def write_atomically(path, write):
    """Write a file with `write(temporary path)`, whole or not at all."""
    path = pathlib.Path(path)
    temporary = path.with_name(f"tmp-{uuid.uuid4().hex}-{path.name}")
    with writing(path.parent):
        try:
            write(temporary)
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)


def write_folder_atomically(path, write):
    """Write a folder with `write(temporary path)`, in place of an old one."""
    path = pathlib.Path(path)
    new, old = (
        path.with_name(f"tmp-{uuid.uuid4().hex}-{path.name}") for _ in range(2)
    )
    with writing(path.parent):
        try:
            write(new)
            if path.exists():
                os.replace(path, old)
            try:
                os.replace(new, path)
            except OSError:
                if old.exists():
                    os.replace(old, path)
                raise
        finally:
            for folder in (new, old):
                shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def writing(folder):
    """Say in the error of a full or read-only disk what to do."""
    try:
        yield
    except OSError as error:
        # NumPy gives no number.
        short = re.search(r"\d+ requested and \d+ written", str(error))
        if error.errno in FULL or short:
            raise DiskError(
                f"The disk of {folder} is full, or a limit is reached; what "
                "was there is unchanged. Free space on it, or choose another "
                f"folder, and try again. Received: {error}"
            ) from error
        if error.errno in CLOSED:
            raise DiskError(
                f"The folder {folder} cannot be written; choose another one. "
                f"Received: {error}"
            ) from error
        raise


def reserve(path, size):
    """Raise the OSError of a full disk, unless a new file has room there.

    HDF5 crashes the process when it cannot write.
    """
    path = pathlib.Path(path)
    with writing(path.parent):
        try:
            with open(path, "wb") as file:
                for start in range(0, size, CHUNK):
                    file.write(bytes(min(CHUNK, size - start)))
        finally:
            path.unlink(missing_ok=True)


def remove_unfinished(folder, name="*"):
    """Remove the temporary files of killed calls of `write_atomically`."""
    pattern = f"tmp-{'[0-9a-f]' * 32}-{name}"
    for temporary in pathlib.Path(folder).glob(pattern):
        with contextlib.suppress(OSError):  # open elsewhere (Windows)
            temporary.unlink()


@contextlib.contextmanager
def naming(path):
    """Name a file in the errors of what it says."""
    try:
        yield
    except ImportError:  # It says what to install.
        raise
    except Exception as error:  # A damaged file raises almost any error.
        if str(path) in str(error):
            raise
        known = isinstance(error, (OSError, RuntimeError, ValueError))
        reason = str(error) if known else repr(error)
        mark = "in" if "Received: " in reason else "Received:"
        raise ValueError(f"{reason} {mark} {path}") from error


def check_folder(path):
    """Refuse the path of a file that is a folder, or in one that is not."""
    if pathlib.Path(path).is_dir():
        raise ValueError(
            f"The file must not be a folder. Received: {str(path)!r}"
        )
    folder = pathlib.Path(path).parent
    if not folder.is_dir():
        raise FileNotFoundError(
            f"The folder does not exist. Received: {str(folder)!r}"
        )
    check_can_write(folder)


def check_can_write(folder):
    """Refuse a folder, existing or new, in which no file can be written."""
    folder = pathlib.Path(folder)
    there = folder.absolute()
    while not there.exists():
        there = there.parent
    if not there.is_dir():
        raise NotADirectoryError(
            f"The folder cannot be made: {str(there)!r} is a file. "
            f"Received: {str(folder)!r}"
        )
    with writing(folder):
        try:
            tempfile.TemporaryFile(dir=there).close()  # without a name
        except FileNotFoundError as error:  # as /proc says it
            raise OSError(errno.EROFS, "no new folder", str(there)) from error


def check_not_input(path, given):
    """Refuse a path that is one of the files of a file, folder or pattern."""
    path, source = pathlib.Path(path), pathlib.Path(given)
    files = [source] if source.exists() else glob.glob(str(given))
    if source.is_dir():
        files += source.iterdir()
    for file in files:
        if path.exists() and os.path.exists(file) and path.samefile(file):
            raise ValueError(
                "The output must not be one of the inputs. "
                f"Received: {str(path)!r}, the same file as {str(file)!r}"
            )


def keras_home():
    """Return Keras' folder for data and caches: $KERAS_HOME or ~/.keras."""
    home = os.environ.get("KERAS_HOME") or "~/.keras"
    return pathlib.Path(home).expanduser()


def check_file(path):
    """Raise an error if there is no such file."""
    if not pathlib.Path(path).is_file():
        raise FileNotFoundError(
            f"There is no such file. Received: {str(path)!r}"
        )
