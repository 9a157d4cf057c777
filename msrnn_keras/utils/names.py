"""Looking things up by name, with help when the name is wrong."""

import difflib


def normalize(name):
    """The canonical spelling of a name.

    Lower case, `-` for `_`, `++` for `-plus-plus`.
    """
    if not isinstance(name, str):
        raise ValueError(f"A name must be a string. Received: {name!r}")
    name = name.strip().lower().replace("_", "-")
    return name.replace("-plus-plus", "++")


def lookup(name, table, kind):
    """The entry of a table under a name.

    Args:
        name: String; case does not matter, `_` stands for `-` and
            `-plus-plus` for `++`.
        table: Dict with canonical names as keys.
        kind: String, what the names name, for the error message.

    Returns:
        Tuple `(canonical name, entry)`.

    Raises:
        ValueError: If there is no such name; names the nearest ones.
    """
    key = normalize(name)
    if key in table:
        return key, table[key]
    near = difflib.get_close_matches(key, table, n=3, cutoff=0.5)
    near = near or sorted(table) or ["none there"]
    raise ValueError(
        f"Unknown {kind}; the nearest are: {', '.join(near)}. "
        f"Received: {name!r}"
    )
