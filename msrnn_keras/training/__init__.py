"""Training runs that can be stopped, killed, carried and taken up again."""

import contextlib
import importlib.util
import pathlib
import tempfile
import time

import keras

from msrnn_keras import distribution
from msrnn_keras.backend.threads import set_threads
from msrnn_keras.training import checkpoints, optimization
from msrnn_keras.training.batches import Batches
from msrnn_keras.training.branching import branch_run
from msrnn_keras.training.checkpoints import CHECKPOINT, PREVIOUS, Position
from msrnn_keras.training.display import Display
from msrnn_keras.training.folder import (
    ENVIRONMENT,
    INIT,
    RECIPE,
    check_folder,
    init_run,
    lock_run,
)
from msrnn_keras.training.history import HISTORY, SCORE, read_history
from msrnn_keras.training.initial import same_weights, save_initial
from msrnn_keras.training.keeper import BEST, RunKeeper
from msrnn_keras.training.packing import pack_run, unpack_run
from msrnn_keras.training.stopping import Stop, Stopped, reraise

__all__ = [
    "BEST",
    "CHECKPOINT",
    "ENVIRONMENT",
    "HISTORY",
    "PREVIOUS",
    "RECIPE",
    "SCORE",
    "RunKeeper",
    "branch_run",
    "hold",
    "pack_run",
    "read_history",
    "train",
    "unpack_run",
]

TENSORBOARD = "tensorboard"


def train(
    recipe,
    run_dir,
    data=None,
    max_minutes=None,
    verbose=1,
    devices=None,
    checkpoint_minutes=10,
    tensorboard=False,
    started=None,
    max_cpu_hours=None,
    threads=None,
    init=None,
    init_name=None,
):
    """Train a recipe, or take up its run where it was stopped.

    The run directory holds a copy of the recipe, `checkpoint.keras` (the
    whole state), `previous.keras` (the checkpoint before it),
    `best.weights.h5` (the weights that scored best on validation),
    `history.csv`, `environment.json` (the software it began with) and
    `weights/` (a copy of the validated weights every 2 hours of CPU time).
    Every file is written beside its place and then moved there.

    A run with a constant rate can be prolonged by a recipe with more epochs;
    `branch_run` ends it by a short decay in another directory.

    A run that is cut, wherever, ends with the same weights to the last bit as
    one that is not, on the same machine with the same backend. There is a
    checkpoint after each epoch, every `checkpoint_minutes`, and where
    `max_minutes`, Ctrl-C or SIGTERM stops the run; a run that is killed goes
    on from the last one. The means of training loss and score are restored as
    well, up to rounding: for an epoch that was cut they are those of its
    parts, each weighing as many steps as it has.

    On several devices each trains on its share of every batch, and a run may
    be taken up on another number of them; see `msrnn_keras.distribution`.
    Where several machines train together, they must share the directory.

    Args:
        recipe: `msrnn_keras.training.recipe.Recipe`.
        run_dir: Path of the run's directory; made if missing.
        data: Path of the data set's file; None looks in the usual places.
        max_minutes: Number, minutes by which the run has stopped itself and
            saved its state; it can be taken up later. Only a validation is
            begun anew, so there must be time for a whole one. None trains to
            the end.
        verbose: 0, 1 (a line for each epoch, in a terminal also the step) or
            2 (a line for each epoch).
        devices: Integer, devices of this machine to train on; None is one.
        checkpoint_minutes: Number, minutes between checkpoints.
        tensorboard: Boolean, whether to write logs for TensorBoard into
            `tensorboard` in the directory; needs the packages tensorflow and
            tensorboard.
        started: Number, `time.monotonic()` from which `max_minutes` counts;
            None is now.
        max_cpu_hours: Number, CPU time of the whole run, in hours, after
            which it stops and saves its state. None is no limit.
        threads: Integer, threads that compute one operation on the CPU; None
            is the recipe's number.
        init: `keras.Model` whose weights a new run begins from.
        init_name: String, name of these weights, kept in the run's
            `environment.json`.

    Returns:
        Path of the best weights, or None if no epoch was finished.

    Raises:
        FileExistsError: If the directory holds something else than a run of
            this recipe, or one that began from other weights than `init`.
        FloatingPointError: If the loss, the score or a weight stops being
            finite.
        ImportError: If `tensorboard` lacks a package.
        KeyboardInterrupt: If Ctrl-C stopped the run, once its state is saved.
        OSError: If all checkpoints of the run are damaged.
        RuntimeError: If another process trains or publishes the run.
        ValueError: If a number of minutes or hours is not positive, there are
            fewer devices, they cannot share the recipe's batches evenly, or
            a weight of `init` does not fit.

    Example:
    >>> recipe = load_recipe("zoo/recipes/ms-convlstm-mnist-small.toml")
    >>> train(recipe, "runs/small", max_minutes=60)
    """
    started = time.monotonic() if started is None else started
    _check_minutes("max_minutes", max_minutes)
    _check_minutes("checkpoint_minutes", checkpoint_minutes)
    _check_minutes("max_cpu_hours", max_cpu_hours)
    _check_minutes("threads", threads)
    set_threads(threads or recipe.training.threads)
    if tensorboard:
        _check_tensorboard()
    run_dir = pathlib.Path(run_dir)
    _check_shares(recipe.training, distribution.count(devices))
    check_folder(run_dir, recipe)
    settings = {
        "data": data,
        "deadline": max_minutes and started + 60 * max_minutes,
        "max_cpu_seconds": max_cpu_hours and 3600 * max_cpu_hours,
        "verbose": verbose,
        "checkpoint_minutes": checkpoint_minutes,
        "tensorboard": tensorboard,
    }
    with tempfile.TemporaryDirectory() as folder:
        if init is not None:
            settings["init_name"] = init_name or init.name
            settings["init"] = pathlib.Path(folder) / INIT
            save_initial(recipe.build(), init, settings["init"])
            _check_init(run_dir, settings["init"])
        told = distribution.run(
            _train, recipe, run_dir, settings, devices=devices
        )
    if told is not None:
        reraise(told)
    best = run_dir / BEST
    return best if best.exists() else None


