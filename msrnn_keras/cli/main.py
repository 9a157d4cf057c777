"""The command `msrnn`: each subcommand a thin layer over a function."""

import argparse
import json
import pathlib
import sys
import time

from msrnn_keras.cli import evaluate, predict, publish, train, tune
from msrnn_keras.cli.arguments import add_preset, height_and_width, load

REFUSALS = (
    ValueError,
    TypeError,
    OSError,
    FloatingPointError,
    RuntimeError,
    ImportError,
)


def main(arguments=None):
    """Run the command line.

    Args:
        arguments: List of strings; None takes those of the process.

    Returns:
        Integer, the exit status: 0, 2 where the input was refused, or 130
        where the user stopped it.
    """
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
    except REFUSALS as error:
        message = " ".join(str(error).split())
        print(f"msrnn {options.command}: {message}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"msrnn {options.command}: stopped", file=sys.stderr)
        return 130
    return 0


def _parser():
    parser = argparse.ArgumentParser(
        prog="msrnn", description="Forecast how images move."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    for add in (_add_demo, _add_list, _add_info):
        add(commands)
    train.add(commands)
    tune.add(commands)
    evaluate.add(commands)
    publish.add(commands)
    predict.add(commands)
    for add in (_add_convert, _add_summary, _add_profile):
        add(commands)
    return parser


def _add_demo(commands):
    command = commands.add_parser(
        "demo", help="forecast unseen digits, score and draw the forecast"
    )
    add_preset(command, optional=True)
    command.add_argument(
        "--out", default=".", help="folder for forecast.png and forecast.gif"
    )
    command.add_argument(
        "--clips", type=int, default=32, help="clips to score (32)"
    )
    command.add_argument(
        "--shown", type=int, default=0, help="which clip is drawn (0)"
    )
    command.set_defaults(run=_demo)


def _add_list(commands):
    command = commands.add_parser(
        "list", help="the presets, with weights and without"
    )
    command.set_defaults(run=_list)


def _add_info(commands):
    command = commands.add_parser("info", help="all about a preset, as JSON")
    add_preset(command, listed=True)
    command.set_defaults(run=_info)


def _add_convert(commands):
    command = commands.add_parser(
        "convert", help="make a Keras model of a PyTorch checkpoint"
    )
    command.add_argument("file", help=".pth or .pt, a state_dict")
    command.add_argument("--model", required=True, help="such as ms-predrnn")
    command.add_argument(
        "--out", required=True, help="folder for model.keras; made if missing"
    )
    command.add_argument("--context", type=int, default=10, help="10")
    command.add_argument("--horizon", type=int, default=10, help="10")
    command.add_argument("--kernel-size", type=int, default=3, help="3")
    command.add_argument("--skips", help="none, add, unet3+ or fc")
    _add_cell_options(command)
    command.set_defaults(run=_convert)


def _add_summary(commands):
    command = commands.add_parser(
        "summary", help="what a model costs and sees, plain and multi-scale"
    )
    _add_sizes(command)
    command.set_defaults(run=_summary)


def _add_profile(commands):
    command = commands.add_parser(
        "profile", help="measure time and memory, plain and multi-scale"
    )
    _add_sizes(command)
    command.add_argument("--backend", help="tensorflow, jax or torch")
    command.add_argument("--remat", help="step or layer; else none")
    command.add_argument(
        "--steps", type=int, default=3, help="timed calls in each process (3)"
    )
    command.add_argument(
        "--repeats", type=int, default=3, help="processes for each figure (3)"
    )
    command.add_argument("--json", help="file for all that was measured")
    command.set_defaults(run=_profile)


def _add_sizes(command):
    command.add_argument("model", help="such as ms-predrnn or predrnn")
    command.add_argument("--size", default="64x64", help="frames, 64x64")
    for name, default in (
        ("channels", 1),
        ("context", 10),
        ("horizon", 10),
        ("batch", 4),
        ("filters", 64),
        ("kernel-size", 3),
        ("patch-size", 1),
    ):
        text = str(default)
        command.add_argument(f"--{name}", type=int, default=default, help=text)
    command.add_argument("--skips", help="none, add, unet3+ or fc")
    command.add_argument("--precision", help="such as mixed_bfloat16; float32")
    _add_cell_options(command)


def _add_cell_options(command):
    command.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=NUMBER",
        help="an argument of the cell, such as attention_window=30",
    )


def _cell_options(pairs):
    options = {}
    for pair in pairs:
        name, _, value = pair.partition("=")
        if not value.isdecimal():
            raise ValueError(
                f"--set takes NAME=NUMBER, such as links=10. Received: {pair}"
            )
        options[name.replace("-", "_")] = int(value)
    return options


def _demo(options):
    from msrnn_keras.cli.demo import run_demo
    from msrnn_keras.evaluation import score_table

    start = time.monotonic()
    demo = run_demo(
        load(options), options.out, clips=options.clips, shown=options.shown
    )
    print(f"{options.clips} clips of digits the model never saw.")
    print(score_table(demo.scores))
    seconds = time.monotonic() - start
    print(f"Wrote {demo.picture} and {demo.animation} in {seconds:.0f} s.")


def _list(options):
    import zoo
    from msrnn_keras.presets.library import MANIFEST
    from msrnn_keras.presets.registry import find, read_manifest, validation_mse

    presets = read_manifest(MANIFEST)
    for name in sorted({preset.name for preset in presets}):
        newest = find(presets, *name.split("/"))
        print(
            f"{name}  revision {newest.revision}  "
            f"{newest.parameters:,} parameters  "
            f"validation MSE {validation_mse(newest.scores):.2f}"
        )
    for name in zoo.names(weights=False):
        print(f"{name}  weights: none")


def _info(options):
    import zoo

    info = zoo.info(
        options.model, options.dataset, options.variant, options.revision
    )
    print(json.dumps(info, indent=2, sort_keys=True))


def _convert(options):
    from msrnn_keras.presets.torch_checkpoints import model_of_torch_checkpoint
    from msrnn_keras.utils.files import write_atomically

    path = pathlib.Path(options.out) / "model.keras"
    if path.exists():
        raise FileExistsError(
            f"Choose another folder: the model is there. Received: {path}"
        )
    model = model_of_torch_checkpoint(
        options.model,
        options.file,
        context=options.context,
        horizon=options.horizon,
        kernel_size=options.kernel_size,
        skips=options.skips,
        **_cell_options(options.set),
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, model.save)
    print(f"Wrote {path}, {model.count_params():,} parameters.")
    print("Load it with msrnn_keras imported: keras.saving.load_model(path)")


def _summary(options):
    from msrnn_keras.cost import compare

    comparison = compare.compare(options.model, **_sizes(options))
    print(compare.table(comparison))


def _profile(options):
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
        text = json.dumps(
            {
                "setting": measured.setting,
                "plain": measured.plain._asdict(),
                "multi_scale": measured.multi_scale._asdict(),
            },
            indent=2,
        )
        write_atomically(options.json, lambda path: path.write_text(text))


def _sizes(options):
    return {
        "batch": options.batch,
        "image_shape": (*height_and_width(options.size), options.channels),
        "context": options.context,
        "horizon": options.horizon,
        "filters": options.filters,
        "kernel_size": options.kernel_size,
        "patch_size": options.patch_size,
        "skips": options.skips,
        "dtype": options.precision,
        **_cell_options(options.set),
    }
