"""`msrnn summary` and `msrnn profile`: what a model costs."""

import json

from msrnn_keras.cli.arguments import (
    SET,
    add_command,
    cell_options,
    height_and_width,
)

MODEL = (
    ("model", str, "architecture, such as ms-predrnn or simvp-v2"),
    ("--size", str, "height and width of a frame", "64x64"),
    ("--skips", str, "skips between layers: none, add, unet3+ or fc"),
    ("--precision", str, "precision, such as mixed_bfloat16; default: float32"),
    SET,
    ("--channels", int, "number of channels of a frame", 1),
    ("--context", int, "number of past frames", 10),
    ("--horizon", int, "number of frames to forecast", 10),
    ("--batch", int, "number of clips of a batch", 4),
    ("--filters", int, "number of channels of a layer", 64),
    ("--kernel-size", int, "side of the kernels, in pixels", 3),
    ("--patch-size", int, "side of a patch, in pixels", 1),
)
PROFILE = (
    ("--backend", str, "backend: tensorflow, jax or torch"),
    ("--remat", str, "what to compute again: step or layer; default: none"),
    ("--json", str, "JSON file to write all measurements to"),
    ("--steps", int, "number of timed calls per process", 3),
    ("--repeats", int, "number of processes per figure", 3),
)


def add(commands):
    """Add the subcommands to the subparsers of `msrnn`."""
    text = "estimate parameters, FLOPs and memory, plain and multi-scale"
    add_command(commands, "summary", text, run_summary, *MODEL)
    text = "measure time and memory, plain and multi-scale"
    add_command(commands, "profile", text, run_profile, *MODEL, *PROFILE)


def run_summary(options):
    """Print the estimate."""
    from msrnn_keras.cost import compare

    print(compare.table(compare.compare(options.model, **_sizes(options))))


def run_profile(options):
    """Measure, print a table, and write the measurements."""
    from msrnn_keras.cost.measure import profile, table
    from msrnn_keras.utils.files import check_folder, write_atomically
    from msrnn_keras.utils.progress import note

    if options.json:
        check_folder(options.json)
    sizes = _sizes(options)
    sizes |= {"remat": options.remat} if options.remat else {}
    measured = profile(
        options.model,
        steps=options.steps,
        repeats=options.repeats,
        backend=options.backend,
        progress=note,
        **sizes,
    )
    print(table(measured))
    if options.json:
        both = {"plain": measured.plain, "multi_scale": measured.multi_scale}
        record = {"setting": measured.setting}
        record |= {k: m._asdict() for k, m in both.items() if m is not None}
        text = json.dumps(record, indent=2)
        write_atomically(options.json, lambda path: path.write_text(text))


def _sizes(options):
    passed = "batch context horizon filters kernel_size patch_size skips"
    return {
        "image_shape": (*height_and_width(options.size), options.channels),
        **{name: getattr(options, name) for name in passed.split()},
        "dtype": options.precision,
        **cell_options(options.set),
    }
