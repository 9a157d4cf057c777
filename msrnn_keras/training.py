"""Training runs that can be stopped, killed and taken up again."""

import csv
import io
import json
import math
import pathlib
import platform
import time

import keras

from msrnn_keras.files import remove_unfinished, write_atomically

CHECKPOINT = "checkpoint.keras"
BEST = "best.weights.h5"
HISTORY = "history.csv"
RECIPE = "recipe.toml"
ENVIRONMENT = "environment.json"
SCORE = "val_mse"


def train(recipe, run_dir, data=None, max_minutes=None, verbose=1):
    """Train a recipe, or take up its run where it was stopped.

    The run directory holds a copy of the recipe, `checkpoint.keras` (the
    whole state after the last full epoch), `best.weights.h5` (the weights
    that scored best on validation), `history.csv` and `environment.json` (the
    software it began with). Every file is written beside its place and then
    moved there, so that a killed run loses no more than the epoch it was in.

    Args:
        recipe: `msrnn_keras.recipes.Recipe`.
        run_dir: Path of the run's directory; made if missing.
        data: Path of the data set's file; None looks in the usual places.
        max_minutes: Number, minutes after which the run stops itself; it can
            be taken up later. An unfinished epoch is lost, so it must be more
            than one takes. None trains to the end.
        verbose: 0, 1 (progress bar) or 2 (a line for each epoch).

    Returns:
        Path of the best weights, or None if no epoch was finished.

    Raises:
        FileExistsError: If the directory holds something else than a run of
            this recipe.
        FloatingPointError: If the loss stops being finite.
        ValueError: If `max_minutes` is not positive.

    Example:
    >>> recipe = load_recipe("zoo/recipes/ms-convlstm-mnist-small.toml")
    >>> train(recipe, "runs/small", max_minutes=60)
    """
    if max_minutes is not None and not max_minutes > 0:
        raise ValueError(
            f"`max_minutes` must be positive. Received: {max_minutes}"
        )
    run_dir = pathlib.Path(run_dir)
    _check_folder(run_dir, recipe)
    model = _restore(run_dir) or recipe.build()
    train_data = recipe.data("train", path=data)
    validation = recipe.data("validation", path=data)
    _claim(run_dir, recipe)
    steps = recipe.training.steps_per_epoch
    done = int(model.optimizer.iterations) // steps
    keeper = RunKeeper(run_dir, done, max_minutes)
    if done < recipe.training.epochs:
        train_data.epoch = done
        model.fit(
            train_data,
            validation_data=validation,
            epochs=recipe.training.epochs,
            initial_epoch=done,
            shuffle=False,
            verbose=verbose,
            callbacks=[keeper],
        )
    best = run_dir / BEST
    return best if best.exists() else None


class RunKeeper(keras.callbacks.Callback):
    """Keeps a run on disk and stops it in time.

    Args:
        run_dir: Path of the run's directory.
        done: Integer, epochs finished before.
        max_minutes: Number, minutes from now, or None.
    """

    def __init__(self, run_dir, done, max_minutes=None):
        super().__init__()
        self.run_dir = run_dir
        self.rows = read_history(run_dir)[:done]
        self.deadline = None
        if max_minutes is not None:
            self.deadline = time.monotonic() + 60 * max_minutes

    def on_epoch_begin(self, epoch, logs=None):
        self.started = time.monotonic()
        self.cut_short = False

    def on_train_batch_end(self, batch, logs=None):
        _check_finite("loss", logs)
        if self.deadline is not None and time.monotonic() > self.deadline:
            self.cut_short = batch + 1 < self.params["steps"]
            self.model.stop_training = True

    def on_epoch_end(self, epoch, logs=None):
        if self.cut_short:
            return
        _check_finite(SCORE, logs)
        row = {key: float(value) for key, value in logs.items()}
        best = min((r[SCORE] for r in self.rows), default=float("inf"))
        seconds = round(time.monotonic() - self.started, 1)
        self.rows.append({"epoch": epoch, "seconds": seconds, **row})
        if row[SCORE] < best:
            write_atomically(self.run_dir / BEST, self.model.save_weights)
        write_atomically(self.run_dir / HISTORY, self._write_history)
        write_atomically(self.run_dir / CHECKPOINT, self.model.save)
        if self.deadline is not None:
            if time.monotonic() + seconds > self.deadline:
                self.model.stop_training = True

    def _write_history(self, path):
        text = io.StringIO()
        writer = csv.DictWriter(text, fieldnames=list(self.rows[0]))
        writer.writeheader()
        writer.writerows(self.rows)
        pathlib.Path(path).write_text(text.getvalue(), encoding="utf-8")


def read_history(run_dir):
    """The epochs of a run so far.

    Args:
        run_dir: Path of the run's directory.

    Returns:
        List of dicts, one for each epoch: `epoch`, `seconds` and the scores.
    """
    path = pathlib.Path(run_dir) / HISTORY
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return [
            {
                key: int(value) if key == "epoch" else float(value)
                for key, value in row.items()
            }
            for row in csv.DictReader(file)
        ]


def _check_finite(name, logs):
    if not math.isfinite(logs[name]):
        raise FloatingPointError(
            f"`{name}` is no longer finite; {CHECKPOINT} holds the last good "
            f"state, if any. Received: {name}={float(logs[name])}"
        )


def _check_folder(run_dir, recipe):
    """Refuse to touch a directory that is not this recipe's."""
    copy = run_dir / RECIPE
    if copy.exists():
        if copy.read_text(encoding="utf-8") != recipe.text:
            raise FileExistsError(
                "The directory holds the run of another recipe; choose "
                f"another one. Received: {str(run_dir)!r}"
            )
    elif run_dir.exists() and not _is_empty_directory(run_dir):
        raise FileExistsError(
            "The directory is not empty and holds no run; choose another "
            f"one. Received: {str(run_dir)!r}"
        )


def _is_empty_directory(path):
    return path.is_dir() and not any(path.iterdir())


def _claim(run_dir, recipe):
    """Make the directory this recipe's, rid of what a killed run left."""
    run_dir.mkdir(parents=True, exist_ok=True)
    remove_unfinished(run_dir)
    write_atomically(
        run_dir / RECIPE,
        lambda path: path.write_text(recipe.text, encoding="utf-8"),
    )
    if not (run_dir / ENVIRONMENT).exists():
        environment = json.dumps(
            {
                "backend": keras.backend.backend(),
                "keras": keras.__version__,
                "python": platform.python_version(),
            }
        )
        write_atomically(
            run_dir / ENVIRONMENT,
            lambda path: path.write_text(environment, encoding="utf-8"),
        )


def _restore(run_dir):
    path = run_dir / CHECKPOINT
    return keras.saving.load_model(path) if path.exists() else None
