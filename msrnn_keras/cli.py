"""The command `msrnn`: each subcommand a thin layer over a function."""

import argparse
import json
import pathlib
import sys
import time

REFUSALS = (ValueError, TypeError, OSError, FloatingPointError, RuntimeError)


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
    for add in (_add_train, _add_evaluate, _add_predict):
        add(commands)
    for add in (_add_convert, _add_summary, _add_profile):
        add(commands)
    return parser


def _add_demo(commands):
    command = commands.add_parser(
        "demo", help="forecast unseen digits, score and draw the forecast"
    )
    _add_preset(command, optional=True)
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
    command = commands.add_parser("list", help="the published presets")
    command.set_defaults(run=_list)


def _add_info(commands):
    command = commands.add_parser("info", help="all about a preset, as JSON")
    _add_preset(command)
    command.set_defaults(run=_info)


def _add_train(commands):
    command = commands.add_parser(
        "train", help="train a recipe, or go on where it was stopped"
    )
    command.add_argument("recipe", help="a recipe file, or a published one's")
    command.add_argument("--out", required=True, help="folder of the run")
    command.add_argument("--data", help="file of the data set (mnist.npz)")
    command.add_argument(
        "--max-minutes", type=float, help="stop after so many minutes"
    )
    command.add_argument(
        "--devices", type=int, help="devices that share each batch; else 1"
    )
    command.add_argument(
        "--verbose", type=int, default=1, help="0, 1 (bar), 2 (lines)"
    )
    command.set_defaults(run=_train)


def _add_evaluate(commands):
    command = commands.add_parser(
        "evaluate", help="score a preset on the fixed test set"
    )
    _add_preset(command)
    command.add_argument("--data", help="file of the data set (mnist.npz)")
    command.add_argument(
        "--clips", type=int, help="only the first so many clips"
    )
    command.add_argument("--json", help="file for the scores")
    command.set_defaults(run=_evaluate)


def _add_predict(commands):
    command = commands.add_parser(
        "predict", help="forecast the frames of a file"
    )
    command.add_argument("input", help=".npy or .npz, frames in time order")
    _add_preset(command, optional=True)
    command.add_argument(
        "--out", required=True, help="a .npz, .npy, .png or .gif file"
    )
    command.add_argument("--horizon", type=int, help="frames to forecast")
    command.set_defaults(run=_predict)


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


def _add_preset(command, optional=False):
    if optional:
        for name, default in (("model", "ms-convlstm"), ("dataset", "mnist")):
            command.add_argument(f"--{name}", default=default, help=default)
    else:
        command.add_argument("model", help="such as ms-convlstm")
        command.add_argument("dataset", help="such as mnist")
    command.add_argument("--variant", help="such as small; else the best")
    command.add_argument("--revision", help="else the newest")


def _load(options):
    import zoo

    return zoo.load(
        options.model,
        options.dataset,
        variant=options.variant,
        revision=options.revision,
    )


def _demo(options):
    from msrnn_keras.demo import run_demo
    from msrnn_keras.evaluation import score_table

    start = time.monotonic()
    demo = run_demo(
        _load(options), options.out, clips=options.clips, shown=options.shown
    )
    print(f"{options.clips} clips of digits the model never saw.")
    print(score_table(demo.scores))
    seconds = time.monotonic() - start
    print(f"Wrote {demo.picture} and {demo.animation} in {seconds:.0f} s.")


def _list(options):
    from zoo.catalog import find, read_manifest, validation_mse
    from zoo.library import MANIFEST

    presets = read_manifest(MANIFEST)
    for name in sorted({preset.name for preset in presets}):
        newest = find(presets, *name.split("/"))
        print(
            f"{name}  revision {newest.revision}  "
            f"{newest.parameters:,} parameters  "
            f"validation MSE {validation_mse(newest.scores):.2f}"
        )


def _info(options):
    import zoo

    info = zoo.info(
        options.model, options.dataset, options.variant, options.revision
    )
    print(json.dumps(info, indent=2, sort_keys=True))


def _train(options):
    from msrnn_keras.recipes import load_recipe
    from msrnn_keras.training import read_history, train

    recipe = load_recipe(_find_recipe(options.recipe))
    best = train(
        recipe,
        options.out,
        data=options.data,
        max_minutes=options.max_minutes,
        verbose=options.verbose,
        devices=options.devices,
    )
    done = len(read_history(options.out))
    print(f"{done} of {recipe.training.epochs} epochs done in {options.out}.")
    if done < recipe.training.epochs:
        print("Run the same command again to go on.")
    if best is not None:
        print(f"Best weights on validation: {best}")


def _find_recipe(name):
    """The file itself, or the published recipe of that name."""
    import zoo

    path = pathlib.Path(name)
    published = pathlib.Path(zoo.__file__).parent / "recipes" / f"{name}.toml"
    return published if published.exists() and not path.is_file() else path


def _evaluate(options):
    from msrnn_keras.baselines import AllBlack, Persistence
    from msrnn_keras.evaluation import PROTOCOLS, evaluate, score_table
    from msrnn_keras.files import check_folder, write_atomically

    if options.json:
        check_folder(options.json)
    model = _load(options)
    data = _test_set(model, options)
    baselines = (
        baseline(model.context, model.horizon)
        for baseline in (Persistence, AllBlack)
    )
    scores = {}
    for scored in (model, *baselines):
        scores[scored.name] = evaluate(scored, data, verbose=1)
    print(f"{options.dataset} test set, {data.num_clips} clips")
    for protocol in PROTOCOLS:
        print(score_table(scores, protocol))
    if options.json:
        text = json.dumps(scores, indent=2)
        write_atomically(options.json, lambda path: path.write_text(text))


def _test_set(model, options):
    from msrnn_keras.data import MovingMNIST, verify_test_set
    from msrnn_keras.names import normalize

    if normalize(options.dataset) != "mnist":
        raise ValueError(
            "Only the data set mnist can be evaluated by name. "
            f"Received: {options.dataset!r}"
        )
    data = MovingMNIST(
        "test",
        context=model.context,
        horizon=model.horizon,
        image_shape=model.image_shape[:2],
        path=options.data,
    )
    verify_test_set(data)
    if options.clips is not None:
        data.num_clips = min(options.clips, data.num_clips)
    return data


def _predict(options):
    from msrnn_keras.files import check_writable, read_clips, write_forecast

    check_writable(options.out)
    past = read_clips(options.input)
    forecast = _load(options).forecast(past, horizon=options.horizon)
    write_forecast(options.out, past, forecast)
    print(f"Wrote {forecast.shape[1]} frames ahead to {options.out}.")


def _convert(options):
    from msrnn_keras.convert import model_of_torch_checkpoint
    from msrnn_keras.files import write_atomically

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
    from msrnn_keras import summary

    comparison = summary.compare(options.model, **_sizes(options))
    print(summary.table(comparison))


def _profile(options):
    from msrnn_keras.files import check_folder, write_atomically
    from msrnn_keras.profiling import profile, table

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
        "image_shape": (*_height_and_width(options.size), options.channels),
        "context": options.context,
        "horizon": options.horizon,
        "filters": options.filters,
        "kernel_size": options.kernel_size,
        "patch_size": options.patch_size,
        "skips": options.skips,
        "dtype": options.precision,
        **_cell_options(options.set),
    }


def _height_and_width(size):
    height, _, width = size.lower().partition("x")
    if not (height.isdecimal() and width.isdecimal()):
        raise ValueError(
            f"--size takes HEIGHTxWIDTH, such as 64x64. Received: {size}"
        )
    return int(height), int(width)


if __name__ == "__main__":
    sys.exit(main())
