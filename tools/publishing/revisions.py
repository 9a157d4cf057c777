"""The revisions of a preset: which there are, and which comes next."""

import json

from msrnn_keras.presets import saving
from msrnn_keras.presets.registry import (
    METADATA,
    folder_of,
    read_manifest,
    validation_mse,
)
from tools.publishing import manifest


def next_revision(recipe, library):
    """Gives the names of the next revision of a preset.

    What a killed call left of this preset is cleaned up, and what one wrote
    without listing it is listed.

    Args:
        recipe: `msrnn_keras.training.recipe.Recipe`.
        library: `msrnn_keras.presets.library.Library`.

    Returns:
        Dict of strings: `model`, `dataset`, `variant`, `revision`.

    Raises:
        ValueError: where a name is badly spelt, or a listed preset has
            changed on disk.
    """
    names = {
        "model": recipe.model,
        "dataset": recipe.dataset,
        "variant": recipe.variant,
    }
    folder = folder_of({**names, "revision": 1}).rpartition("/")[0]
    saving.remove_unfinished(library.root / folder)
    manifest.update(library.root, library.manifest)
    newest = newest_revision(names, library)
    number = 1 if newest is None else int(newest.revision) + 1
    return {**names, "revision": str(number)}


def newest_revision(names, library):
    """Gives what the manifest lists of the newest revision of a preset.

    Args:
        names: Dict with `model`, `dataset` and `variant`.
        library: `msrnn_keras.presets.library.Library`.

    Returns:
        `msrnn_keras.presets.registry.Preset`, or None where there is none.
    """
    key = tuple(names[part] for part in ("model", "dataset", "variant"))
    entries = [
        entry for entry in read_manifest(library.manifest) if entry[:3] == key
    ]
    return max(entries, key=lambda entry: int(entry.revision), default=None)


def find_published(identity, names, library):
    """Gives the folder of the newest revision if it is of one very run.

    Args:
        identity: Dict, the `run` in the metadata of a preset.
        names: Dict with `model`, `dataset` and `variant`.
        library: `msrnn_keras.presets.library.Library`.

    Returns:
        `pathlib.Path`, or None where it is of another run or not on disk.
    """
    newest = newest_revision(names, library)
    if newest is None:
        return None
    path = library.root / newest.folder / METADATA
    if not path.is_file():
        return None
    metadata = json.loads(path.read_text(encoding="utf-8"))
    return path.parent if metadata.get("run") == identity else None


def refuse_worse(validated, names, library):
    """Refuses what forecasts validation worse than what it replaces.

    Args:
        validated: Dict, the validation scores, as of `evaluate`.
        names: Dict with `model`, `dataset` and `variant`.
        library: `msrnn_keras.presets.library.Library`.

    Raises:
        ValueError: where the newest revision has the lower forecast MSE.
    """
    newest = newest_revision(names, library)
    before = newest and validation_mse(newest.scores)
    mse = validated["forecast"]["mse"]
    if before is not None and before < mse:
        raise ValueError(
            f"Revision {newest.revision} of {newest.name} forecasts validation "
            f"better, MSE {before:.4f}, and a revision must not be worse than "
            f"the one it replaces. Received: MSE {mse:.4f}"
        )
