"""The folder of a search: whose it is, and whether anything was found."""

import json

from msrnn_keras.tuning.results import COMPLETED, read_results
from msrnn_keras.utils.files import remove_unfinished, write_atomically

SEARCH = "search.json"


def check_folder(folder, search, overwrite):
    """Refuse to touch a folder that is not this search's."""
    path = folder / SEARCH
    if path.exists():
        if overwrite:
            return
        try:
            there = json.loads(path.read_text(encoding="utf-8"))
        except ValueError:
            there = {}
        differing = _differing(there, json.loads(json.dumps(search)))
        if differing:
            raise FileExistsError(
                "The folder holds another search; choose another folder, or "
                f"overwrite it. Received: {str(folder)!r}, which differs in "
                f"{', '.join(differing)}"
            )
    elif folder.exists() and not (
        folder.is_dir() and not any(folder.iterdir())
    ):
        raise FileExistsError(
            "The folder is not empty and holds no search; choose another "
            f"one. Received: {str(folder)!r}"
        )


def _differing(there, here):
    """Names of what two searches do not have in common."""
    names = []
    for name in here:
        a, b = there.get(name), here[name]
        if isinstance(a, dict) and isinstance(b, dict):
            names += [
                k for k in dict.fromkeys([*a, *b]) if a.get(k) != b.get(k)
            ]
        elif a != b:
            names.append(name)
    return names


def init_search(folder, search):
    """Make the folder this search's, rid of what a killed one left."""
    folder.mkdir(parents=True, exist_ok=True)
    remove_unfinished(folder)
    text = json.dumps(search, indent=2)
    write_atomically(
        folder / SEARCH, lambda path: path.write_text(text, encoding="utf-8")
    )


def check_results(folder):
    """Refuse a search in which nothing worked.

    Args:
        folder: Path of the search.

    Raises:
        RuntimeError: If no trial is completed.
    """
    results = read_results(folder)
    if not any(result["status"] == COMPLETED for result in results):
        message = results[0]["message"] if results else None
        raise RuntimeError(
            f"All trials have failed. Received: {last_line(message)}"
        )


def last_line(message):
    """The last line of a message, such as a traceback."""
    return str(message or "no trial").strip().splitlines()[-1]
