"""`msrnn train`: train a recipe, or resume its run."""

import pathlib
import time

from msrnn_keras.cli.arguments import add_options, load

# Options that are passed to `msrnn_keras.training.train` as they are.
PASSED = (
    "data",
    "max_minutes",
    "verbose",
    "devices",
    "checkpoint_minutes",
    "tensorboard",
    "max_cpu_hours",
    "threads",
)
DECAY = (
    "RECIPE is a run: branch it to --out and decay the learning rate to 0 in "
    "so many steps"
)
OPTIONS = (
    ("max-minutes", float, "save and stop before so many minutes have passed"),
    ("max-cpu-hours", float, "save and stop at this CPU time of the whole run"),
    ("threads", int, "threads that compute one operation"),
    ("decay-steps", int, DECAY),
    ("devices", int, "devices that share each batch (1)"),
)


def add(commands):
    """Add the subcommand to the subparsers of `msrnn`."""
    command = commands.add_parser(
        "train", help="train a recipe, or resume its run"
    )
    command.add_argument(
        "recipe",
        help="MODEL/DATASET/VARIANT of a published recipe, a file, or a run",
    )
    command.add_argument("--out", required=True, help="folder of the run")
    command.add_argument("--data", help="file or folder of the data set")
    add_options(command, *OPTIONS)
    command.add_argument(
        "--checkpoint-minutes",
        type=float,
        default=10,
        help="minutes between checkpoints (10)",
    )
    command.add_argument(
        "--init",
        metavar="PRESET",
        help="initial weights: MODEL/DATASET[/VARIANT], a folder, "
        "hf://USER/NAME or a .keras file",
    )
    command.add_argument(
        "--tensorboard",
        action="store_true",
        help="write TensorBoard logs; needs TensorBoard and TensorFlow",
    )
    command.add_argument(
        "--verbose",
        type=int,
        default=1,
        help="0, 1 (epochs, and steps on a terminal), 2 (epochs)",
    )
    command.set_defaults(run=run)


def run(options):
    """Train and print the progress of the run."""
    started = getattr(options, "started", None) or time.monotonic()
    from msrnn_keras.backend.threads import set_threads
    from msrnn_keras.training import branch_run, read_history, train
    from msrnn_keras.training.recipe import load_recipe

    path = _recipe_path(options.recipe)
    recipe = load_recipe(path)
    set_threads(options.threads or recipe.training.threads)
    if options.decay_steps is not None:
        steps = options.decay_steps
        recipe = branch_run(recipe, path.parent, options.out, steps)
    best = train(
        recipe,
        options.out,
        started=started,
        init=options.init and load(options.init),
        init_name=options.init,
        **{name: getattr(options, name) for name in PASSED},
    )
    done = len(read_history(options.out))
    print(f"{done} of {recipe.training.epochs} epochs done in {options.out}.")
    if done < recipe.training.epochs:
        print("Run the same command again to continue.")
    if best is not None:
        print(f"Best weights on validation: {best}")


def _recipe_path(name):
    """Return the path of a recipe: a file, that of a preset, or of a run."""
    from msrnn_keras.presets import registry
    from msrnn_keras.training import RECIPE

    path = pathlib.Path(name)
    if path.suffix == ".toml" or path.is_file():
        return path
    if (path / RECIPE).is_file() and not registry.Library().knows(name):
        return path / RECIPE
    return registry.find_recipe(name)
