"""Packages that only some functions need, imported when they do."""

import contextlib
import importlib
import io


def require(module, extra):
    """Import a package that comes with an extra.

    Args:
        module: String, the module's name, such as `"xarray"`.
        extra: String, the extra of `msrnn-keras` that brings it.

    Returns:
        The module.

    Raises:
        ImportError: If it is not installed.

    Example:
    >>> xarray = require("xarray", "radar")
    """
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # pysteps greets
            return importlib.import_module(module)
    except ImportError as error:
        raise ImportError(
            f'{module} is needed: pip install "msrnn-keras[{extra}]". '
            f"Received: {error}"
        ) from error
