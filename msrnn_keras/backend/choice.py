"""Choose the Keras backend before Keras is imported."""

import contextlib
import importlib.util
import json
import os
import pathlib
import sys
import tempfile

BACKENDS = ("tensorflow", "jax", "torch")


def installed_backends():
    """Return the names of the installed backends."""
    return [name for name in BACKENDS if importlib.util.find_spec(name)]


def choose_backend():
    """Choose the backend, unless Keras is imported already.

    It is that of `KERAS_BACKEND`, else of `keras.json`, else TensorFlow. If
    `KERAS_BACKEND` is not set, the only backend that is installed is chosen.

    Raises:
        ImportError: If the backend, or any, is not installed.
    """
    if "keras" in sys.modules:
        return
    installed = installed_backends()
    if not installed:
        raise ImportError(
            "Keras needs a backend; install one with "
            'pip install "msrnn-keras[tensorflow]", "msrnn-keras[jax]" or '
            '"msrnn-keras[torch]". Received: no backend'
        )
    chosen = os.environ.get("KERAS_BACKEND")
    if not chosen:
        # Keras writes its default into keras.json, installed or not.
        chosen = _configured() or "tensorflow"
        if chosen not in installed and len(installed) == 1:
            chosen = os.environ["KERAS_BACKEND"] = installed[0]
    if chosen in BACKENDS and chosen not in installed:
        raise ImportError(
            f"The backend {chosen} is not installed; install it with "
            f'pip install "msrnn-keras[{chosen}]", or set KERAS_BACKEND to '
            f"{' or '.join(installed)}. Received: {chosen}"
        )


def import_keras():
    """Import Keras for a command, on the chosen backend, without banners."""
    if "keras" in sys.modules:
        return
    choose_backend()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with _silent_stderr():
        import keras  # noqa: F401


def _configured():
    """Return the backend that `keras.json` names, or None."""
    home = os.environ.get("KERAS_HOME") or pathlib.Path.home() / ".keras"
    try:
        config = json.loads((pathlib.Path(home) / "keras.json").read_text())
        return config.get("backend")
    except (OSError, ValueError, AttributeError):
        return None


@contextlib.contextmanager
def _silent_stderr():
    """Discard what is written to file descriptor 2, unless the body fails."""
    sys.stderr.flush()
    saved = os.dup(2)
    with tempfile.TemporaryFile() as file:
        os.dup2(file.fileno(), 2)
        try:
            yield
        except BaseException:
            file.seek(0)
            os.write(saved, file.read())
            raise
        finally:
            os.dup2(saved, 2)
            os.close(saved)
