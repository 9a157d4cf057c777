"""Training runs that can be stopped, killed and taken up again."""

import csv
import io
import json
import math
import pathlib
import platform
import tempfile
import time

import keras

from msrnn_keras import distribution
from msrnn_keras.files import remove_unfinished, write_atomically

CHECKPOINT = "checkpoint.keras"
BEST = "best.weights.h5"
HISTORY = "history.csv"
RECIPE = "recipe.toml"
ENVIRONMENT = "environment.json"
SCORE = "val_mse"


def train(
    recipe, run_dir, data=None, max_minutes=None, verbose=1, devices=None
):
    """Train a recipe, or take up its run where it was stopped.

    The run directory holds a copy of the recipe, `checkpoint.keras` (the
    whole state after the last full epoch), `best.weights.h5` (the weights
    that scored best on validation), `history.csv` and `environment.json` (the
    software it began with). Every file is written beside its place and then
    moved there, so that a killed run loses no more than the epoch it was in.

    On several devices each trains on its share of every batch, and a run may
    be taken up on another number of them; see `msrnn_keras.distribution`.
    Where several machines train together, they must share the directory.

    Args:
        recipe: `msrnn_keras.recipes.Recipe`.
        run_dir: Path of the run's directory; made if missing.
        data: Path of the data set's file; None looks in the usual places.
        max_minutes: Number, minutes after which the run stops itself; it can
            be taken up later. An unfinished epoch is lost, so it must be more
            than one takes. None trains to the end.
        verbose: 0, 1 (progress bar) or 2 (a line for each epoch).
        devices: Integer, devices of this machine to train on; None is one.

    Returns:
        Path of the best weights, or None if no epoch was finished.

    Raises:
        FileExistsError: If the directory holds something else than a run of
            this recipe.
        FloatingPointError: If the loss stops being finite.
        ValueError: If `max_minutes` is not positive, there are fewer devices,
            or they cannot share the recipe's batches evenly.

    Example:
    >>> recipe = load_recipe("zoo/recipes/ms-convlstm-mnist-small.toml")
    >>> train(recipe, "runs/small", max_minutes=60)
    """
    if max_minutes is not None and not max_minutes > 0:
        raise ValueError(
            f"`max_minutes` must be positive. Received: {max_minutes}"
        )
    run_dir = pathlib.Path(run_dir)
    _check_shares(recipe.training, distribution.count(devices))
    _check_folder(run_dir, recipe)
    arguments = (recipe, run_dir, data, max_minutes, verbose)
    distribution.run(_train, *arguments, devices=devices)
    best = run_dir / BEST
    return best if best.exists() else None


def _train(group, recipe, run_dir, data, max_minutes, verbose):
    """What each process of a `distribution.Group` does."""
    model = _restore(run_dir) or recipe.build()
    train_data = recipe.data("train", path=data)
    validation = recipe.data("validation", path=data)
    if group.chief:
        _claim(run_dir, recipe)
    steps = recipe.training.steps_per_epoch
    iterations = keras.ops.convert_to_numpy(model.optimizer.iterations)
    done = int(iterations) // steps
    keeper = RunKeeper(run_dir, done, max_minutes, group)
    if done < recipe.training.epochs:
        train_data.epoch = done
        group.prepare(model).fit(
            group.share(train_data),
            validation_data=group.share(validation),
            epochs=recipe.training.epochs,
            initial_epoch=done,
            shuffle=False,
            verbose=verbose if group.chief else 0,
            callbacks=[keeper],
        )


class RunKeeper(keras.callbacks.Callback):
    """Keeps a run on disk and stops it in time.

    Args:
        run_dir: Path of the run's directory.
        done: Integer, epochs finished before.
        max_minutes: Number, minutes from now, or None.
        group: `distribution.Group`; None is this process alone. All take part
            in writing, as TensorFlow needs, but only the chief's files stay.
    """

    def __init__(self, run_dir, done, max_minutes=None, group=None):
        super().__init__()
        self.group = group or distribution.Group()
        self.rows = read_history(run_dir)[:done]
        self.run_dir = run_dir
        if not self.group.chief:
            self._elsewhere = tempfile.TemporaryDirectory()
            self.run_dir = pathlib.Path(self._elsewhere.name)
        self.deadline = None
        if max_minutes is not None:
            self.deadline = time.monotonic() + 60 * max_minutes

    def on_epoch_begin(self, epoch, logs=None):
        self.started = time.monotonic()
        self.cut_short = False

    def on_train_batch_end(self, batch, logs=None):
        _check_finite("loss", logs)
        if self._is_over(0):
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
        if self._is_over(seconds):
            self.model.stop_training = True

    def _is_over(self, seconds):
        """Whether the deadline, if any, is that near for any process."""
        if self.deadline is None:
            return False
        return self.group.any(time.monotonic() + seconds > self.deadline)

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


def _check_shares(training, devices):
    """Refuse batches that the devices cannot share evenly."""
    for name in ("batch_size", "validation_clips"):
        value = getattr(training, name)
        if value % devices:
            raise ValueError(
                f"The recipe's `{name}` must be a multiple of the {devices} "
                f"devices. Received: {name}={value}"
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
