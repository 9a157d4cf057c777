"""`msrnn tune`: searches for hyperparameters on a data set."""

from msrnn_keras.cli.arguments import height_and_width

# Options that are arguments of `MSRNNHyperModel`, with several values each.
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


def add(commands):
    """Add the subcommand to the subparsers of `msrnn`."""
    command = commands.add_parser(
        "tune", help="search for hyperparameters, or go on with a search"
    )
    command.add_argument("dataset", help="such as mnist")
    command.add_argument("--out", required=True, help="folder of the search")
    command.add_argument("--data", help="file or folder of the data set")
    command.add_argument(
        "--method", default="hyperband", help="hyperband, bayesian or random"
    )
    command.add_argument(
        "--trials", type=int, help="20, or all rounds of hyperband"
    )
    command.add_argument(
        "--max-minutes", type=float, help="stop after so many minutes"
    )
    command.add_argument(
        "--overwrite", action="store_true", help="delete the search there"
    )
    command.add_argument(
        "--verbose", type=int, default=1, help="0, 1 (lines), 2 (all)"
    )
    for name, default in (
        ("epochs", 10),
        ("clips", 1000),
        ("validation-clips", 200),
        ("batch", 8),
        ("seed", 0),
    ):
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
    command.add_argument("--clipnorm", type=float, help="of the gradients")
    _add_frames(command)
    command.set_defaults(run=run)


def _add_frames(command):
    command.add_argument("--context", type=int, help="frames given")
    command.add_argument("--horizon", type=int, help="frames to forecast")
    command.add_argument("--size", help="of the frames of mnist, 64x64")
    command.add_argument("--precision", help="such as mixed_bfloat16; float32")


def run(options):
    """Search, print the table, say how to go on."""
    from msrnn_keras import tuning

    train, validation = _datasets(options)
    tuner = tuning.tune(
        _hypermodel(options, train),
        train,
        validation,
        options.out,
        method=options.method,
        max_trials=options.trials,
        epochs=options.epochs,
        overwrite=options.overwrite,
        seed=options.seed,
        max_minutes=options.max_minutes,
        setting={
            "dataset": options.dataset,
            "clips": options.clips,
            "validation_clips": options.validation_clips,
            "batch": options.batch,
        },
        verbose=options.verbose,
    )
    if not tuner.leads:
        print("Nothing is left for this worker; its chief has the results.")
        return
    results = tuning.read_results(options.out)
    print(tuning.results_table(results))
    if not tuner.finished:
        print("Run the same command again to go on.")
    if tuner.best is not None:
        print(f"Best hyperparameters: {tuner.best}")


def _datasets(options):
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
        # Radar has pixels that it does not see.
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
            "--scales takes numbers with commas, such as 1,2,2,1. "
            f"Received: {text}"
        )
    return tuple(int(part) for part in parts)
