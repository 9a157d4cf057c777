"""The presets that exist, and their names; nothing here imports Keras."""

import fnmatch
import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from msrnn_keras.presets.download import locate
from msrnn_keras.utils.arguments import check_boolean, check_positive, refused
from msrnn_keras.utils.names import lookup, nearest, normalize
from msrnn_keras.utils.tables import aligned

ZOO = Path(__file__).parents[2] / "zoo"
PRESETS = ZOO / "presets"
MANIFEST = ZOO / "manifest.json"
RECIPES = "recipes"  # folder beside the manifest, MODEL/DATASET/VARIANT.toml
CONFIG = "config.json"
METADATA = "metadata.json"
CARD = "README.md"
WEIGHTS = "model.weights.h5"
NAME = re.compile(r"[a-z0-9][a-z0-9+-]*")
REVISION = re.compile(r"[1-9][0-9]*")
LARGEST = 10 << 20  # bytes of a JSON file
GENERATED = ("mnist",)  # data sets that `msrnn train` finds without `--data`


class Preset(NamedTuple):
    """A revision of a published preset; or a recipe, with no revision."""

    model: str
    dataset: str
    variant: str
    revision: str | None = None
    files: dict = {}
    parameters: int = 0
    scores: dict = {}

    @property
    def name(self):
        return f"{self.model}/{self.dataset}/{self.variant}"

    @property
    def folder(self):
        """Return the preset's folder, relative to the folder of presets."""
        return f"{self.name}/{self.revision}"

    @property
    def has_weights(self):
        return WEIGHTS in self.files

    @property
    def is_ensemble(self):
        """Return whether its scores are those of an ensemble."""
        return "crps" in self.scores.get("validation", {}).get("forecast", {})

    @property
    def command(self):
        """Return the command that trains it; RUN and PATH are the user's."""
        data = "" if self.dataset in GENERATED else " --data PATH"
        return f"msrnn train {self.name} --out RUN{data}"


@dataclass(frozen=True)
class Library:
    """A collection of presets: a folder, and the manifest that lists them."""

    root: Path = field(default_factory=lambda: PRESETS)
    manifest: Path = field(default_factory=lambda: MANIFEST)

    @property
    def recipes(self):
        return self.manifest.with_name(RECIPES)

    def entries(self):
        published = read_manifest(self.manifest)
        names = {preset.name for preset in published}
        untrained = [
            Preset(*path.relative_to(self.recipes).with_suffix("").parts)
            for path in sorted(self.recipes.glob("*/*/*.toml"))
        ]
        return published + [p for p in untrained if p.name not in names]

    def names(self, pattern="*", dataset=None, weights=True):
        pattern, dataset = normalize(pattern), dataset and normalize(dataset)
        if weights is not None:
            weights = check_boolean("weights", weights)
        names = {
            entry.name
            for entry in self.entries()
            if weights in (None, entry.has_weights)
            and dataset in (None, entry.dataset)
        }
        matched = fnmatch.filter(names, pattern)
        return sorted({*matched, *fnmatch.filter(names, f"{pattern}/*")})

    def knows(self, name):
        parts = normalize(name).split("/")
        return len(parts) in (2, 3) and any(
            list(entry[: len(parts)]) == parts for entry in self.entries()
        )

    def find(self, name, revision=None):
        parts = normalize(name).split("/")
        if len(parts) not in (2, 3):
            raise ValueError(
                "A preset is named MODEL/DATASET or MODEL/DATASET/VARIANT; "
                f"the nearest are: {nearest(name, self.names(weights=None))}. "
                f"Received: {name!r}"
            )
        model, dataset, *variant = parts
        return find(self.entries(), model, dataset, *variant, revision=revision)

    def info(self, model, dataset=None, variant=None, revision=None):
        preset = self.find(join_name(model, dataset, variant), revision)
        if preset.revision is not None:
            metadata = read_json(locate(preset, METADATA, self.root))
            return {**metadata, "files": preset.files}
        return {
            "model": preset.model,
            "dataset": preset.dataset,
            "variant": preset.variant,
            "weights": "none",
            "recipe": self.recipe(preset).read_text(encoding="utf-8"),
            "train": preset.command,
        }

    def recipe(self, preset):
        return self.recipes / f"{preset.name}.toml"


def join_name(model, dataset=None, variant=None):
    """Return the name of a preset that may be given in parts."""
    if dataset is None and variant is not None:
        raise ValueError(
            "`variant` needs `dataset`; or give MODEL/DATASET/VARIANT. "
            f"Received: {model!r}, variant={variant!r}"
        )
    given = {"model": model, "dataset": dataset, "variant": variant}
    for name, part in given.items():
        wrong = part == "" or not isinstance(part, str | None)
        if dataset is not None and wrong:
            raise refused(name, "a name", part)
    parts = [part for part in (dataset, variant) if part]
    return "/".join([model, *parts]) if parts else model


