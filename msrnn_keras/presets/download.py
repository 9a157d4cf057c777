"""Files of presets: in the package, in the cache, or downloaded and checked."""

import errno
import os
import urllib.parse
from pathlib import Path

from msrnn_keras.utils.addresses import (
    absolute_url,
    check_text,
    without_password,
)
from msrnn_keras.utils.downloads import download
from msrnn_keras.utils.fetching import TAG, digest, keep_partial
from msrnn_keras.utils.files import keras_home

BASE_URL = (
    "https://raw.githubusercontent.com/msrnn-keras/msrnn-keras/main/zoo/presets"
)


# Errors of a folder, not of the network.
UNWRITABLE = errno.EACCES, errno.EPERM, errno.EROFS, errno.EEXIST, errno.ENOTDIR


class PresetFileError(OSError):
    """A file of a preset is missing, damaged or cannot be fetched."""


def locate(preset, filename, root, cache_dir=None, base_url=None):
    """Return the checked file of a preset from `root`, cache or `base_url`."""
    record = preset.files[filename]
    relative = f"{preset.folder}/{filename}"
    shipped = Path(root) / relative
    if shipped.exists():
        if describe(shipped) != record:
            raise PresetFileError(
                f"{shipped} is damaged: its SHA-256 differs. Install the "
                f"package again. Received: {shipped.stat().st_size} bytes"
            )
        return shipped
    check_text(cache_dir=cache_dir, base_url=base_url)
    cache = cache_dir or os.environ.get("MSRNN_KERAS_CACHE")
    cache = Path(cache or keras_home() / "msrnn_keras").expanduser()
    cached = cache / relative
    if not _is_whole(cached, record):
        base = base_url or os.environ.get("MSRNN_KERAS_BASE_URL") or BASE_URL
        base = absolute_url(str(base))
        fetch(f"{base}/{urllib.parse.quote(relative)}", cached, record)
    return cached


def fetch(url, path, record):
    """Download a URL to a path, where the file appears whole or not at all.

    What came of an interrupted download is kept beside it and continued.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        tag = record["sha256"][:TAG]
        keep_partial(path, tag, lambda to: _download(url, to, path, record))
    except FileNotFoundError:  # Another process removed the unfinished file.
        if not _is_whole(path, record):
            raise
    except OSError as error:
        if error.errno not in UNWRITABLE:
            raise
        raise _unwritable(path, error) from error


def _unwritable(path, error):
    return PresetFileError(
        f"The cache {path.parent} cannot be written: set MSRNN_KERAS_CACHE to "
        f"a folder that can be. Received: {error}"
    )


def describe(path):
    """Return the manifest's record of a file: its SHA-256 and its bytes."""
    return {"sha256": digest(path), "bytes": path.stat().st_size}


def _is_whole(path, record):
    if path.is_dir():
        raise PresetFileError(
            f"{path} must be a file: remove the folder. Received: a folder"
        )
    return path.exists() and describe(path) == record


def _download(url, part, path, record):
    """Download a URL to a temporary file, and refuse any but the right file."""
    shown = without_password(url)
    try:
        download(url, part, record["bytes"])
    except OSError as error:
        if error.errno in UNWRITABLE:
            raise _unwritable(path, error) from error
        if error.errno == errno.ENOSPC:
            part.unlink(missing_ok=True)
            raise PresetFileError(
                f"The disk of {path.parent} is full: free {record['bytes']:,} "
                "bytes there, or set MSRNN_KERAS_CACHE to a folder on another "
                f"disk. Received: {error}"
            ) from error
        raise PresetFileError(
            f"{shown} could not be fetched to {path.parent}. Check the "
            "network, set `base_url` or MSRNN_KERAS_BASE_URL to a copy of the "
            "presets, or use `weights=False`. "
            f"{_damage(path)}Received: {without_password(str(error))}"
        ) from error
    if describe(part) != record:
        size = part.stat().st_size
        part.unlink()
        raise PresetFileError(
            f"{shown} gave a file whose SHA-256 differs from the manifest, so "
            f"{path} was not written. Try again, or another `base_url`. "
            f"Received: {size} of {record['bytes']} bytes"
        )


def _damage(path):
    return f"The cached file {path} is damaged. " if path.exists() else ""
