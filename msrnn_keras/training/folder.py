"""The directory of a run: its owner, its lock and its first files."""

import contextlib
import json
import platform
import shutil

import filelock
import h5py
import keras
import numpy as np

from msrnn_keras.models.transfer import initialize_weights
from msrnn_keras.utils.files import remove_unfinished, write_atomically

RECIPE = "recipe.toml"
ENVIRONMENT = "environment.json"
LOCK = "lock"
INIT = "init.weights.h5"  # the initial weights of the run, if given


def check_folder(run_dir, recipe):
    """Refuse a directory that holds anything but a run of this recipe."""
    copy = run_dir / RECIPE
    if copy.exists():
        if not recipe.continues(copy.read_text(encoding="utf-8")):
            raise FileExistsError(
                "The directory holds the run of another recipe; choose "
                f"another one. Received: {str(run_dir)!r}"
            )
    elif run_dir.exists() and not _is_empty(run_dir):
        raise FileExistsError(
            "The directory is not empty and holds no run; choose another "
            f"one. Received: {str(run_dir)!r}"
        )


def _is_empty(path):
    """Return whether a directory holds only files written before a recipe."""
    return path.is_dir() and all(
        file.name in (LOCK, INIT, ENVIRONMENT) for file in path.iterdir()
    )


@contextlib.contextmanager
def lock_run(run_dir):
    """Lock a run directory. The OS releases the lock if its holder dies.

    Args:
        run_dir: `pathlib.Path` of the directory; created if missing.

    Raises:
        RuntimeError: If another process holds the lock.
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
    """Write the first files of a run; remove those a killed run left."""
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


def save_initial(model, source, path):
    """Write the weights of a new model that takes them from another one."""
    initialize_weights(source, model)
    model.save_weights(path)


def check_initial(run_dir, init):
    """Refuse other initial weights than those the run started from."""
    old = run_dir / INIT
    if not (run_dir / RECIPE).exists():
        return
    if not old.exists() or not _same_weights(old, init):
        raise FileExistsError(
            "The run in this directory started from other weights; choose "
            f"another directory. Received: {str(run_dir)!r}"
        )


def _same_weights(path, other):
    """Return whether two weights files hold the same arrays."""
    a, b = _read_arrays(path), _read_arrays(other)
    same = (np.array_equal(a[name], b[name]) for name in a)
    return a.keys() == b.keys() and all(same)


def _read_arrays(path):
    """Return the arrays of an HDF5 file by name."""
    arrays = {}

    def keep(name, item):
        if isinstance(item, h5py.Dataset):
            arrays[name] = item[()]

    with h5py.File(path) as file:
        file.visititems(keep)
    return arrays
