"""The directory of a run: its owner, its lock and its first files."""

import contextlib
import hashlib
import json
import pathlib
import platform
import shutil
from collections.abc import Iterator

import filelock
import h5py
import keras

from msrnn_keras.utils.files import remove_unfinished, write_atomically, writing

RECIPE = "recipe.toml"
ENVIRONMENT = "environment.json"
LOCK = "lock"
INIT = "init.weights.h5"  # the initial weights of the run, if given


def check_folder(run_dir, recipe):
    """Refuse a directory that holds anything but a run of this recipe."""
    copy, problem = run_dir / RECIPE, None
    if copy.exists():
        if not recipe.continues(copy.read_text(encoding="utf-8")):
            problem = "holds the run of another recipe"
    elif run_dir.exists():
        early = (LOCK, INIT, ENVIRONMENT)  # written before the recipe
        files = run_dir.iterdir() if run_dir.is_dir() else [run_dir]
        if any(path.name not in early for path in files):
            problem = "is not empty and holds no run"
    if problem:
        raise FileExistsError(
            f"The directory {problem}; choose another one. "
            f"Received: {str(run_dir)!r}"
        )


@contextlib.contextmanager
def lock_run(run_dir: pathlib.Path) -> Iterator[None]:
    """Make and lock a run directory; the OS frees it if the process dies."""
    with writing(run_dir.parent):
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
    write_atomically(path, lambda to: to.write_text(text, encoding="utf-8"))


def check_initial(run_dir, init):
    """Refuse other initial weights than those the run started from."""
    old, started = run_dir / INIT, (run_dir / RECIPE).exists()
    same = old.exists() and digest_weights(old) == digest_weights(init)
    if started and not same:
        raise FileExistsError(
            "The run in this directory started from other weights; choose "
            f"another directory. Received: {str(run_dir)!r}"
        )


def digest_weights(path):
    """Return the SHA-256 of the names, types, shapes and values in a file."""
    sha256 = hashlib.sha256()

    def visit(name, item):
        if isinstance(item, h5py.Dataset):
            sha256.update(f"{name} {item.dtype} {item.shape} ".encode())
            sha256.update(item[()].tobytes())

    with h5py.File(path) as file:
        file.visititems(visit)
    return sha256.hexdigest()
