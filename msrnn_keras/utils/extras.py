"""Packages that only some functions need."""

import contextlib
import importlib
import io


def require(module, extra):
    """Import and return a module that the extra of `msrnn-keras` installs."""
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # pysteps prints
            return importlib.import_module(module)
    except ImportError as error:
        raise ImportError(
            f'{module} is needed: pip install "msrnn-keras[{extra}]". '
            f"Received: {error}"
        ) from error
