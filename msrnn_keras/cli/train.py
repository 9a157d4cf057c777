"""`msrnn train`: trains a recipe, or continues where it was stopped."""

import contextlib
import os
import pathlib
import signal
import time

from msrnn_keras.cli.arguments import load_place


def add(commands):
    """Add the subcommand to the subparsers of `msrnn`."""
    command = commands.add_parser(
        "train", help="train a recipe, or go on where it was stopped"
    )
    command.add_argument(
        "recipe", help="a recipe file, the name of a published one, or a run"
    )
    command.add_argument("--out", required=True, help="folder of the run")
    command.add_argument("--data", help="file or folder of the data set")
    _add_limits(command)
    command.add_argument(
        "--init",
        metavar="PRESET",
        help="begin from the weights of MODEL/DATASET[/VARIANT], a folder, "
        "hf://USER/NAME or a .keras file",
    )
    command.add_argument(
        "--decay-steps",
        type=int,
        help="RECIPE is a run: branch it into --out, with a rate that falls "
        "to 0 in so many steps",
    )
    command.add_argument(
        "--devices", type=int, help="devices that share each batch; else 1"
    )
    command.add_argument(
        "--tensorboard",
        action="store_true",
        help="write logs for TensorBoard; needs it and TensorFlow",
    )
    command.add_argument(
        "--pack",
        metavar="FOLDER",
        help="at the end or a stop, write the run as pieces of at most 15 MiB",
    )
    command.add_argument(
        "--unpack",
        metavar="FOLDER",
        help="begin with the run in these pieces, unless --out holds one",
    )
    command.add_argument(
        "--verbose",
        type=int,
        default=1,
        help="0, 1 (lines, steps in a terminal), 2 (a line for each epoch)",
    )
    command.set_defaults(run=run)


def _add_limits(command):
    """Add the arguments that limit what a run costs."""
    command.add_argument(
        "--max-minutes",
        type=float,
        help="be done, with all saved, so many minutes from the start",
    )
    command.add_argument(
        "--checkpoint-minutes",
        type=float,
        default=10,
        help="minutes between checkpoints, 10",
    )
    command.add_argument(
        "--max-cpu-hours",
        type=float,
        help="stop when the whole run has used so many hours of CPU time",
    )
    command.add_argument(
        "--threads", type=int, help="threads that compute one operation"
    )


def run(options):
    """Train, print how far it got, and pack the run if asked."""
    from msrnn_keras.backend.threads import set_threads
    from msrnn_keras.training import (
        RECIPE,
        branch_run,
        pack_run,
        read_history,
        train,
        unpack_run,
    )
    from msrnn_keras.training.recipe import load_recipe

    started = time.monotonic() - _seconds_running()
    path = _find_recipe(options.recipe)
    recipe = load_recipe(path)
    set_threads(options.threads or recipe.training.threads)
    if options.unpack and not pathlib.Path(options.out, RECIPE).exists():
        unpack_run(options.unpack, options.out)
    if options.decay_steps is not None:
        steps = options.decay_steps
        recipe = branch_run(recipe, path.parent, options.out, steps)
    try:
        with _terminating() if options.pack else contextlib.nullcontext():
            best = train(
                recipe,
                options.out,
                data=options.data,
                max_minutes=options.max_minutes,
                verbose=options.verbose,
                devices=options.devices,
                checkpoint_minutes=options.checkpoint_minutes,
                tensorboard=options.tensorboard,
                started=started,
                max_cpu_hours=options.max_cpu_hours,
                threads=options.threads,
                init=options.init and load_place(options.init),
                init_name=options.init,
            )
    except (KeyboardInterrupt, SystemExit):
        if options.pack and pathlib.Path(options.out, RECIPE).exists():
            pack_run(options.out, options.pack)
        raise
    done = len(read_history(options.out))
    print(f"{done} of {recipe.training.epochs} epochs done in {options.out}.")
    if done < recipe.training.epochs:
        print("Run the same command again to continue.")
    if best is not None:
        print(f"Best weights on validation: {best}")
    if options.pack:
        print(f"Packed: {pack_run(options.out, options.pack)}")


@contextlib.contextmanager
def _terminating():
    """Have SIGTERM end the process by an exception, so that more can be done.

    Raises:
        SystemExit: With the status that a shell gives for that signal.
    """

    def end(number, frame):
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before or signal.SIG_DFL)


def _find_recipe(name):
    """Return the path of a recipe: a file, a run's, or a published one."""
    import zoo
    from msrnn_keras.training import RECIPE

    path = pathlib.Path(name)
    published = pathlib.Path(zoo.__file__).parent / "recipes" / f"{name}.toml"
    if published.exists() and not path.is_file():
        return published
    return path / RECIPE if (path / RECIPE).is_file() else path


def _seconds_running():
    """How long this process has been running; 0 where nothing tells."""
    try:
        stat = pathlib.Path("/proc/self/stat").read_text()
        uptime = pathlib.Path("/proc/uptime").read_text()
        # The command's name, in brackets, may hold spaces; field 22 is when
        # the process began, in clock ticks since the machine did.
        ticks = int(stat.rpartition(")")[2].split()[19])
        began = ticks / os.sysconf("SC_CLK_TCK")
        return max(0.0, float(uptime.split()[0]) - began)
    except (OSError, ValueError, IndexError, AttributeError):
        return 0.0
