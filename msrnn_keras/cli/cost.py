"""`msrnn summary` and `msrnn profile`: what a model costs."""

import json
import sys

from msrnn_keras.cli.arguments import (
    add_cell_options,
    add_integers,
    cell_options,
    height_and_width,
)

SIZES = (
    ("channels", 1, "channels of a frame"),
    ("context", 10, "frames given"),
    ("horizon", 10, "frames to forecast"),
    ("batch", 4, "clips of a batch"),
    ("filters", 64, "channels of a layer"),
    ("kernel-size", 3, "side of the kernels"),
    ("patch-size", 1, "side of a patch"),
)
RUNS = (
    ("steps", 3, "timed calls per process"),
    ("repeats", 3, "processes per figure"),
)


def add(commands):
    """Add the subcommands to the subparsers of `msrnn`."""
    command = commands.add_parser(
        "summary",
        help="estimate parameters, FLOPs and memory, plain and multi-scale",
    )
    _add_sizes(command)
    command.set_defaults(run=run_summary)
    command = commands.add_parser(
        "profile", help="measure time and memory, plain and multi-scale"
    )
    _add_sizes(command)
    command.add_argument("--backend", help="tensorflow, jax or torch")
    command.add_argument("--remat", help="step or layer; default: none")
    add_integers(command, RUNS)
    command.add_argument("--json", help="file for all measurements")
    command.set_defaults(run=run_profile)


def run_summary(options):
    """Print the estimate."""
    from msrnn_keras.cost import compare

    print(compare.table(compare.compare(options.model, **_sizes(options))))


def run_profile(options):
    """Measure, print a table, and write the measurements."""
    from msrnn_keras.cost.measure import profile, table
    from msrnn_keras.utils.files import check_folder, write_atomically

    if options.json:
        check_folder(options.json)
    sizes = _sizes(options)
    if options.remat:
        sizes["remat"] = options.remat
    measured = profile(
        options.model,
        steps=options.steps,
        repeats=options.repeats,
        backend=options.backend,
        progress=lambda line: print(line, file=sys.stderr, flush=True),
        **sizes,
    )
    print(table(measured))
    if options.json:
        record = {
            "setting": measured.setting,
            "plain": measured.plain._asdict(),
            "multi_scale": measured.multi_scale._asdict(),
        }
        text = json.dumps(record, indent=2)
        write_atomically(options.json, lambda path: path.write_text(text))


def _add_sizes(command):
    """Add the model and its sizes."""
    command.add_argument("model", help="such as ms-predrnn or predrnn")
    command.add_argument("--size", default="64x64", help="of a frame (64x64)")
    add_integers(command, SIZES)
    command.add_argument("--skips", help="none, add, unet3+ or fc")
    command.add_argument(
        "--precision", help="such as mixed_bfloat16; default: float32"
    )
    add_cell_options(command)


def _sizes(options):
    """Return the arguments of the model and the batch size."""
    passed = "batch context horizon filters kernel_size patch_size skips"
    return {
        "image_shape": (*height_and_width(options.size), options.channels),
        **{name: getattr(options, name) for name in passed.split()},
        "dtype": options.precision,
        **cell_options(options.set),
    }
