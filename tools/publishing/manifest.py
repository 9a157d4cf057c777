"""Generate `zoo/manifest.json` from the presets on disk.

`python -m tools.publishing.manifest` writes the file. With `--check` it
writes nothing and exits with status 1 if the file is stale.
"""

import argparse
import json
import sys
from pathlib import Path

import filelock

from msrnn_keras.presets.download import describe
from msrnn_keras.presets.registry import (
    CARD,
    MANIFEST,
    METADATA,
    PRESETS,
    folder_of,
    read_manifest,
)
from msrnn_keras.utils.files import remove_unfinished, write_atomically

PARTS = ("model", "dataset", "variant")


def generate(root, listed):
    """Return the manifest of the listed presets and of those on disk.

    A listed preset may lack on disk; if it does not, only its card may change.
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
    """Return the text of `manifest.json`."""
    return json.dumps(manifest, indent=2, sort_keys=True) + "\n"


def lock(path):
    """Return the lock on the manifest and on the cards it lists."""
    return filelock.FileLock(path.with_name(".manifest.lock"))


def update(root, path):
    """Write the manifest atomically, under a lock."""
    with lock(path):
        remove_unfinished(path.parent)
        text, generated = _compare(root, path)
        if generated != text:
            content = generated.encode("utf-8")
            write_atomically(path, lambda file: file.write_bytes(content))


def newest_revision(names, library):
    """Return the listed entry of the newest revision of a preset."""
    key = tuple(names[part] for part in PARTS)
    listed = read_manifest(library.manifest)
    entries = [entry for entry in listed if entry[:3] == key]
    return max(entries, key=lambda entry: int(entry.revision), default=None)


def main(arguments=None, root=PRESETS, path=MANIFEST):
    """Run the command line and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tools.publishing.manifest")
    parser.add_argument(
        "--check", action="store_true", help="write nothing, exit 1 if stale"
    )
    check = parser.parse_args(arguments).check
    try:
        if check:
            text, generated = _compare(root, path)
        else:
            update(root, path)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    if check and text != generated:
        print(
            f"{path} is stale: run python -m tools.publishing.manifest",
            file=sys.stderr,
        )
        return 1
    return 0


def _compare(root, path):
    """Return the current text, or None, and the generated text."""
    text = path.read_text(encoding="utf-8") if path.exists() else None
    listed = json.loads(text) if text else {"presets": {}}
    return text, render(generate(Path(root), listed))


def _without_card(entry):
    """Return an entry without the hash of its card, which may be renewed."""
    files = dict(entry["files"])
    if CARD in files:
        files[CARD] = None
    return {**entry, "files": files}


def _entry(name, folder):
    """Return the manifest entry of a folder."""
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
