"""A resumable search with KerasTuner, by one process or several."""

import contextlib
import json
import os
import pathlib
import time
from collections.abc import Mapping
from typing import Any, Literal

import grpc
import keras
import keras_tuner

from msrnn_keras.training.stopping import Stop, reraise
from msrnn_keras.tuning.hypermodel import MSRNNHyperModel
from msrnn_keras.tuning.results import SCORE, read_results, write_best
from msrnn_keras.tuning.storage import WholeFiles
from msrnn_keras.utils.arguments import (
    check_above,
    check_boolean,
    check_count,
    check_known,
    check_path,
    check_positive,
    refused,
)
from msrnn_keras.utils.checks import is_array
from msrnn_keras.utils.extras import require
from msrnn_keras.utils.files import (
    check_can_write,
    remove_unfinished,
    reserve,
    write_atomically,
    writing,
)
from msrnn_keras.utils.typing import PathLike

METHODS = {
    "hyperband": keras_tuner.Hyperband,
    "bayesian": keras_tuner.BayesianOptimization,
    "random": keras_tuner.RandomSearch,
}
"""Classes of KerasTuner by the names that `tune` takes as `method`."""
TRIALS = 20  # default of the methods without an end of their own
SEARCH = "search.json"
ROOM = 16 << 20  # bytes that a trial may write
VARIABLES = tuple(  # of KerasTuner, for a chief and its workers
    f"KERASTUNER_{name}" for name in ("TUNER_ID", "ORACLE_IP", "ORACLE_PORT")
)


def tune(
    hypermodel: MSRNNHyperModel,
    train: Any,
    validation: Any,
    folder: PathLike,
    method: Literal["hyperband", "bayesian", "random"] = "hyperband",
    max_trials: int | None = None,
    epochs: int = 10,
    overwrite: bool = False,
    seed: int = 0,
    max_minutes: float | None = None,
    setting: Mapping[str, str | float] | None = None,
    verbose: int = 1,
) -> Any:
    """Search for the hyperparameters with the lowest `val_mse`.

    The same call on the same folder resumes a search; an interrupted trial
    starts again. The folder holds KerasTuner's files, `search.json` (the
    settings) and `best.toml` (the best trial so far, as a recipe). Hyperband
    (Li et al., 2018, arXiv:1603.06560) trains for few epochs first and
    continues the best trials, each continuation as a trial. If the environment
    names a chief of KerasTuner, this process is the chief or a worker; all of
    them need the same call and a shared disk.

    Args:
        hypermodel: `MSRNNHyperModel`.
        train: Tuple of arrays `(x, y)`, or a data set of such batches.
        validation: Validation data, as `train`.
        folder: Path; created if missing.
        method: String, `"hyperband"`, `"bayesian"` or `"random"`.
        max_trials: Integer, a larger one extends a search; None is 20, or all
            rounds of Hyperband.
        epochs: Integer, epochs of a trial; for Hyperband the maximum.
        overwrite: Boolean, delete an existing search first.
        seed: Non-negative integer, of the choice of trials.
        max_minutes: Number, minutes until a search without a chief stops.
        setting: Dict of strings and numbers, the same to resume the search.
        verbose: 0; 1, a line for each trial; or 2, all output.

    Returns:
        The KerasTuner `Tuner`, with `finished`, whether the search is complete;
        `best`, the path of `best.toml` or None; `leads`, False for a worker.

    Raises:
        KeyboardInterrupt: If Ctrl-C stopped the search, once it is saved.
        ValueError: If an argument is out of range, or the data are refused.
        FileExistsError: If the folder holds another search or other files.
        RuntimeError: If three trials in a row fail, or all of them.
        ImportError, ConnectionError: If scikit-learn or the chief is missing.

    Example:
    >>> tuner = tune(space, (x, y), (x_val, y_val), "runs/tuning")
    >>> model = tuner.get_best_models()[0]
    """
    started = time.monotonic()
    role = role_of_process()
    search = {"method": method, "epochs": epochs, "seed": seed}
    search, max_trials = _check(search, max_trials, max_minutes, role)
    overwrite = check_boolean("overwrite", overwrite)
    verbose = check_count("verbose", verbose, 0)
    _check_data(hypermodel, train=train, validation=validation)
    folder = check_path("folder", folder).resolve()
    search |= {"space": hypermodel.get_config(), "setting": setting}
    leads = role != "worker"
    if leads:
        _check_folder(folder, search, overwrite)
        check_can_write(folder)
    tuner = _open_tuner(hypermodel, folder, search, max_trials, overwrite, role)
    tuner.talkative, tuner.leads, tuner.best = verbose > 0, leads, None
    if leads:
        with writing(folder.parent):
            folder.mkdir(parents=True, exist_ok=True)
        remove_unfinished(folder)
        text = json.dumps(search, indent=2)
        write_atomically(folder / SEARCH, lambda path: path.write_text(text))
    stop = Stop(max_minutes and started + 60 * max_minutes)
    with stop if role == "alone" else contextlib.nullcontext():
        tuner.finished = _run(
            tuner,
            folder / SEARCH,
            *(train if isinstance(train, tuple) else (train,)),
            validation_data=validation,
            epochs=epochs,
            callbacks=[Deadline(lambda: stop.within(0))],
            verbose=max(verbose - 1, 0),
        )
    if leads:
        tuner.save()  # A chief is saved with its last trial unfinished.
        tuner.best = write_best(folder, search)
        if tuner.finished and tuner.best is None:
            rows = [*read_results(folder), {"message": "no trial"}]
            last = _last_line(rows[0]["message"])
            raise RuntimeError(f"All trials failed. Received: {last}")
    if stop.signal is not None:
        reraise(stop.signal)
    return tuner


