"""The directory of a run: whose it is, and what belongs to it."""

import contextlib
import json
import platform
import shutil

import filelock
import keras

from msrnn_keras.utils.files import remove_unfinished, write_atomically

RECIPE = "recipe.toml"
ENVIRONMENT = "environment.json"
LOCK = "lock"
INIT = "init.weights.h5"  # the weights that the run began from, if any


def check_folder(run_dir, recipe):
    """Refuse to touch a directory that is not this recipe's.

    A run with a constant rate is also that of a recipe with another number
    of epochs, so that it can be prolonged.

    Args:
        run_dir: `pathlib.Path` of the directory, which need not exist.
        recipe: `msrnn_keras.training.recipe.Recipe`.

    Raises:
        FileExistsError: If it holds anything else.
    """
    copy = run_dir / RECIPE
    if copy.exists():
        if not recipe.continues(copy.read_text(encoding="utf-8")):
            raise FileExistsError(
                "The directory holds the run of another recipe; choose "
                f"another one. Received: {str(run_dir)!r}"
            )
    elif run_dir.exists() and not is_empty_directory(run_dir):
        raise FileExistsError(
            "The directory is not empty and holds no run; choose another "
            f"one. Received: {str(run_dir)!r}"
        )


def is_empty_directory(path):
    """Return whether a directory holds nothing, or what precedes a recipe."""
    return path.is_dir() and all(
        file.name in (LOCK, INIT, ENVIRONMENT) for file in path.iterdir()
    )


@contextlib.contextmanager
def lock_run(run_dir):
    """Keep other processes off a directory; the system frees it of a dead one.

    Args:
        run_dir: `pathlib.Path` of the directory; made if missing.

    Raises:
        RuntimeError: If another process holds it.

    Example:
    >>> with hold(pathlib.Path("runs/small")):
    ...     print("nothing else trains here")
    """
    run_dir.mkdir(parents=True, exist_ok=True)
    try:
        lock = filelock.FileLock(run_dir / LOCK).acquire(blocking=False)
    except filelock.Timeout as error:
        raise RuntimeError(
            "Another process trains or publishes the run in this directory; "
            f"wait for it, or choose another one. Received: {str(run_dir)!r}"
        ) from error
    with lock:
        yield


def init_run(run_dir, recipe, init=None, init_name=None):
    """Make the directory this recipe's and remove what a killed run left.

    Args:
        run_dir: `pathlib.Path` of the directory.
        recipe: `msrnn_keras.training.recipe.Recipe`.
        init: Path of the weights that the run begins from, or None.
        init_name: String, what these weights are.
    """
    run_dir.mkdir(parents=True, exist_ok=True)
    remove_unfinished(run_dir)
    if init is not None and not (run_dir / RECIPE).exists():
        write_atomically(run_dir / INIT, lambda to: shutil.copyfile(init, to))
    if not (run_dir / ENVIRONMENT).exists():
        environment = {
            "backend": keras.backend.backend(),
            "keras": keras.__version__,
            "python": platform.python_version(),
        }
        if init is not None:
            environment["init"] = init_name
        _write_text(run_dir / ENVIRONMENT, json.dumps(environment))
    _write_text(run_dir / RECIPE, recipe.text)


def _write_text(path, text):
    write_atomically(
        path, lambda temporary: temporary.write_text(text, encoding="utf-8")
    )
