"""A run of `msrnn train` that is to be published, read and checked."""

import json
import math
from pathlib import Path
from typing import NamedTuple

from msrnn_keras.presets.download import describe
from msrnn_keras.training import BEST, ENVIRONMENT, RECIPE, SCORE, read_history
from msrnn_keras.training.recipe import Recipe, load_recipe
from msrnn_keras.utils.weights_file import check_weights_file


class Run(NamedTuple):
    """A run that can be published.

    Args:
        folder: `pathlib.Path` of the run.
        recipe: `msrnn_keras.training.recipe.Recipe`.
        history: List of dicts, one for each finished epoch.
        environment: Dict, the software it was trained with.
        sha256: String, SHA-256 of the file of its best weights.
    """

    folder: Path
    recipe: Recipe
    history: list
    environment: dict
    sha256: str

    @property
    def weights(self):
        """Path of the best weights."""
        return self.folder / BEST

    @property
    def identity(self):
        """What tells it from other runs, and from itself before it went on."""
        return {"weights_sha256": self.sha256, "epochs": len(self.history)}

    @property
    def training(self):
        """How long it was trained, and what for, as a preset's metadata."""
        settings = self.recipe.training
        done = len(self.history)
        steps = done * settings.steps_per_epoch
        seconds = sum(row["seconds"] for row in self.history)
        # Epochs of older versions lack the CPU time.
        cpu_seconds = [row.get("cpu_seconds") for row in self.history]
        known = None not in cpu_seconds
        return {
            "clips": steps * settings.batch_size,
            "steps": steps,
            "epochs": done,
            "planned_epochs": settings.epochs,
            "hours": round(seconds / 3600, 2),
            "cpu_hours": round(sum(cpu_seconds) / 3600, 2) if known else None,
            "best_epoch": min(self.history, key=lambda row: row[SCORE])[
                "epoch"
            ],
            **self.environment,
            "history": self.history,
        }

    def load(self):
        """The trained model.

        Returns:
            `MSStack`, compiled, with the best weights.
        """
        model = self.recipe.build()
        model.load_weights(self.weights)
        return model


def read_run(run_dir, unfinished=False):
    """Reads a run and refuses what may not be published.

    Args:
        run_dir: Path of a run of `msrnn_keras.training.train`.
        unfinished: Boolean, whether a run that has not come to the end of its
            recipe may be published.

    Returns:
        `Run`.

    Raises:
        FileNotFoundError: If there is no run, or none with a finished epoch.
        OSError: If its best weights cannot be read.
        ValueError: If it is not finished, or a score or a weight is not a
            finite number.

    Example:
        run = read_run("runs/small")
    """
    folder = Path(run_dir)
    if not (folder / RECIPE).is_file():
        raise FileNotFoundError(
            f"There is no run of `msrnn train` there. Received: {str(folder)!r}"
        )
    recipe = load_recipe(folder / RECIPE)
    history = read_history(folder)
    weights, environment = folder / BEST, folder / ENVIRONMENT
    if not (history and weights.is_file() and environment.is_file()):
        raise FileNotFoundError(
            f"The run has finished no epoch. Received: {str(folder)!r}"
        )
    epochs = recipe.training.epochs
    if len(history) < epochs and not unfinished:
        raise ValueError(
            f"The run is not finished: `msrnn train` it to the end, or "
            "publish what there is with `--unfinished`. "
            f"Received: {len(history)} of {epochs} epochs in {str(folder)!r}"
        )
    scores = [row[SCORE] for row in history]
    if not all(map(math.isfinite, scores)):
        raise ValueError(
            "Every epoch must have a finite validation score. "
            f"Received: {SCORE}={scores} in {str(folder)!r}"
        )
    check_weights_file(weights)
    return Run(
        folder,
        recipe,
        history,
        json.loads(environment.read_text(encoding="utf-8")),
        describe(weights)["sha256"],
    )