def _open_tuner(hypermodel, folder, search, max_trials, overwrite, role):
    """Return KerasTuner's tuner with the search that the folder holds."""
    method = search["method"]
    options = {
        "hypermodel": hypermodel,
        "objective": keras_tuner.Objective(SCORE, "min"),
        "seed": search["seed"] + 1,  # KerasTuner replaces 0 by a random seed.
        "directory": str(folder.parent),
        "project_name": folder.name,
        "overwrite": overwrite and role != "worker",
    }
    if role == "chief":
        # An error in the oracle would leave it locked and all workers waiting.
        options["max_consecutive_failed_trials"] = 10**9
    if method == "hyperband":
        options["max_epochs"] = search["epochs"]
    else:
        options["max_trials"] = max_trials or TRIALS
    if method == "bayesian":
        require("sklearn.gaussian_process", "tuner")
        # KerasTuner's default also counts fixed hyperparameters.
        options["num_initial_points"] = hypermodel.dimensions + 1
    if options["overwrite"]:
        # Refuse an invalid model before the search is deleted.
        hypermodel.build(keras_tuner.HyperParameters())
    try:
        base = METHODS[method]
        kinds = _Lines, WholeFiles, base
        tuner = type(base.__name__, kinds, {})(**options)
        if method == "hyperband":
            tuner.oracle.max_trials = max_trials
        # The search of a tuner with another id, such as a chief's.
        there = (folder / "oracle.json").exists()
        if there and role != "worker" and not tuner.oracle.trials:
            tuner.oracle.reload()
        if role != "worker":
            tuner.write_whole_files()
    except json.JSONDecodeError as error:
        raise ValueError(
            "The files of the search are damaged; choose another folder, or "
            f"overwrite it. Received: {str(folder)!r} ({error})"
        ) from error
    return tuner


class _Lines:
    """Prints a line for each trial; mixed into a tuner of KerasTuner."""

    talkative = False

    def on_trial_begin(self, trial):
        # KerasTuner would take an error within the trial for one of the model.
        reserve(pathlib.Path(self.project_dir) / "tmp-room", ROOM)
        super().on_trial_begin(trial)

    def on_trial_end(self, trial):
        super().on_trial_end(trial)
        if self.talkative:
            trial = self.oracle.get_trial(trial.trial_id)
            text = trial.status.lower()
            if trial.score is not None:
                text = f"{SCORE} {trial.score:.4g}"
            print(f"Trial {trial.trial_id}: {text}", flush=True)

    def _configure_tensorboard_dir(self, callbacks, trial, execution=0):
        # KerasTuner imports TensorBoard here even if no callback needs it.
        if any(type(c).__name__ == "TensorBoard" for c in callbacks):
            super()._configure_tensorboard_dir(callbacks, trial, execution)


