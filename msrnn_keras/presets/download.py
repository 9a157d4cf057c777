"""Files of presets: in the package, in the cache, or downloaded and checked."""

import errno
import hashlib
import os
import re
import urllib.parse
from pathlib import Path

from msrnn_keras.utils.downloads import download
from msrnn_keras.utils.files import (
    keras_home,
    remove_unfinished,
    write_atomically,
)

BASE_URL = (
    "https://raw.githubusercontent.com/msrnn-keras/msrnn-keras/main/zoo/presets"
)


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
    cache = cache_dir or os.environ.get("MSRNN_KERAS_CACHE")
    cache = Path(cache or keras_home() / "msrnn_keras").expanduser()
    cached = cache / relative
    if not _is_whole(cached, record):
        base = _absolute_url(base_url)
        fetch(f"{base}/{urllib.parse.quote(relative)}", cached, record)
    return cached


def fetch(url, path, record):
    """Download a URL to a path, where the file appears whole or not at all."""
    # Several processes may fetch the same file. Once it is there, each removes
    # all unfinished files, of killed processes and of the others.
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        write_atomically(path, lambda part: _download(url, part, path, record))
    except FileNotFoundError:  # Another process removed the unfinished file.
        if not _is_whole(path, record):
            raise
    remove_unfinished(path.parent, path.name)


def describe(path):
    """Return the manifest's record of a file: its SHA-256 and its bytes."""
    with open(path, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"sha256": digest, "bytes": path.stat().st_size}


def _is_whole(path, record):
    return path.exists() and describe(path) == record


def _download(url, part, path, record):
    """Download a URL to a temporary file, and refuse any but the right file."""
    shown = _without_password(url)
    try:
        download(url, part, record["bytes"])
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise PresetFileError(
                f"The disk of {path.parent} is full: free {record['bytes']:,} "
                "bytes there, or set MSRNN_KERAS_CACHE to a folder on another "
                f"disk. Received: {error}"
            ) from error
        raise PresetFileError(
            f"{shown} could not be fetched to {path.parent}. Check the "
            "network, set `base_url` or MSRNN_KERAS_BASE_URL to a copy of the "
            "presets, or use `weights=False`. "
            f"{_damage(path)}Received: {_without_password(str(error))}"
        ) from error
    if describe(part) != record:
        raise PresetFileError(
            f"{shown} gave a file whose SHA-256 differs from the manifest, so "
            f"{path} was not written. Try again, or another `base_url`. "
            f"Received: {part.stat().st_size} of {record['bytes']} bytes"
        )


def _absolute_url(base_url):
    base = str(base_url or os.environ.get("MSRNN_KERAS_BASE_URL") or BASE_URL)
    if "://" not in base:
        return Path(base).expanduser().absolute().as_uri()
    if not base.startswith(("http://", "https://", "file://")):
        raise ValueError(
            "`base_url` must be an http, https or file URL, or a folder. "
            f"Received: base_url={_without_password(base)!r}"
        )
    return base.rstrip("/")


def _damage(path):
    return f"The cached file {path} is damaged. " if path.exists() else ""


def _without_password(text):
    """Return a text whose URLs name no user and no password."""
    return re.sub(r"(?<=://)[^/\s'\"]*@", "", text)
