"""Presets that have a recipe and no weights, and how to train them."""

import tomllib
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from msrnn_keras.training.recipe import load_recipe
from tools.publishing.datasets import DATASETS


class Untrained(NamedTuple):
    """A preset that has a recipe and no weights.

    Args:
        model: String, as in the recipe; so the next two.
        dataset: String.
        variant: String.
        path: `pathlib.Path` of the recipe.
    """

    model: str
    dataset: str
    variant: str
    path: Path

    @property
    def name(self):
        """The preset's name, MODEL/DATASET/VARIANT."""
        return f"{self.model}/{self.dataset}/{self.variant}"

    @property
    def command(self):
        """The command that trains it; RUN and PATH are the user's."""
        text = DATASETS.get(self.dataset)
        needs_path = text is None or text.needs_path
        data = " --data PATH" if needs_path else ""
        return f"msrnn train {self.path.stem} --out RUN{data}"

    def info(self):
        """What there is to know of it, as a dict."""
        return {
            "model": self.model,
            "dataset": self.dataset,
            "variant": self.variant,
            "weights": "none",
            "recipe": self.path.read_text(encoding="utf-8"),
            "train": self.command,
        }

    def build(self, **overrides):
        """The untrained model, compiled as for its training.

        Args:
            **overrides: `image_shape`, `horizon` and `dtype` in place of the
                recipe's.

        Returns:
            `MSStack`.
        """
        return build_recipe(load_recipe(self.path), **overrides)


def read_untrained(folder, published):
    """Lists the recipes of presets that are not published.

    Args:
        folder: `pathlib.Path` of the recipes; it need not exist.
        published: Collection of strings, the names MODEL/DATASET/VARIANT of
            the presets that have weights.

    Returns:
        List of `Untrained`, sorted by file name.
    """
    entries = []
    for path in sorted(folder.glob("*.toml")):
        table = tomllib.loads(path.read_text(encoding="utf-8"))
        names = (table[key] for key in ("model", "dataset", "variant"))
        entry = Untrained(*names, path)
        if entry.name not in published:
            entries.append(entry)
    return entries


def no_weights(entries, received):
    """The error for presets without weights; it says how to train them.

    Args:
        entries: List of `Untrained`, one or more of one model and data set.
        received: String, what was asked for.

    Returns:
        ValueError, to be raised.
    """
    variants = ", ".join(entry.variant for entry in entries)
    choice = f" of `variant` {variants}" if len(entries) > 1 else ""
    names = " and ".join(entry.name for entry in entries)
    lines = [
        f"No weights are published for {names}; train them:",
        *(f"    {entry.command}" for entry in entries),
        'Then zoo.load("RUN") loads them, and a preset is made of them by',
        "    msrnn publish RUN --hardware NAME",
        f"`weights=False` gives the untrained model{choice}. "
        f"Received: {received}",
    ]
    return ValueError("\n".join(lines))


def build_recipe(recipe, dtype=None, **architecture):
    """The untrained model of a recipe, with some arguments replaced.

    Args:
        recipe: `msrnn_keras.training.recipe.Recipe`.
        dtype: String, a Keras dtype policy; None is the recipe's.
        **architecture: Arguments of `msrnn_keras.create`.

    Returns:
        `MSStack`, compiled.
    """
    changed = {**recipe.architecture, **architecture}
    training = recipe.training
    if dtype is not None:
        changed.pop("dtype", None)
        training = replace(training, precision=dtype)
    return replace(recipe, architecture=changed, training=training).build()
