"""Where a preset's files are: in place, in the cache, or fetched and checked.

No file is used before its size and SHA-256 agree with the manifest.
"""

import contextlib
import hashlib
import os
import urllib.parse
import uuid
from pathlib import Path

from msrnn_keras.utils.downloads import download

BASE_URL = (
    "https://raw.githubusercontent.com/msrnn-keras/msrnn-keras/main/zoo/presets"
)


class PresetFileError(OSError):
    """A file of a preset is damaged or could not be fetched."""


def locate(preset, filename, root, cache_dir=None, base_url=None):
    """Gives the path of a checked file of a preset, fetching it if need be.

    Args:
        preset: `msrnn_keras.presets.registry.Preset`.
        filename: string, one of `preset.files`.
        root: folder of the presets that come with the package.
        cache_dir: folder of fetched presets. None: `$MSRNN_KERAS_CACHE`, else
            `msrnn_keras` in Keras' own folder.
        base_url: http(s) or file URL, or folder, from which the presets that
            are in neither folder are fetched. None: `$MSRNN_KERAS_BASE_URL`,
            else `BASE_URL`.

    Returns:
        `pathlib.Path` of the file.

    Raises:
        PresetFileError: where the file that came with the package is damaged,
            or the file can not be fetched whole.
    """
    record = preset.files[filename]
    relative = f"{preset.folder}/{filename}"
    shipped = Path(root) / relative
    if shipped.exists():
        if describe(shipped) != record:
            raise PresetFileError(
                f"{shipped} is damaged: its size or SHA-256 differs from the "
                "manifest. Install the package again. "
                f"Received: {shipped.stat().st_size} bytes"
            )
        return shipped
    cached = _cache_folder(cache_dir) / relative
    if not cached.exists() or describe(cached) != record:
        base = _absolute_url(base_url)
        fetch(f"{base}/{urllib.parse.quote(relative)}", cached, record)
    return cached


def fetch(url, path, record):
    """Copies a URL to a path, which appears there whole or not at all.

    Several calls may fetch one file at once. What a killed call left behind
    goes away with the next that succeeds.

    Args:
        url: string, http(s) or file URL.
        path: `pathlib.Path` to write; its folder is made if missing.
        record: dict, the file's `"bytes"` and `"sha256"`.

    Raises:
        PresetFileError: where the URL can not be read, or gives another file
            than `record` describes.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        _download(url, temporary, record["bytes"])
        if describe(temporary) != record:
            raise PresetFileError(
                f"{url} gave a file that differs from the manifest in size or "
                f"SHA-256, so {path} was not written. Try again; if it fails "
                "again, choose another `base_url`. "
                f"Received: {temporary.stat().st_size} of "
                f"{record['bytes']} bytes"
            )
        os.replace(temporary, path)
    except FileNotFoundError:
        # Swept away by another call, which had fetched the file by then.
        if not (path.exists() and describe(path) == record):
            raise
    finally:
        temporary.unlink(missing_ok=True)
    _sweep(path)


def overwrite(path, content):
    """Puts other bytes into a file, which is whole at any moment.

    Args:
        path: `pathlib.Path` of the file.
        content: bytes.
    """
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        temporary.write_bytes(content)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    _sweep(path)


def describe(path):
    """Gives the manifest's record of a file: its SHA-256 and size in bytes."""
    with open(path, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"sha256": digest, "bytes": path.stat().st_size}


def _sweep(path):
    """Removes the unfinished copies of a file that is there."""
    for temporary in path.parent.glob(f".{path.name}.{'[0-9a-f]' * 32}"):
        with contextlib.suppress(OSError):  # Windows: open elsewhere
            temporary.unlink()


def _download(url, path, size):
    try:
        download(url, path, size)
    except OSError as error:
        raise PresetFileError(
            f"{url} could not be fetched to {path.parent}. Check the network "
            "and the address, set `base_url` or MSRNN_KERAS_BASE_URL to a "
            "copy of the presets, or use `weights=False`. "
            f"Received: {error}"
        ) from error


def _cache_folder(cache_dir):
    folder = cache_dir or os.environ.get("MSRNN_KERAS_CACHE")
    if folder is None:
        keras_home = os.environ.get("KERAS_HOME", "~/.keras")
        folder = Path(keras_home) / "msrnn_keras"
    return Path(folder).expanduser()


def _absolute_url(base_url):
    base = str(base_url or os.environ.get("MSRNN_KERAS_BASE_URL") or BASE_URL)
    if "://" not in base:
        return Path(base).expanduser().absolute().as_uri()
    if not base.startswith(("http://", "https://", "file://")):
        raise ValueError(
            "`base_url` must be an http, https or file URL, or a folder. "
            f"Received: base_url={base!r}"
        )
    return base.rstrip("/")
