"""Generates `zoo/manifest.json` from the presets on disk.

`python -m tools.publishing.manifest` writes it. With `--check` it only says
whether it is up to date (exit status 1 if not).
"""

import argparse
import json
import sys
from pathlib import Path

import filelock

from msrnn_keras.presets.download import describe
from msrnn_keras.presets.library import MANIFEST, PRESETS
from msrnn_keras.presets.registry import CARD, METADATA, folder_of
from msrnn_keras.utils.files import remove_unfinished, write_atomically

LOCK = ".manifest.lock"  # beside it


def generate(root, listed):
    """Gives the manifest of the listed presets and those on disk.

    Args:
        root: `pathlib.Path`, the folder of all presets.
        listed: dict, the manifest so far. Its presets stay, on disk or not.

    Returns:
        dict, the new manifest.

    Raises:
        ValueError: where a listed preset has changed on disk, but for its
            card, or where a folder and its metadata disagree.
    """
    presets = dict(listed["presets"])
    for folder in sorted(root.glob("*/*/*/*")):
        if folder.name.startswith(".") or not folder.is_dir():
            continue
        name = folder.relative_to(root).as_posix()
        entry = _entry(name, folder)
        if _without_card(presets.get(name, entry)) != _without_card(entry):
            raise ValueError(
                f"The files of preset {name} differ from the manifest, but a "
                "published revision never changes. Restore them and publish "
                f"a new revision. Received: {folder}"
            )
        presets[name] = entry
    return {"presets": presets}


def render(manifest):
    """Gives the text of `manifest.json`."""
    return json.dumps(manifest, indent=2, sort_keys=True) + "\n"


def update(root, path):
    """Write the manifest, whole or not at all, one process after the other.

    Args:
        root: `pathlib.Path`, the folder of all presets.
        path: `pathlib.Path` of the manifest.

    Raises:
        ValueError: as by `generate`.
    """
    with filelock.FileLock(path.with_name(LOCK)):
        remove_unfinished(path.parent)
        text, generated = _compare(root, path)
        if generated != text:
            content = generated.encode("utf-8")
            write_atomically(path, lambda file: file.write_bytes(content))


def main(arguments=None, root=PRESETS, path=MANIFEST):
    """Runs the command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tools.publishing.manifest")
    parser.add_argument(
        "--check", action="store_true", help="write nothing, exit 1 if stale"
    )
    check = parser.parse_args(arguments).check
    try:
        if not check:
            update(root, path)
            return 0
        text, generated = _compare(root, path)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    if text != generated:
        print(
            f"{path} is stale: run python -m tools.publishing.manifest",
            file=sys.stderr,
        )
        return 1
    return 0


def _compare(root, path):
    """Texts of the manifest as it is, None where there is none, and anew."""
    text = path.read_text(encoding="utf-8") if path.exists() else None
    listed = json.loads(text) if text else {"presets": {}}
    return text, render(generate(Path(root), listed))


def _without_card(entry):
    """An entry but for what is in its card; see `tools.publishing.renewal`."""
    files = dict(entry["files"])
    if CARD in files:
        files[CARD] = None
    return {**entry, "files": files}


def _entry(name, folder):
    metadata = json.loads((folder / METADATA).read_text(encoding="utf-8"))
    if folder_of(metadata) != name:
        raise ValueError(
            f"{METADATA} in {name} must name that folder. "
            f"Received: {folder_of(metadata)}"
        )
    files = {
        path.name: describe(path)
        for path in folder.iterdir()
        if not path.name.startswith(".")
    }
    return {
        "files": files,
        "parameters": metadata["parameters"],
        "scores": metadata["scores"],
    }


if __name__ == "__main__":
    sys.exit(main())
