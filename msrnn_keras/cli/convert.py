"""`msrnn convert`: a Keras model from a PyTorch checkpoint."""

import pathlib

from msrnn_keras.cli.arguments import (
    add_cell_options,
    add_integers,
    cell_options,
)

SIZES = (
    ("context", 10, "frames given"),
    ("horizon", 10, "frames to forecast"),
    ("kernel-size", 3, "side of the kernels"),
)


def add(commands):
    """Add the subcommand to the subparsers of `msrnn`."""
    command = commands.add_parser(
        "convert", help="make a Keras model from a PyTorch checkpoint"
    )
    command.add_argument("file", help=".pth or .pt file with a state_dict")
    command.add_argument("--model", required=True, help="such as ms-predrnn")
    command.add_argument(
        "--out", required=True, help="folder for model.keras; may be new"
    )
    add_integers(command, SIZES)
    command.add_argument("--skips", help="none, add, unet3+ or fc")
    add_cell_options(command)
    command.set_defaults(run=run)


def run(options):
    """Convert the checkpoint; never overwrite a model."""
    from msrnn_keras.presets.torch_checkpoints import model_of_torch_checkpoint
    from msrnn_keras.utils.files import write_atomically

    path = pathlib.Path(options.out) / "model.keras"
    if path.exists():
        raise FileExistsError(
            "The folder has a model already; choose another one. "
            f"Received: {path}"
        )
    model = model_of_torch_checkpoint(
        options.model,
        options.file,
        context=options.context,
        horizon=options.horizon,
        kernel_size=options.kernel_size,
        skips=options.skips,
        **cell_options(options.set),
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, model.save)
    print(f"Wrote {path}, {model.count_params():,} parameters.")
    print("Load it after `import msrnn_keras`: keras.saving.load_model(path)")
