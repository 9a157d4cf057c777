"""Which presets there are, and which one a name means."""

import json
import re
from typing import NamedTuple

from msrnn_keras.presets.untrained import no_weights
from msrnn_keras.utils.names import lookup

CONFIG = "config.json"
METADATA = "metadata.json"
CARD = "README.md"
WEIGHTS = "model.weights.h5"
NAME = re.compile(r"[a-z0-9][a-z0-9+-]*")
REVISION = re.compile(r"[1-9][0-9]*")


class Preset(NamedTuple):
    """One revision of one preset, as the manifest lists it."""

    model: str
    dataset: str
    variant: str
    revision: str
    files: dict
    parameters: int
    scores: dict

    @property
    def name(self):
        """The preset's name without its revision, MODEL/DATASET/VARIANT."""
        return f"{self.model}/{self.dataset}/{self.variant}"

    @property
    def folder(self):
        """The preset's folder, relative to that of all presets."""
        return f"{self.name}/{self.revision}"


def validation_mse(scores):
    """Gives the score that variants are chosen by, or None without one.

    Args:
        scores: dict, a preset's `{"validation": {"forecast": {"mse": …}}, …}`.

    Returns:
        float, the validation MSE of the forecast protocol.
    """
    return scores.get("validation", {}).get("forecast", {}).get("mse")


def read_manifest(path):
    """Reads `manifest.json` into a list of `Preset`."""
    entries = json.loads(path.read_text(encoding="utf-8"))["presets"]
    return [
        Preset(*folder.split("/"), **entry) for folder, entry in entries.items()
    ]


def find(entries, model, dataset, variant=None, revision=None):
    """Gives the one preset that is meant.

    Args:
        entries: list of `Preset` and `msrnn_keras.presets.untrained.Untrained`.
        model: string, e.g. `"ms-convlstm"`. Case does not matter, and `_` is
            read as `-`; so in the next two.
        dataset: string, e.g. `"mnist"`.
        variant: string, or None for the trained one with the lowest
            validation MSE (forecast protocol).
        revision: string or int, or None for the newest. Only what is
            published has revisions.

    Returns:
        `Preset`, or `Untrained` where what is named has a recipe alone.

    Raises:
        ValueError: where there is no such preset, or none of several
            variants has weights.
    """
    entries = _narrow(entries, "model", model)
    entries = _narrow(entries, "dataset", dataset)
    if variant is not None:
        entries = _narrow(entries, "variant", variant)
    presets = [entry for entry in entries if isinstance(entry, Preset)]
    if revision is not None:
        if isinstance(revision, int):
            revision = str(revision)
        presets = _narrow(presets, "revision", revision)
    if not presets:
        if len(entries) > 1:
            received = f"model={model!r}, dataset={dataset!r}, variant=None"
            raise no_weights(entries, received)
        return entries[0]
    newest = {}
    for preset in sorted(presets, key=lambda preset: int(preset.revision)):
        newest[preset.variant] = preset
    if variant is not None:
        return newest.popitem()[1]
    return _best(list(newest.values()), model, dataset)


def folder_of(metadata):
    """Gives the folder MODEL/DATASET/VARIANT/REVISION that metadata names.

    Args:
        metadata: dict, content of `metadata.json`.

    Returns:
        string, relative to the folder of all presets.

    Raises:
        ValueError: where a name or the revision is missing or badly spelt.
    """
    *names, revision = parts = [
        str(metadata.get(key))
        for key in ("model", "dataset", "variant", "revision")
    ]
    spelt = all(NAME.fullmatch(name) for name in names)
    if not (spelt and REVISION.fullmatch(revision)):
        raise ValueError(
            "The metadata's `model`, `dataset` and `variant` must be of lower "
            "case letters, digits, `-` and `+`, its `revision` a whole number "
            f"from 1. Received: {parts}"
        )
    return "/".join(parts)


def _narrow(entries, field, name):
    groups = {}
    for entry in entries:
        groups.setdefault(getattr(entry, field), []).append(entry)
    return lookup(name, groups, f"{field} of a preset")[1]


def _best(presets, model, dataset):
    scored = [
        preset
        for preset in presets
        if WEIGHTS in preset.files and validation_mse(preset.scores) is not None
    ]
    if not scored:
        variants = ", ".join(sorted(preset.variant for preset in presets))
        raise ValueError(
            "No variant has both weights and a validation score to choose it "
            f"by. Give `variant`, one of: {variants}. "
            f"Received: model={model!r}, dataset={dataset!r}, variant=None"
        )
    return min(scored, key=lambda preset: validation_mse(preset.scores))
