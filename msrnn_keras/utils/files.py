"""Files that are written whole or not at all."""

import contextlib
import glob
import os
import pathlib
import uuid


def write_atomically(path, write):
    """Write a file with `write(temporary path)`, whole or not at all."""
    path = pathlib.Path(path)
    temporary = path.with_name(f"tmp-{uuid.uuid4().hex}-{path.name}")
    try:
        write(temporary)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


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
    except Exception as error:  # A damaged file raises almost any error.
        if str(path) in str(error):
            raise
        known = isinstance(error, (OSError, RuntimeError, ValueError))
        reason = str(error) if known else repr(error)
        mark = "in" if "Received: " in reason else "Received:"
        raise ValueError(f"{reason} {mark} {path}") from error


def check_folder(path):
    """Refuse a path whose folder does not exist."""
    folder = pathlib.Path(path).parent
    if not folder.is_dir():
        raise FileNotFoundError(
            f"The folder does not exist. Received: {str(folder)!r}"
        )


def check_not_input(path, given):
    """Refuse a path that is one of the files of a file, folder or pattern."""
    path, source = pathlib.Path(path), pathlib.Path(given)
    files = [source] if source.exists() else glob.glob(str(given))
    for file in source.iterdir() if source.is_dir() else files:
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