def _run(tuner, search_file, *data, **options):
    """Search; return whether the search is complete."""
    try:
        if not tuner.leads:
            tuner.oracle.get_space()  # Wait for the chief.
            if not search_file.exists():
                raise FileNotFoundError(
                    "The folder must be on a disk shared with the chief. "
                    f"Received: no {str(search_file)!r}"
                )
        tuner.search(*data, **options)
    except OutOfTime:
        return False
    except RuntimeError as error:
        if "consecutive failures" not in str(error):
            raise
        raise RuntimeError(
            f"Three trials in a row failed. Received: {_last_line(error)}"
        ) from error
    except grpc.RpcError as error:
        chief = ":".join(os.environ.get(name, "") for name in VARIABLES[1:])
        raise ConnectionError(
            "The chief does not answer; check that it runs. "
            f"Received: {error.code()} from {chief}"
        ) from error
    return True


class OutOfTime(BaseException):
    """Ends the search within a trial, without failing the trial."""


class Deadline(keras.callbacks.Callback):
    """Ends the search between two batches, at its end or after a signal."""

    # An exception of a signal's handler would be lost in JAX, or fail a trial.
    # KerasTuner copies callbacks, with all they hold but functions.

    def __init__(self, is_over):
        super().__init__()
        self.is_over = is_over

    def on_train_batch_begin(self, batch=None, logs=None):
        if self.is_over():
            raise OutOfTime

    on_train_begin = on_test_batch_begin = on_train_batch_begin


# === Checks ===


def role_of_process():
    """Return `"alone"`, `"chief"` or `"worker"` from the environment."""
    missing = [name for name in VARIABLES if name not in os.environ]
    if "KERASTUNER_ORACLE_IP" in missing:
        return "alone"
    if missing:
        raise ValueError(
            f"A chief and its workers need {', '.join(VARIABLES)} in the "
            f"environment. Received: no {', '.join(missing)}"
        )
    return "chief" if "chief" in os.environ[VARIABLES[0]] else "worker"


def _check(search, max_trials, max_minutes, role):
    """Return the checked settings of a search and its number of trials."""
    check_known("method", search["method"], METHODS)
    search["epochs"] = check_positive("epochs", search["epochs"])
    search["seed"] = check_count("seed", search["seed"], 0)
    if max_trials is not None:
        max_trials = check_positive("max_trials", max_trials)
    if max_minutes is not None:
        check_above("max_minutes", max_minutes, 0)
        if role != "alone":
            raise ValueError(
                "`max_minutes` is not for a chief and its workers. "
                f"Received: max_minutes={max_minutes}"
            )
    return search, max_trials


def _check_data(hypermodel, **data):
    """Refuse what is no search space, and no data."""
    if not isinstance(hypermodel, MSRNNHyperModel):
        wanted = "an `MSRNNHyperModel` or a `SimVPHyperModel`"
        raise refused("hypermodel", wanted, hypermodel)
    for name, value in data.items():
        usable = isinstance(value, tuple) and len(value) in (2, 3)
        if isinstance(value, (str, dict, list, tuple)) or is_array(value):
            usable = usable and all(map(is_array, value))
        else:
            usable = hasattr(value, "__iter__") or hasattr(value, "__getitem__")
        if not usable:
            wanted = "a tuple of arrays (x, y), or a data set of such batches"
            raise refused(name, wanted, value)


def _check_folder(folder, search, overwrite):
    """Refuse a folder that holds anything but this search."""
    path = folder / SEARCH
    if not path.exists():
        if folder.is_file() or (folder.exists() and any(folder.iterdir())):
            raise FileExistsError(
                "The folder is not empty and holds no search; choose another "
                f"one. Received: {str(folder)!r}"
            )
    elif not overwrite:
        try:
            old = json.loads(path.read_text(encoding="utf-8"))
        except ValueError:
            old = {}
        if names := _differences(old, json.loads(json.dumps(search))):
            raise FileExistsError(
                "The folder holds another search; choose another folder, or "
                f"overwrite it. Received: {str(folder)!r}, which differs in "
                f"{', '.join(names)}"
            )


def _differences(old, new):
    """Return the names of settings that differ between two searches."""
    names = []
    for name in {**new, **old}:
        a, b = old.get(name), new.get(name)
        if isinstance(a, dict) and isinstance(b, dict):
            names += _differences(a, b)
        elif a != b:
            names.append(name)
    return names


def _last_line(message):
    """Return the last line of a message, such as a traceback."""
    return str(message).strip().splitlines()[-1]
