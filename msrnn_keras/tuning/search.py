"""The search: KerasTuner's, made to go on where it was stopped."""

import pathlib
import time

import keras

from msrnn_keras.tuning.folder import (
    check_folder,
    check_results,
    init_search,
    last_line,
)
from msrnn_keras.tuning.parallel import address, await_chief, role_of_process
from msrnn_keras.tuning.results import write_best
from msrnn_keras.tuning.tuner import METHODS, open_tuner
from msrnn_keras.utils.checks import check_positive


def tune(
    hypermodel,
    train,
    validation,
    folder,
    method="hyperband",
    max_trials=None,
    epochs=10,
    overwrite=False,
    seed=0,
    max_minutes=None,
    setting=None,
    verbose=1,
):
    """Search for the hyperparameters with the least `val_mse`.

    The same call on the same folder goes on where the search was stopped or
    killed; the trial that was cut short starts again. More `max_trials` add
    to a search. The folder holds KerasTuner's files, `search.json` (what was
    searched) and `best.toml` (the best trial so far, as a recipe). Hyperband
    trains few epochs first and goes on with the best, from the weights and
    the Adam of their best epoch; each time is a trial of its own. Bayesian
    optimisation begins with a random trial more than there are searched
    hyperparameters.

    Where the environment names a chief of KerasTuner, this process is the
    chief or a worker; all need the same call and a disk that they share.

    Args:
        hypermodel: `MSRNNHyperModel`.
        train: Tuple of arrays `(x, y)`, or a data set of such batches.
        validation: The same, of validation.
        folder: Path; made if missing.
        method: String, `"hyperband"`, `"bayesian"` or `"random"`.
        max_trials: Integer; None is 20, and for Hyperband all its rounds.
        epochs: Integer, epochs of a trial; for Hyperband the most.
        overwrite: Boolean, whether a search in the folder is deleted first.
        seed: Non-negative integer, of the choice of trials.
        max_minutes: Number, minutes after which the search stops itself.
            None goes on to the end. Not for a chief and its workers.
        setting: Dict of strings and numbers, what else must be the same to go
            on, such as the data set's name.
        verbose: 0; 1, a line for each trial; or 2, all that KerasTuner and
            Keras have to say.

    Returns:
        The KerasTuner `Tuner` after the search, with further attributes:
        `finished`, whether it came to its end; `best`, the path of
        `best.toml` or None; `leads`, False for a worker. Ask a worker's tuner
        nothing, its chief may be gone; `read_results` reads the folder.

    Raises:
        ValueError: If an argument is out of its range, or the data are
            refused.
        FileExistsError: If the folder holds another search, or other files.
        RuntimeError: If three trials in a row fail, or all of them.
        ImportError: If `"bayesian"` lacks scikit-learn.
        ConnectionError: If a worker's chief is gone.

    Example:
    >>> space = MSRNNHyperModel(filters=(16, 32), image_shape=(64, 64, 1))
    >>> tuner = tune(space, (x, y), (x_val, y_val), "runs/tuning")
    >>> model = tuner.get_best_models()[0]

    Reference:
        Hyperband: Li et al., 2018, arXiv:1603.06560.
    """
    started = time.monotonic()
    role = role_of_process()
    _check(method, max_trials, epochs, seed, max_minutes, role)
    folder = pathlib.Path(folder).resolve()
    search = {
        "method": method,
        "epochs": epochs,
        "seed": seed,
        "space": hypermodel.get_config(),
        "setting": setting,
    }
    if role != "worker":
        check_folder(folder, search, overwrite)
    tuner = open_tuner(hypermodel, folder, search, max_trials, overwrite, role)
    tuner.talkative, tuner.leads = verbose > 0, role != "worker"
    tuner.best = None
    if role == "worker":
        await_chief(tuner, folder, search)
    else:
        init_search(folder, search)
    deadline = started + 60 * max_minutes if max_minutes else None
    tuner.finished = _run(tuner, train, validation, epochs, deadline, verbose)
    if tuner.leads:
        tuner.save()  # once more, for a chief: no trial is going on
        tuner.best = write_best(folder, search)
        if tuner.finished:
            check_results(folder)
    return tuner


def _run(tuner, train, validation, epochs, deadline, verbose):
    """Search; returns whether it came to its end before the deadline."""
    import grpc

    callbacks = [] if deadline is None else [Deadline(deadline)]
    try:
        tuner.search(
            *(train if isinstance(train, tuple) else (train,)),
            validation_data=validation,
            epochs=epochs,
            callbacks=callbacks,
            verbose=max(verbose - 1, 0),
        )
    except OutOfTime:
        return False
    except RuntimeError as error:
        if "consecutive failures" not in str(error):
            raise
        raise RuntimeError(
            f"Three trials in a row have failed. Received: {last_line(error)}"
        ) from error
    except grpc.RpcError as error:
        raise ConnectionError(
            "The chief does not answer any more. "
            f"Received: {error.code()} from {address()}"
        ) from error
    return True


class OutOfTime(BaseException):
    """Ends the search in the middle of a trial; no trial has failed."""


class Deadline(keras.callbacks.Callback):
    """Ends the search at a time.

    Args:
        end: Number of seconds, as of `time.monotonic`.
    """

    def __init__(self, end):
        super().__init__()
        self.end = end

    def on_train_begin(self, logs=None):
        if time.monotonic() > self.end:
            raise OutOfTime

    def on_train_batch_begin(self, batch, logs=None):
        self.on_train_begin()

    def on_test_batch_begin(self, batch, logs=None):
        self.on_train_begin()


def _check(method, max_trials, epochs, seed, max_minutes, role):
    if method not in METHODS:
        raise ValueError(
            f"`method` must be one of {', '.join(map(repr, METHODS))}. "
            f"Received: method={method!r}"
        )
    if max_trials is not None:
        check_positive("max_trials", max_trials)
    check_positive("epochs", epochs)
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        raise ValueError(
            f"`seed` must be a non-negative integer. Received: seed={seed!r}"
        )
    if max_minutes is not None and not max_minutes > 0:
        raise ValueError(
            "`max_minutes` must be positive. "
            f"Received: max_minutes={max_minutes}"
        )
    if max_minutes is not None and role != "alone":
        raise ValueError(
            "`max_minutes` is not for a chief and its workers. "
            f"Received: max_minutes={max_minutes}"
        )
