"""Addresses of files, as texts."""

import re
from pathlib import Path


def check_text(**given):
    """Refuse control characters, such as NUL, in paths and addresses."""
    for name, text in given.items():
        if text is not None and re.search(r"[\0-\x1f]", str(text)):
            raise ValueError(
                f"`{name}` must not have control characters. "
                f"Received: {name}={without_password(str(text))!r}"
            )


def absolute_url(address):
    """Return the URL of an address, which may be a folder."""
    if "://" not in address:
        return Path(address).expanduser().absolute().as_uri()
    if not address.startswith(("http://", "https://", "file://")):
        raise ValueError(
            "`base_url` must be an http, https or file URL, or a folder. "
            f"Received: base_url={without_password(address)!r}"
        )
    return address.rstrip("/")


def without_password(text):
    """Return a text whose URLs name no user and no password."""
    return re.sub(r"(?<=://)[^/\s'\"]*@", "", text)
