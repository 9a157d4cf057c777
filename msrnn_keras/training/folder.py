"""The directory of a run: whose it is, and what belongs to it."""

import json
import platform

import keras

from msrnn_keras.files import remove_unfinished, write_atomically

RECIPE = "recipe.toml"
ENVIRONMENT = "environment.json"


def check_folder(run_dir, recipe):
    """Refuse to touch a directory that is not this recipe's.

    Args:
        run_dir: `pathlib.Path` of the directory, which need not exist.
        recipe: `msrnn_keras.recipes.Recipe`.

    Raises:
        FileExistsError: If it holds anything else.
    """
    copy = run_dir / RECIPE
    if copy.exists():
        if copy.read_text(encoding="utf-8") != recipe.text:
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
    """Whether a path is a directory that holds nothing."""
    return path.is_dir() and not any(path.iterdir())


def claim(run_dir, recipe):
    """Make the directory this recipe's, rid of what a killed run left.

    Args:
        run_dir: `pathlib.Path` of the directory.
        recipe: `msrnn_keras.recipes.Recipe`.
    """
    run_dir.mkdir(parents=True, exist_ok=True)
    remove_unfinished(run_dir)
    _write_text(run_dir / RECIPE, recipe.text)
    if not (run_dir / ENVIRONMENT).exists():
        environment = {
            "backend": keras.backend.backend(),
            "keras": keras.__version__,
            "python": platform.python_version(),
        }
        _write_text(run_dir / ENVIRONMENT, json.dumps(environment))


def _write_text(path, text):
    write_atomically(
        path, lambda temporary: temporary.write_text(text, encoding="utf-8")
    )