def find_recipe(name):
    """Return the path of the recipe of a preset."""
    library = Library()
    path = library.recipe(library.find(name))
    if not path.is_file():
        raise ValueError(
            "The preset has no recipe file; its recipe is zoo.info(…)"
            f"['recipe']. Received: {name!r}"
        )
    return path


def describe_all(pattern="*"):
    """Return a table in lines: a header, then the presets of a pattern."""
    library = Library()
    entries = library.entries()
    rows = [("preset", "revision", "parameters", "validation MSE")]
    for name in library.names(pattern) + library.names(pattern, weights=False):
        preset, cells = (
            find(entries, *name.split("/")),
            ("–", "–", "no weights"),
        )
        if preset.has_weights:
            score = f"{validation_mse(preset.scores):.2f}"
            cells = str(preset.revision), f"{preset.parameters:,}", score
        rows.append((name, *cells))
    return aligned(rows)


def read_manifest(path):
    """Return the list of `Preset` in a manifest."""
    entries = json.loads(path.read_text(encoding="utf-8"))["presets"]
    return [
        Preset(*folder.split("/"), **entry) for folder, entry in entries.items()
    ]


def read_json(path):
    """Return the dict in a JSON file."""
    size = path.stat().st_size
    if size > LARGEST:
        raise ValueError(
            f"{path.name} may have at most {LARGEST:,} bytes. "
            f"Received: {size:,} in {path}"
        )
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f"{path.name} must be JSON. Received: {error} in {path}"
        ) from error
    if not isinstance(content, dict):
        raise ValueError(
            f"{path.name} must hold one JSON object. "
            f"Received: {type(content).__name__} in {path}"
        )
    return content


def validation_mse(scores):
    """Return the score that ranks variants, or None."""
    return scores.get("validation", {}).get("forecast", {}).get("mse")


def find(entries, model, dataset, variant=None, revision=None):
    """Return one `Preset`: by default the best variant, the newest revision.

    An ensemble is the default only where there is no other: its score is that
    of the mean of its members, and `predict` gives one.
    """
    entries = _narrow(entries, "model", model)
    entries = _narrow(entries, "dataset", dataset)
    if variant is not None:
        entries = _narrow(entries, "variant", variant)
    presets = [entry for entry in entries if entry.revision is not None]
    if revision is not None:
        if not isinstance(revision, str):
            revision = str(check_positive("revision", revision))
        presets = _narrow(presets, "revision", revision)
    if not presets:
        if len(entries) > 1:
            raise no_weights(entries, f"{model}/{dataset}")
        return entries[0]
    presets.sort(key=lambda preset: int(preset.revision))
    newest = {preset.variant: preset for preset in presets}
    if variant is not None:
        return newest.popitem()[1]
    return _best(list(newest.values()), f"{model}/{dataset}")


def no_weights(entries, received):
    """Return the error for untrained presets; it says how to train them."""
    names = " and ".join(entry.name for entry in entries)
    commands = "".join(f"    {entry.command}\n" for entry in entries)
    return ValueError(
        f"No weights are published for {names}; train them:\n{commands}"
        'Then zoo.load("./RUN") loads the best weights. `weights=False` gives '
        f"an untrained model. Received: {received}"
    )


def folder_of(metadata):
    """Return the folder MODEL/DATASET/VARIANT/REVISION that metadata names."""
    keys = ("model", "dataset", "variant", "revision")
    *names, revision = parts = [str(metadata.get(key)) for key in keys]
    valid = all(NAME.fullmatch(name) for name in names)
    if not (valid and REVISION.fullmatch(revision)):
        raise ValueError(
            "`model`, `dataset` and `variant` must consist of a-z, 0-9, - and "
            f"+; `revision` must be a positive integer. Received: {parts}"
        )
    return "/".join(parts)


def _narrow(entries, key, name):
    groups = {}
    for entry in entries:
        groups.setdefault(getattr(entry, key), []).append(entry)
    return lookup(name, groups, f"{key} of a preset")[1]


def _best(presets, name):
    mse = {p.variant: validation_mse(p.scores) for p in presets}
    scored = [
        p for p in presets if p.has_weights and mse[p.variant] is not None
    ]
    if not scored:
        variants = ", ".join(sorted(preset.variant for preset in presets))
        raise ValueError(
            "No variant has weights and a validation score. Add the variant, "
            f"one of: {variants}. Received: {name!r}"
        )
    return min(scored, key=lambda p: (p.is_ensemble, mse[p.variant]))
