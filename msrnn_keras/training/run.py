"""Train a recipe, or resume its run."""

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
from msrnn_keras.training.checkpoints import Position
from msrnn_keras.training.display import Display
from msrnn_keras.training.folder import (
    INIT,
    RECIPE,
    check_folder,
    check_initial,
    init_run,
    lock_run,
    save_initial,
)
from msrnn_keras.training.keeper import BEST, RunKeeper
from msrnn_keras.training.stopping import Stop, Stopped, reraise

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
    """Train a recipe, or resume its run where it stopped.

    The run directory holds a copy of the recipe, `checkpoint.keras` (the
    whole state), `previous.keras` (the checkpoint before it),
    `best.weights.h5` (the weights with the best validation score),
    `history.csv`, `environment.json` (the software that started the run) and
    `weights/` (a copy of the validated weights every 2 hours of CPU time).

    A checkpoint is written after each epoch, every `checkpoint_minutes`, and
    when `max_minutes`, Ctrl-C or SIGTERM stops the run. An interrupted or
    killed run ends with bitwise the same weights as one that is not, on the
    same machine and backend. A run with a constant learning rate is prolonged
    by a recipe with more epochs. Several machines share the directory.

    Args:
        recipe: `msrnn_keras.training.recipe.Recipe`.
        run_dir: Path of the run's directory; created if missing.
        data: Path of the data set; None searches the default places.
        max_minutes: Number, minutes after which the run has stopped and saved
            its state. Allow time for a whole validation: an interrupted one
            starts again. None trains to the end.
        verbose: 0; 1, a line for each epoch and, on a terminal, the step; or
            2, a line for each epoch.
        devices: Integer, devices of this machine to train on; None is 1. It
            may change when a run is resumed.
        checkpoint_minutes: Number, minutes between checkpoints.
        tensorboard: Boolean, whether to write TensorBoard logs to
            `tensorboard` in the directory.
        started: Number, `time.monotonic()` from which `max_minutes` counts;
            None is now.
        max_cpu_hours: Number, CPU time of the whole run, in hours, after
            which it stops and saves its state. None is no limit.
        threads: Integer, threads that compute one operation on the CPU; None
            is the recipe's number.
        init: `keras.Model` whose weights initialize a new run.
        init_name: String, name of these weights in `environment.json`.

    Returns:
        Path of the best weights, or None if no epoch is finished.

    Raises:
        FileExistsError: If the directory holds something other than a run of
            this recipe, or a run with other initial weights than `init`.
        FloatingPointError: If the loss, the score or a weight is not finite.
        ImportError: If `tensorboard` lacks a package.
        KeyboardInterrupt: If Ctrl-C stopped the run, once its state is saved.
        OSError: If all checkpoints of the run are damaged.
        RuntimeError: If another process trains or publishes the run.
        ValueError: If a number is not positive, there are fewer devices, they
            cannot split a batch evenly, or a weight of `init` does not fit.

    Example:
    >>> recipe = load_recipe("zoo/recipes/ms-convlstm/mnist/small.toml")
    >>> train(recipe, "runs/small", max_minutes=60)
    """
    started = time.monotonic() if started is None else started
    _check_positive(
        max_minutes=max_minutes,
        checkpoint_minutes=checkpoint_minutes,
        max_cpu_hours=max_cpu_hours,
        threads=threads,
    )
    set_threads(threads or recipe.training.threads)
    if tensorboard:
        _check_tensorboard()
    run_dir = pathlib.Path(run_dir)
    _check_shards(recipe.training, distribution.count(devices))
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
            check_initial(run_dir, settings["init"])
        stop_signal = distribution.run(
            _train, recipe, run_dir, settings, devices=devices
        )
    if stop_signal is not None:
        reraise(stop_signal)
    best = run_dir / BEST
    return best if best.exists() else None


def _train(group, recipe, run_dir, settings):
    """Train in one process of a group; return the signal that stopped it."""
    with Stop(settings["deadline"]) as stop, contextlib.ExitStack() as stack:
        steps = recipe.training.steps_per_epoch
        batches = Batches(recipe.data("train", settings["data"]), steps)
        validation = recipe.data("validation", settings["data"])
        # A recipe that cannot be built must not create a directory.
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
        limits = settings["checkpoint_minutes"], settings["max_cpu_seconds"]
        keeper = RunKeeper(run_dir, steps, position, stop, group, *limits)
        epochs = recipe.training.epochs
        callbacks = [keeper]
        if group.is_main:
            callbacks += _reporters(run_dir, epochs, steps, position, settings)
        model = group.wrap(model)
        shards = group.shard(batches), group.shard(validation)
        try:
            if not keeper.spent:
                _fit(model, batches, shards, epochs, position, callbacks)
        except Stopped:
            for callback in callbacks:
                if isinstance(callback, Display):
                    callback.stopped(keeper.saved)
    return stop.signal


def _reporters(run_dir, epochs, steps, position, settings):
    """Return the callbacks that report progress."""
    reporters = []
    if verbose := settings["verbose"]:
        reporters.append(Display(epochs, steps, position, verbose))
    if settings["tensorboard"]:
        logs = str(run_dir / TENSORBOARD)
        reporters.append(keras.callbacks.TensorBoard(logs, write_graph=False))
    return reporters


def _fit(model, batches, shards, epochs, position, callbacks):
    """Train from a position to the end; `callbacks` start with `RunKeeper`."""
    first, step = position.epoch, position.step
    if step == batches.steps:
        callbacks[0].validate(model, shards[1], callbacks)
        first, step = first + 1, 0
    # Epochs of one `fit` have equal length: fit a partial epoch separately.
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
                shards[0],
                validation_data=shards[1],
                initial_epoch=start,
                epochs=stop,
                shuffle=False,
                verbose=0,
                callbacks=[follow, *callbacks],
            )


def _check_positive(**numbers):
    for name, value in numbers.items():
        if value is not None and not value > 0:
            raise ValueError(f"`{name}` must be positive. Received: {value}")


def _check_tensorboard():
    for name in ("tensorflow", "tensorboard"):
        if importlib.util.find_spec(name) is None:
            raise ImportError(
                "TensorBoard logs need TensorFlow and TensorBoard: "
                "pip install tensorflow tensorboard. "
                f"Received: no package {name}"
            )


def _check_shards(training, devices):
    """Refuse settings that several devices cannot split evenly."""
    for name in ("batch_size", "validation_clips"):
        value = getattr(training, name)
        if value % devices:
            raise ValueError(
                f"The recipe's `{name}` must be a multiple of the {devices} "
                f"devices. Received: {name}={value}"
            )
    if devices > 1 and keras.backend.backend() == "tensorflow":
        # Keras clips each device's gradients there, and cannot average.
        for name in ("clipnorm", "global_clipnorm", "ema"):
            value = getattr(training, name)
            if value is not None:
                raise ValueError(
                    f"On TensorFlow `{name}` works on one device only; use "
                    f"JAX or PyTorch. Received: {name}={value} on {devices} "
                    "devices"
                )
