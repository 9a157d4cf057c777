"""Read and check a finished run of `msrnn train`."""

import json
import math
from pathlib import Path
from typing import NamedTuple

from msrnn_keras.presets.download import describe
from msrnn_keras.presets.loading import load_folder
from msrnn_keras.training.folder import ENVIRONMENT, RECIPE
from msrnn_keras.training.history import read_history, score_name
from msrnn_keras.training.keeper import BEST
from msrnn_keras.training.recipe import Recipe, load_recipe
from msrnn_keras.utils.weights_file import check_weights_file


class Run(NamedTuple):
    """A run that can be published."""

    folder: Path
    recipe: Recipe
    history: list  # one dict per finished epoch
    environment: dict  # software of the training
    sha256: str  # of the file with the best weights

    @property
    def identity(self):
        """Dict that identifies this run at this epoch."""
        return {"weights_sha256": self.sha256, "epochs": len(self.history)}

    @property
    def training(self):
        """Dict, the `training` entry of the preset's metadata."""
        settings = self.recipe.training
        done = len(self.history)
        steps = done * settings.steps_per_epoch
        seconds = sum(row["seconds"] for row in self.history)
        # Epochs of early versions have no CPU time.
        cpu_seconds = [row.get("cpu_seconds") for row in self.history]
        known = None not in cpu_seconds
        score = score_name(self.history[0])
        best = min(self.history, key=lambda row: row[score])
        return {
            "clips": steps * settings.batch_size,
            "steps": steps,
            "epochs": done,
            "planned_epochs": settings.epochs,
            "hours": round(seconds / 3600, 2),
            "cpu_hours": round(sum(cpu_seconds) / 3600, 2) if known else None,
            "best_epoch": best["epoch"],
            **self.environment,
            "history": self.history,
        }

    def load(self, **overrides):
        """Return the compiled model with the best weights."""
        return load_folder(self.folder, **overrides)


def read_run(run_dir, unfinished=False):
    """Read a run; refuse it if unfinished, not finite or unreadable."""
    folder = Path(run_dir)
    if not (folder / RECIPE).is_file():
        raise FileNotFoundError(
            "The folder must hold a run of `msrnn train`, but there is no run. "
            f"Received: {str(folder)!r}"
        )
    recipe = load_recipe(folder / RECIPE)
    history = read_history(folder)
    weights, environment = folder / BEST, folder / ENVIRONMENT
    if not (history and weights.is_file() and environment.is_file()):
        raise FileNotFoundError(
            "The run has finished no epoch; train it first. "
            f"Received: {str(folder)!r}"
        )
    epochs = recipe.training.epochs
    if len(history) < epochs and not unfinished:
        raise ValueError(
            "The run is not finished. Continue it with `msrnn train`, or "
            "publish it as it is with `--unfinished`. "
            f"Received: {len(history)} of {epochs} epochs in {str(folder)!r}"
        )
    name = score_name(history[0])
    scores = [row[name] for row in history]
    if not all(map(math.isfinite, scores)):
        raise ValueError(
            "Every epoch must have a finite validation score. "
            f"Received: {name}={scores} in {str(folder)!r}"
        )
    check_weights_file(weights)
    software = json.loads(environment.read_text(encoding="utf-8"))
    sha256 = describe(weights)["sha256"]
    return Run(folder, recipe, history, software, sha256)


def earlier_training(run, library):
    """Return the clips and hours of the preset that a run started from."""
    init = run.environment.get("init")
    if not init or not library.knows(init):
        return {}
    before = library.info(init)["training"]
    return {
        f"earlier_{unit}": before[unit] + before.get(f"earlier_{unit}", 0)
        for unit in ("clips", "hours")
    }
