"""Lookup by name, with suggestions if the name is wrong."""

import difflib


def normalize(name):
    """Return a name in lower case, with `-` for `_`, `++` for `-plus-plus`."""
    if not isinstance(name, str):
        raise ValueError(f"A name must be a string. Received: {name!r}")
    name = name.strip().lower().replace("_", "-")
    return name.replace("-plus-plus", "++")


def nearest(name, names):
    """Return the names closest to one that is unknown, as text.

    If none is close, they are all names of a short list, three of a long one.
    """
    name = normalize(name)
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    if not near and len(names) > 20:
        near = difflib.get_close_matches(name, names, n=3, cutoff=0)
    return ", ".join(near or sorted(names) or ["none there"])


def lookup(name, table, kind):
    """Return `(canonical name, entry)` of a dict, or refuse an unknown name."""
    if not isinstance(name, str):
        raise ValueError(
            f"The {kind} must be named by a string. Received: {name!r}"
        )
    key = normalize(name)
    if key in table:
        return key, table[key]
    raise ValueError(
        f"Unknown {kind}; the nearest are: {nearest(name, table)}. "
        f"Received: {name!r}"
    )
