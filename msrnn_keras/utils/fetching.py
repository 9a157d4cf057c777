"""Files that are fetched whole or not at all, and continued if interrupted."""

import contextlib
import hashlib
import os

from msrnn_keras.utils.downloads import GRACE, download
from msrnn_keras.utils.files import remove_unfinished, write_atomically

TAG = 16  # digits of a hash in the name of what was kept


def keep_partial(path, tag, get):
    """Write a file by `get(temporary path)`; keep what came if that fails.

    The next call with the same tag gives it to `get` to be continued.
    """
    # Several processes may fetch the same file: each takes what was kept, if
    # it is the first. Once the file is there, each removes what is unfinished.
    kept = path.with_name(f"part-{tag}-{path.name}")

    def write(temporary):
        with contextlib.suppress(FileNotFoundError):
            os.replace(kept, temporary)
        try:
            get(temporary)
        except BaseException:
            if temporary.exists() and temporary.stat().st_size:
                os.replace(temporary, kept)
            raise

    write_atomically(path, write)
    remove_unfinished(path.parent, path.name)
    for old in path.parent.glob(f"part-{'[0-9a-f]' * TAG}-{path.name}"):
        old.unlink(missing_ok=True)


def fetch(url, path, size=None, sha256=None, answer=GRACE):
    """Download a URL to a path; refuse a file of another size or hash."""

    def get(temporary):
        download(url, temporary, size, answer)
        if sha256 is not None and digest(temporary) != sha256:
            temporary.unlink()
            raise OSError("the file's SHA-256 differs from the published one")

    path.parent.mkdir(parents=True, exist_ok=True)
    tag = sha256 or hashlib.sha256(url.encode()).hexdigest()
    keep_partial(path, tag[:TAG], get)


def digest(path):
    """Return the SHA-256 of a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
