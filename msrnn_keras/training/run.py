"""Train a recipe, or resume its run."""

import contextlib
import importlib.util
import pathlib
import tempfile
import time

import keras

from msrnn_keras import distribution
from msrnn_keras.backend.threads import set_threads
from msrnn_keras.models.transfer import initialize_weights
from msrnn_keras.presets.loading import load_preset
from msrnn_keras.training import checkpoints, folder, optimization
from msrnn_keras.training.batches import Batches
from msrnn_keras.training.checkpoints import Position
from msrnn_keras.training.display import Display
from msrnn_keras.training.keeper import BEST, RunKeeper
from msrnn_keras.training.recipe import Recipe
from msrnn_keras.training.stopping import Stop, Stopped, reraise
from msrnn_keras.utils.arguments import (
    check_above,
    check_boolean,
    check_count,
    check_path,
    check_positive,
)
from msrnn_keras.utils.files import check_can_write
from msrnn_keras.utils.typing import PathLike

TENSORBOARD = "tensorboard"


def train(
    recipe: Recipe,
    run_dir: PathLike,
    data: PathLike | None = None,
    max_minutes: float | None = None,
    verbose: int = 1,
    devices: int | None = None,
    checkpoint_minutes: float = 10,
    tensorboard: bool = False,
    started: float | None = None,
    max_cpu_hours: float | None = None,
    threads: int | None = None,
    init: keras.Model | None = None,
    init_name: str | None = None,
) -> pathlib.Path | None:
    """Train a recipe, or resume its run where it stopped.

    The run directory holds a copy of the recipe, `checkpoint.keras` (the whole
    state), `previous.keras` (the one before it), `best.weights.h5` (of the best
    validation score), `history.csv`, `environment.json` (the software) and
    `weights/` (validated weights every 2 hours of CPU time). Several machines
    share it. A checkpoint is written after each epoch, every
    `checkpoint_minutes`, and when `max_minutes`, Ctrl-C or SIGTERM stops the
    run. A stopped or killed run ends with bitwise the same weights as one that
    is not, on the same machine and backend. A recipe with more epochs prolongs
    a run with a constant learning rate.

    Args:
        recipe: `msrnn_keras.training.recipe.Recipe`.
        run_dir: Path of the run's directory; created if missing.
        data: Path of the data set; None searches the default places.
        max_minutes: Number, minutes until the run saves and stops, or None.
        verbose: 0; 1, a line per epoch and the step on a terminal; 2, lines.
        devices: Integer, devices of this machine; may change; None is 1.
        checkpoint_minutes: Number, minutes between checkpoints.
        tensorboard: Boolean, write TensorBoard logs to `tensorboard` there.
        started: Number, start of `max_minutes` by `time.monotonic()`, or None.
        max_cpu_hours: Number, hours of CPU time of the whole run, or None.
        threads: Integer, CPU threads of an operation; None is the recipe's.
        init: `keras.Model` whose weights initialize a new run. None loads the
            preset that the recipe names, if it names one.
        init_name: String, name of these weights in `environment.json`.

    Returns:
        Path of the best weights, or None if no epoch is finished.

    Raises:
        FileExistsError: If the directory holds anything but a run of this
            recipe with these initial weights.
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
    for name, value in (
        ("max_minutes", max_minutes),
        ("checkpoint_minutes", checkpoint_minutes),
        ("max_cpu_hours", max_cpu_hours),
    ):
        if value is not None:
            check_above(name, value, 0)
    if threads is not None:
        threads = check_positive("threads", threads)
    tensorboard = check_boolean("tensorboard", tensorboard)
    verbose = check_count("verbose", verbose, 0)
    set_threads(threads or recipe.training.threads)
    if tensorboard:
        _check_tensorboard()
    run_dir = check_path("run_dir", run_dir)
    _check_shards(recipe.training, distribution.count(devices))
    folder.check_folder(run_dir, recipe)
    check_can_write(run_dir)
    settings = {
        "data": data,
        "deadline": max_minutes and started + 60 * max_minutes,
        "max_cpu_seconds": max_cpu_hours and 3600 * max_cpu_hours,
        "verbose": verbose,
        "checkpoint_minutes": checkpoint_minutes,
        "tensorboard": tensorboard,
    }
    with tempfile.TemporaryDirectory() as temporary:
        init, init_name = _initial(recipe, run_dir, init, init_name)
        if init is not None:
            settings["init_name"] = init_name or init.name
            settings["init"] = pathlib.Path(temporary) / folder.INIT
            new = recipe.build()
            initialize_weights(init, new)
            new.save_weights(settings["init"])
            folder.check_initial(run_dir, settings["init"])
        stop_signal = distribution.run(
            _train, recipe, run_dir, settings, devices=devices
        )
    if stop_signal is not None:
        reraise(stop_signal)
    best = run_dir / BEST
    return best if best.exists() else None


def _initial(recipe, run_dir, init, name):
    """Return the model that a run starts from, and its name; or None."""
    begun = (run_dir / folder.RECIPE).exists()
    if init is None and recipe.init and not begun:
        return load_preset(recipe.init), recipe.init
    return init, name


def _train(group, recipe, run_dir, settings):
    """Train in one process of a group; return the signal that stopped it."""
    with Stop(settings["deadline"]) as stop, contextlib.ExitStack() as stack:
        steps = recipe.training.steps_per_epoch
        batches = Batches(recipe.data("train", settings["data"]), steps)
        validation = recipe.data("validation", settings["data"])
        # A recipe that cannot be built must not create a directory.
        new = None if (run_dir / folder.RECIPE).exists() else recipe.build()
        if group.is_main:
            stack.enter_context(folder.lock_run(run_dir))
        restored = checkpoints.restore(run_dir, steps)
        model, position = restored or (new or recipe.build(), Position())
        init = settings.get("init") or run_dir / folder.INIT
        if restored is None and init.exists():
            model.load_weights(init)
        own = getattr(model.optimizer, "inner_optimizer", model.optimizer)
        own.learning_rate = optimization.learning_rate(recipe.training)
        limits = settings["checkpoint_minutes"], settings["max_cpu_seconds"]
        epochs, reporters = recipe.training.epochs, ()
        if group.is_main:
            given = settings.get("init"), settings.get("init_name")
            folder.init_run(run_dir, recipe, *given)
            reporters = _reporters(run_dir, epochs, steps, position, settings)
        keeper = RunKeeper(run_dir, steps, position, stop, group, *limits)
        callbacks = [keeper, *reporters]
        model = group.wrap(model)
        shards = group.shard(batches), group.shard(validation)
        try:
            if not keeper.spent(position):
                _fit(model, batches, shards, epochs, position, callbacks)
        except Stopped:
            for display in callbacks:
                if isinstance(display, Display):
                    display.stopped(keeper.saved)
    return stop.signal


def _reporters(run_dir, epochs, steps, position, settings):
    """Yield the callbacks that report progress."""
    if verbose := settings["verbose"]:
        yield Display(epochs, steps, position, verbose)
    if settings["tensorboard"]:
        logs = str(run_dir / TENSORBOARD)
        yield keras.callbacks.TensorBoard(logs, write_graph=False)


def _fit(model, batches, shards, epochs, position, callbacks):
    """Train from a position to the end; `callbacks` start with `RunKeeper`."""
    first, step = position.epoch, position.step
    if step == batches.steps:
        callbacks[0].validate(model, shards[1], callbacks)
        first, step = first + 1, 0
    # Epochs of one `fit` have equal length: fit a partial epoch separately.
    partial = [(first, first + 1, step)] if step else []
    parts = [*partial, (first + len(partial), epochs, 0)]
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


def _check_tensorboard():
    for name in ("tensorflow", "tensorboard"):
        if importlib.util.find_spec(name) is None:
            raise ImportError(
                "TensorBoard logs need two packages: pip install tensorflow "
                f"tensorboard. Received: no package {name}"
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
                    f"On TensorFlow `{name}` works on one device only; use JAX "
                    f"or PyTorch. Received: {name}={value} on {devices} devices"
                )
