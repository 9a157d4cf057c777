"""`msrnn export`: a file that forecasts without this package."""

from msrnn_keras.cli.arguments import (
    ANY_MODEL,
    REQUIRED,
    REVISION,
    add_command,
    height_and_width,
    load,
)

OPTIONS = (
    ("model", str, ANY_MODEL),
    REVISION,
    ("--out", str, "new folder, or file such as model.onnx", REQUIRED),
    (
        "--format",
        str,
        "onnx, litert (from TensorFlow), tf_saved_model (also JAX), "
        "torch or openvino (PyTorch)",
        "tf_saved_model",
    ),
    ("--size", str, "frame size, such as 64x64; default: any, or the model's"),
    ("--step", bool, "one step with its states, for a loop of your own"),
)


def add(commands):
    """Add the subcommand to the subparsers of `msrnn`."""
    text = "write a model for ONNX Runtime, TensorFlow and others"
    add_command(commands, "export", text, run, *OPTIONS)


def run(options):
    """Load the model and export it; never overwrite a file."""
    from msrnn_keras.models.exporting import check_file

    size = height_and_width(options.size) if options.size else None
    check_file(options.out, options.format)
    model = load(options.model, options.revision)
    source = model.stream() if options.step else model
    source.export(options.out, options.format, size=size)
