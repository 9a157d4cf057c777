"""`msrnn tune`: search for hyperparameters on a data set."""

from msrnn_keras.cli.arguments import add_options, height_and_width

# Options with several values: argument of `MSRNNHyperModel`, type, help.
RANGES = {
    "cells": ("cell", str, "such as convlstm predrnn"),
    "filters": ("filters", int, "channels of the layers, such as 16 32"),
    "kernel-sizes": ("kernel_size", int, "pixels, such as 3 5"),
    "scales": ("scales", str, "one for each layer, such as 1,2,4,4,2,1"),
    "skips": ("skips", str, "of none, add, unet3+, fc"),
    "patch-sizes": ("patch_size", int, "pixels, such as 2 4"),
    "sampling": ("sampling", str, "of none, linear, reverse"),
    "sampling-steps": ("sampling_steps", int, "training steps"),
}
INTEGERS = {
    "epochs": 10,
    "clips": 1000,
    "validation-clips": 200,
    "batch": 8,
    "seed": 0,
}
OPTIONS = (
    ("trials", int, "20; hyperband runs all its rounds"),
    ("max-minutes", float, "stop after so many minutes"),
    ("clipnorm", float, "of the gradients"),
    ("context", int, "frames given"),
    ("horizon", int, "frames to forecast"),
    ("size", str, "of the frames of mnist, 64x64"),
    ("precision", str, "such as mixed_bfloat16; float32"),
)
# Options that are passed to `tuning.tune` as they are.
PASSED = ("method", "epochs", "overwrite", "seed", "max_minutes", "verbose")
SETTING = ("dataset", "clips", "validation_clips", "batch")


def add(commands):
    """Add the subcommand to the subparsers of `msrnn`."""
    command = commands.add_parser(
        "tune", help="search for hyperparameters, or resume a search"
    )
    command.add_argument("dataset", help="such as mnist")
    command.add_argument("--out", required=True, help="folder of the search")
    command.add_argument("--data", help="file or folder of the data set")
    command.add_argument(
        "--method", default="hyperband", help="hyperband, bayesian or random"
    )
    add_options(command, *OPTIONS)
    command.add_argument(
        "--overwrite", action="store_true", help="delete an existing search"
    )
    command.add_argument(
        "--verbose", type=int, default=1, help="0, 1 (lines), 2 (all)"
    )
    for name, default in INTEGERS.items():
        text = str(default)
        command.add_argument(f"--{name}", type=int, default=default, help=text)
    for name, (_, kind, text) in RANGES.items():
        command.add_argument(f"--{name}", nargs="+", type=kind, help=text)
    command.add_argument(
        "--learning-rate",
        nargs=2,
        type=float,
        metavar=("LOW", "HIGH"),
        help="of Adam, 1e-4 3e-3",
    )
    command.set_defaults(run=run)


def run(options):
    """Search and print the table of trials."""
    from msrnn_keras import tuning

    train, validation = _datasets(options)
    given = vars(options)
    tuner = tuning.tune(
        _hypermodel(options, train),
        train,
        validation,
        options.out,
        max_trials=options.trials,
        setting={name: given[name] for name in SETTING},
        **{name: given[name] for name in PASSED},
    )
    if not tuner.leads:
        print("This worker is done; the chief has the results.")
        return
    results = tuning.read_results(options.out)
    print(tuning.results_table(results))
    if not tuner.finished:
        print("Run the same command again to continue.")
    if tuner.best is not None:
        print(f"Best hyperparameters: {tuner.best}")


def _datasets(options):
    """Return the training and the validation data."""
    from msrnn_keras import data

    shared = {
        "batch_size": options.batch,
        "context": options.context,
        "horizon": options.horizon,
        "path": options.data,
    }
    if options.size:
        shared["image_shape"] = height_and_width(options.size)
    train = data.load(
        options.dataset,
        "train",
        teacher_forcing=True,
        num_clips=options.clips,
        seed=options.seed,
        **shared,
    )
    validation = data.load(
        options.dataset,
        "validation",
        num_clips=options.validation_clips,
        **shared,
    )
    return train, validation


def _hypermodel(options, train):
    """Return the search space of the options, with the sizes of the data."""
    from msrnn_keras.tuning import MSRNNHyperModel

    given = vars(options)
    ranges = {
        argument: given[name.replace("-", "_")]
        for name, (argument, _, _) in RANGES.items()
    }
    if options.scales:
        ranges["scales"] = [_scales(text) for text in options.scales]
    ranges["learning_rate"] = options.learning_rate
    return MSRNNHyperModel(
        image_shape=(*train.image_shape, 1)[:3],
        context=train.context,
        horizon=train.horizon,
        # Radar images have missing pixels.
        missing="mask" if train.scaling.unit == "mm/h" else None,
        dtype=options.precision,
        clipnorm=options.clipnorm,
        seed=options.seed,
        **{name: value for name, value in ranges.items() if value},
    )


def _scales(text):
    parts = text.split(",")
    if not all(part.isdecimal() for part in parts):
        raise ValueError(
            "--scales takes numbers and commas, such as 1,2,2,1. "
            f"Received: {text}"
        )
    return tuple(int(part) for part in parts)