def _train(group, recipe, run_dir, settings):
    """What each process of a `distribution.Group` does.

    Returns the number of the signal that stopped it, or None.
    """
    with Stop(settings["deadline"]) as stop, contextlib.ExitStack() as stack:
        steps = recipe.training.steps_per_epoch
        batches = Batches(recipe.data("train", settings["data"]), steps)
        validation = recipe.data("validation", settings["data"])
        # What cannot be built must leave no directory behind.
        new = None if (run_dir / RECIPE).exists() else recipe.build()
        if group.is_main:
            stack.enter_context(lock_run(run_dir))
        restored = checkpoints.restore(run_dir, steps)
        model, position = restored or (new or recipe.build(), Position())
        init = settings.get("init") or run_dir / INIT
        if restored is None and init.exists():
            model.load_weights(init)
        optimization.set_learning_rate(model.optimizer, recipe.training)
        if group.is_main:
            names = settings.get("init"), settings.get("init_name")
            init_run(run_dir, recipe, *names)
        keeper = RunKeeper(
            run_dir,
            steps,
            position,
            stop,
            settings["checkpoint_minutes"],
            group,
            settings["max_cpu_seconds"],
        )
        epochs = recipe.training.epochs
        callbacks = [keeper]
        if group.is_main:
            callbacks += _reporters(run_dir, epochs, steps, position, settings)
        model = group.wrap(model)
        shared = group.shard(batches), group.shard(validation)
        try:
            if not keeper.spent:
                _fit(model, batches, shared, epochs, position, callbacks)
        except Stopped:
            for display in callbacks[1:]:
                if isinstance(display, Display):
                    display.stopped(keeper.saved)
    return stop.signal


def _reporters(run_dir, epochs, steps, position, settings):
    """The callbacks that tell how the run goes."""
    reporters = []
    if settings["verbose"]:
        verbose = settings["verbose"]
        reporters.append(Display(epochs, steps, position, verbose))
    if settings["tensorboard"]:
        log_dir = str(run_dir / TENSORBOARD)
        reporters.append(
            keras.callbacks.TensorBoard(log_dir, write_graph=False)
        )
    return reporters


def _fit(model, batches, shared, epochs, position, callbacks):
    """Train from a position to the end.

    Args:
        model: Compiled `keras.Model`.
        batches: `Batches`, which the first of `shared` feeds.
        shared: Training and validation data for this process.
        epochs: Integer, epochs of the run.
        position: `Position` of the start.
        callbacks: List of callbacks, `RunKeeper` first.
    """
    first, step = position.epoch, position.step
    if first >= epochs:
        return
    if step == batches.steps:
        callbacks[0].validate(model, shared[1], callbacks)
        first, step = first + 1, 0
    # Keras takes epochs of one length alone, so the rest of one is by itself.
    parts = [(first, first + 1, step), (first + 1, epochs, 0)]
    if not step:
        parts = [(first, epochs, 0)]
    follow = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: setattr(batches, "epoch", epoch)
    )
    for start, stop, done in parts:
        batches.epoch, batches.first = start, done
        if start < stop:
            model.fit(
                shared[0],
                validation_data=shared[1],
                initial_epoch=start,
                epochs=stop,
                shuffle=False,
                verbose=0,
                callbacks=[follow, *callbacks],
            )


def _check_minutes(name, value):
    if value is not None and not value > 0:
        raise ValueError(f"`{name}` must be positive. Received: {value}")


def _check_init(run_dir, init):
    """Refuse other initial weights than those that a run began from."""
    old = run_dir / INIT
    if (run_dir / RECIPE).exists():
        if not old.exists() or not same_weights(old, init):
            raise FileExistsError(
                "The run in this directory began from other weights; choose "
                f"another directory. Received: {str(run_dir)!r}"
            )


def _check_tensorboard():
    for name in ("tensorflow", "tensorboard"):
        if importlib.util.find_spec(name) is None:
            raise ImportError(
                "Logs for TensorBoard need TensorFlow and TensorBoard: "
                "pip install tensorflow tensorboard. "
                f"Received: no package {name}"
            )


def _check_shares(training, devices):
    """Refuse what several devices cannot share evenly."""
    for name in ("batch_size", "validation_clips"):
        value = getattr(training, name)
        if value % devices:
            raise ValueError(
                f"The recipe's `{name}` must be a multiple of the {devices} "
                f"devices. Received: {name}={value}"
            )
    if devices > 1 and keras.backend.backend() == "tensorflow":
        # There Keras clips before it adds up, and cannot average.
        for name in ("clipnorm", "global_clipnorm", "ema"):
            value = getattr(training, name)
            if value is not None:
                raise ValueError(
                    f"On TensorFlow `{name}` works on one device alone; JAX "
                    f"and PyTorch share it. Received: {name}={value} on "
                    f"{devices} devices"
                )
