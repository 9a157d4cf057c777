"""`msrnn tune`: search for hyperparameters on a data set."""

import functools

from msrnn_keras.cli.arguments import (
    DATA,
    LOW_HIGH,
    MANY,
    REQUIRED,
    add_command,
    height_and_width,
    natural,
)

# Several values: option, argument of `MSRNNHyperModel`, type, help.
RANGES = (
    ("cells", "cell", str, "cells to try, such as convlstm predrnn"),
    ("filters", "filters", int, "channels of a layer to try, such as 16 32"),
    (
        "kernel-sizes",
        "kernel_size",
        int,
        "sides of kernels to try, such as 3 5",
    ),
    (
        "scales",
        "scales",
        str,
        "scales of the layers to try, such as 1,2,4,4,2,1",
    ),
    ("skips", "skips", str, "skips to try: none, add, unet3+, fc"),
    ("patch-sizes", "patch_size", int, "sides of patches to try, such as 2 4"),
    ("sampling", "sampling", str, "sampling to try: none, linear, reverse"),
    (
        "sampling-steps",
        "sampling_steps",
        int,
        "steps of sampling to try, such as 500 1000",
    ),
)
# Those of `SimVPHyperModel`, beside filters.
OTHERS = (
    (
        "models",
        "model",
        str,
        "models to try in place of cells, such as simvp-v2 tau",
    ),
    (
        "translator-filters",
        "translator_filters",
        int,
        "channels of the translator to try, for --models",
    ),
)
OPTIONS = (
    ("dataset", str, "data set to train on, such as mnist"),
    ("--out", str, "folder of the search, new or to be continued", REQUIRED),
    DATA,
    (
        "--method",
        str,
        "method of search: hyperband, bayesian or random",
        "hyperband",
    ),
    ("--trials", int, "number of trials; default: 20, or hyperband's rounds"),
    ("--max-minutes", float, "save and stop after so many minutes"),
    ("--clipnorm", float, "largest norm of a gradient; default: no limit"),
    ("--context", int, "number of past frames"),
    ("--horizon", int, "number of frames to forecast"),
    ("--size", str, "size of the frames of mnist; default: 64x64"),
    ("--precision", str, "precision, such as mixed_bfloat16; default: float32"),
    ("--overwrite", bool, "delete the search that the folder holds"),
    ("--verbose", natural, "0: nothing; 1: a line for each trial; 2: all", 1),
    ("--epochs", int, "epochs of a trial, for hyperband at most", 10),
    ("--clips", int, "number of clips to train on", 1000),
    ("--validation-clips", int, "number of clips to score on", 200),
    ("--batch", int, "number of clips of a batch", 8),
    ("--seed", natural, "seed of the choice of trials", 0),
    *((f"--{name}", kind, text, MANY) for name, _, kind, text in RANGES),
    *((f"--{name}", kind, text, MANY) for name, _, kind, text in OTHERS),
    (
        "--learning-rate",
        float,
        "range of the learning rate; default: 1e-4 3e-3",
        LOW_HIGH,
    ),
)
# Options that are passed to `tuning.tune` as they are.
PASSED = ("method", "epochs", "overwrite", "seed", "max_minutes", "verbose")
SETTING = ("dataset", "clips", "validation_clips", "batch")


def add(commands):
    """Add the subcommand to the subparsers of `msrnn`."""
    text = "search for hyperparameters, or resume a search"
    add_command(commands, "tune", text, run, *OPTIONS)


def run(options):
    """Search and print the table of trials."""
    from msrnn_keras import tuning
    from msrnn_keras.data.datasets.catalog import published_sizes
    from msrnn_keras.utils.arguments import check_known, check_path
    from msrnn_keras.utils.files import check_can_write

    check_known("method", options.method, tuning.METHODS)
    check_can_write(check_path("out", options.out))
    # Everything is checked before data are read, which may take long.
    hypermodel = _hypermodel(options, published_sizes(options.dataset))
    train, validation = _datasets(options)
    hypermodel.fixed |= _frames(train)
    given = vars(options)
    tuner = tuning.tune(
        hypermodel,
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
    from msrnn_keras import data

    shared = {
        "batch_size": options.batch,
        "context": options.context,
        "horizon": options.horizon,
        "path": options.data,
    }
    if options.size:
        shared["image_shape"] = height_and_width(options.size)
    load = functools.partial(data.load, options.dataset, **shared)
    clips, seed = options.clips, options.seed
    forced = not options.models
    train = load("train", teacher_forcing=forced, num_clips=clips, seed=seed)
    return train, load("validation", num_clips=options.validation_clips)


def _frames(train):
    """Return the arguments of a model that depend on the frames."""
    return {
        "image_shape": (*train.image_shape, 1)[:3],
        # Radar images have missing pixels.
        "missing": "mask" if train.scaling.unit == "mm/h" else None,
    }


def _hypermodel(options, sizes):
    from msrnn_keras import tuning

    own = (RANGES[1], *OTHERS) if options.models else RANGES
    given = {
        name: getattr(options, name.replace("-", "_"))
        for name, *_ in (*RANGES, *OTHERS)
    }
    for name in given.keys() - {name for name, *_ in own}:
        if given[name]:
            word = "with" if options.models else "without"
            raise ValueError(
                f"--{name} does not go {word} --models. "
                f"Received: --{name} {given[name]}"
            )
    ranges = {argument: given[name] for name, argument, *_ in own}
    if options.scales:
        ranges["scales"] = [_scales(text) for text in options.scales]
    ranges["learning_rate"] = options.learning_rate
    kind = tuning.SimVPHyperModel if options.models else tuning.MSRNNHyperModel
    size = height_and_width(options.size) if options.size else None
    *published, channels = sizes["image_shape"]
    return kind(
        image_shape=(*(size or published), channels),
        context=options.context or sizes["context"],
        horizon=options.horizon or sizes["horizon"],
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
