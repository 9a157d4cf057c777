"""`msrnn train`: train a recipe, or resume its run."""

import pathlib
import time

from msrnn_keras.cli.arguments import DATA, REQUIRED, add_command, load, natural

# Options that are passed to `msrnn_keras.training.train` as they are.
PASSED = (
    "checkpoint_minutes data devices max_cpu_hours max_minutes tensorboard "
    "threads verbose"
).split()
DECAY = "branch run RECIPE to --out; decay the learning rate to 0 in N steps"
INIT = "initial weights: a preset, a folder, hf://USER/NAME or a .keras file"
OPTIONS = (
    ("recipe", str, "recipe: MODEL/DATASET/VARIANT, a file, or a run"),
    ("--out", str, "folder of the run, new or to be continued", REQUIRED),
    DATA,
    (
        "--max-minutes",
        float,
        "save and stop before so many minutes have passed",
    ),
    ("--max-cpu-hours", float, "save and stop at this CPU time of the run"),
    ("--threads", int, "threads that compute one operation"),
    ("--decay-steps", int, DECAY),
    ("--devices", int, "number of devices that share each batch; default: 1"),
    ("--checkpoint-minutes", float, "minutes between checkpoints", 10),
    ("--init", str, INIT, {"metavar": "PRESET"}),
    (
        "--tensorboard",
        bool,
        "write logs for TensorBoard, which must be installed",
    ),
    (
        "--verbose",
        natural,
        "0: nothing; 1: epochs, on a terminal steps; 2: epochs",
        1,
    ),
)


def add(commands):
    """Add the subcommand to the subparsers of `msrnn`."""
    text = "train a recipe, or resume its run"
    add_command(commands, "train", text, run, *OPTIONS)


def run(options):
    """Train and print the progress of the run."""
    started = getattr(options, "started", None) or time.monotonic()
    from msrnn_keras.backend.threads import set_threads
    from msrnn_keras.training import branch_run, read_history, train
    from msrnn_keras.training.folder import check_folder
    from msrnn_keras.training.recipe import load_recipe
    from msrnn_keras.utils.arguments import check_path
    from msrnn_keras.utils.files import check_can_write

    path = _recipe_path(options.recipe)
    recipe = load_recipe(path)
    set_threads(options.threads or recipe.training.threads)
    if options.decay_steps is not None:
        decay = path.parent, options.out, options.decay_steps
        recipe = branch_run(recipe, *decay)
    out = check_path("out", options.out)
    check_folder(out, recipe)
    check_can_write(out)
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
