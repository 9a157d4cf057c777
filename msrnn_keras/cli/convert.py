"""`msrnn convert`: a Keras model from a PyTorch checkpoint."""

import pathlib

from msrnn_keras.cli.arguments import REQUIRED, SET, add_command, cell_options

OPTIONS = (
    ("file", str, "checkpoint, a .pth or .pt file with a state_dict"),
    ("--model", str, "architecture, such as ms-predrnn", REQUIRED),
    ("--out", str, "folder to write model.keras to; may be new", REQUIRED),
    ("--skips", str, "skips between layers: none, add, unet3+ or fc"),
    SET,
    ("--context", int, "number of past frames", 10),
    ("--horizon", int, "number of frames to forecast", 10),
    ("--kernel-size", int, "side of the kernels, in pixels", 3),
)


def add(commands):
    """Add the subcommand to the subparsers of `msrnn`."""
    text = "make a Keras model from a PyTorch checkpoint"
    add_command(commands, "convert", text, run, *OPTIONS)


def run(options):
    """Convert the checkpoint; never overwrite a model."""
    from msrnn_keras.presets.torch_checkpoints import model_of_torch_checkpoint
    from msrnn_keras.utils.files import check_can_write, write_atomically

    path = pathlib.Path(options.out) / "model.keras"
    if path.exists():
        raise FileExistsError(
            "The folder has a model already; choose another one. "
            f"Received: {path}"
        )
    check_can_write(path.parent)
    passed = ("context", "horizon", "kernel_size", "skips")
    sizes = {name: getattr(options, name) for name in passed}
    sizes |= cell_options(options.set)
    model = model_of_torch_checkpoint(options.model, options.file, **sizes)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, model.save)
    print(f"Wrote {path}, {model.count_params():,} parameters.")
    print("Load it after `import msrnn_keras`: keras.saving.load_model(path)")
