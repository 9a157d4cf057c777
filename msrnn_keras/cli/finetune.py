"""`msrnn finetune`: continue the training on recordings of one's own."""

import pathlib

from msrnn_keras.cli.arguments import (
    ANY_MODEL,
    READER,
    REQUIRED,
    REVISION,
    add_command,
    load,
)

FILES = (
    "recordings, a file or a pattern: .npz, .npy, .nc, or with --importer radar"
)
OPTIONS = (
    ("files", str, FILES),
    ("--model", str, ANY_MODEL, REQUIRED),
    REVISION,
    ("--out", str, "folder of the result, for zoo.load", REQUIRED),
    (
        "--max-minutes",
        float,
        "minutes that training and scoring may take",
        10.0,
    ),
    ("--learning-rate", float, "learning rate of Adam, constant", 1e-4),
    ("--batch", int, "number of crops per training step", 8),
    *READER,
)


def add(commands):
    """Add the subcommand to the subparsers of `msrnn`."""
    text = "continue the training of a model on your own recordings"
    add_command(commands, "finetune", text, run, *OPTIONS)


def run(options):
    """Fine-tune, print the scores on validation, write the model."""
    from msrnn_keras.data.datasets.recordings import read_files
    from msrnn_keras.evaluation import score_table
    from msrnn_keras.training import finetune
    from msrnn_keras.utils.files import check_folder
    from msrnn_keras.utils.progress import note

    out = pathlib.Path(options.out)
    if out.exists():
        raise FileExistsError(
            "`--out` must be a new folder. Received: " + str(out)
        )
    check_folder(out)
    names = ("variable", "interval", "period", "importer", "pattern")
    reader = {name: getattr(options, name) for name in names}
    recordings = read_files(options.files, **reader)
    model = load(options.model, options.revision)
    note(f"Scoring {model.name}, training, scoring again …")
    scores = finetune(
        model,
        recordings,
        options.max_minutes,
        options.learning_rate,
        options.batch,
        options.grid_step,
    )
    kept = scores.pop("kept")
    print("On the last frames, which are not trained on:")
    print(score_table(scores, columns=["mse"]))
    if not kept:
        print("No improvement: the weights are those before.")
    print(f"Wrote {model.save_to_preset(out)}.")
