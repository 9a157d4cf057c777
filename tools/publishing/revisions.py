"""Revisions of a preset: the next one, the published one, and their cards.

Weights, scores and metadata of a revision never change. Its card does: it
also has the scores of the counterpart and the results of long streams, which
may come later. `python -m tools.publishing.revisions` renews all cards.
"""

import os
import sys

from msrnn_keras.presets.registry import (
    CARD,
    METADATA,
    Library,
    folder_of,
    read_json,
    validation_mse,
)
from msrnn_keras.training.recipe import parse_recipe
from tools.publishing import manifest
from tools.publishing.card import render_card
from tools.publishing.comparison import find_counterpart
from tools.publishing.ensemble import find_twin
from tools.publishing.manifest import PARTS, newest_revision
from tools.publishing.preset_files import remove_unfinished
from tools.publishing.tables import long_forecasts, radar_scores


def next_revision(recipe, library):
    """Return the names of the next revision of a preset.

    Leftovers of a killed call are removed, and a revision that it wrote but
    did not list is listed.
    """
    names = {part: getattr(recipe, part) for part in PARTS}
    folder = folder_of({**names, "revision": 1}).rpartition("/")[0]
    remove_unfinished(library.root / folder)
    manifest.update(library.root, library.manifest)
    newest = newest_revision(names, library)
    number = 1 if newest is None else int(newest.revision) + 1
    return {**names, "revision": str(number)}


def find_published(identity, names, library):
    """Return the folder of the newest revision if this run made it."""
    newest = newest_revision(names, library)
    path = newest and library.root / newest.folder / METADATA
    if path and path.is_file() and read_json(path).get("run") == identity:
        return path.parent
    return None


def refuse_worse(validated, names, library):
    """Refuse scores that are worse than those of the newest revision."""
    newest = newest_revision(names, library)
    before = newest and validation_mse(newest.scores)
    mse = validated["forecast"]["mse"]
    if before is not None and before < mse:
        raise ValueError(
            f"A new revision must not be worse than revision {newest.revision} "
            f"of {newest.name}, whose validation MSE is {before:.4f}. Train "
            f"longer, or choose another variant. Received: MSE {mse:.4f}"
        )


def renew_card(library, names):
    """Rewrite the card of the newest revision of a preset, if it is on disk.

    Return whether the card changed; the manifest is then stale.
    """
    newest = newest_revision(names, library)
    folder = library.root / newest.folder if newest else None
    if folder is None or not folder.is_dir():
        return False
    metadata = read_json(folder / METADATA)
    card = render_card(
        parse_recipe(metadata["recipe"], f"recipe of {newest.name}"),
        metadata,
        find_counterpart(library, names),
        find_twin(library, names),
        long_forecasts(library, metadata) + radar_scores(library, metadata),
    )
    content = card.encode("utf-8")
    if (folder / CARD).read_bytes() == content:
        return False
    with manifest.lock(library.manifest):
        part = folder / f".{CARD}"  # hidden files are not part of a preset
        part.write_bytes(content)
        os.replace(part, folder / CARD)
    return True


def renew_cards(library):
    """Rewrite all cards, update the manifest and return the changed names."""
    changed = []
    for name in library.names():
        if renew_card(library, dict(zip(PARTS, name.split("/"), strict=True))):
            changed.append(name)
    manifest.update(library.root, library.manifest)
    return changed


if __name__ == "__main__":
    sys.stdout.writelines(f"{name}\n" for name in renew_cards(Library()))
