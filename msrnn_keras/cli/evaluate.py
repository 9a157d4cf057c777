"""`msrnn evaluate`: scores beside the baselines, and a report."""

import json
import sys

from msrnn_keras.cli.arguments import add_preset, load

RAIN = (0.5, 2, 5, 10, 30)  # mm/h, thresholds of radar data


def add(commands):
    """Add the subcommand to the subparsers of `msrnn`."""
    command = commands.add_parser(
        "evaluate", help="score a model on a data set, beside the baselines"
    )
    add_preset(command)
    command.add_argument("--data", help="file or folder of the data set")
    command.add_argument("--split", default="test", help="test")
    command.add_argument("--clips", type=int, help="only so many clips")
    command.add_argument("--batch", type=int, default=16, help="clips, 16")
    command.add_argument(
        "--baselines",
        nargs="*",
        default=["persistence", "all-black"],
        help="persistence, all-black, linear-extrapolation, optical-flow",
    )
    command.add_argument(
        "--scores", nargs="+", help="such as mse ssim gdl; else the usual five"
    )
    command.add_argument(
        "--thresholds",
        nargs="+",
        type=float,
        help="in the data's units, for POD, FAR, CSI and HSS",
    )
    command.add_argument(
        "--windows", nargs="+", type=int, help="pixels, for the FSS"
    )
    command.add_argument("--json", help="file for the scores")
    command.add_argument("--report", help="HTML file for tables and pictures")
    command.add_argument(
        "--shown", nargs="+", type=int, default=[0], help="clips to draw, 0"
    )
    command.set_defaults(run=run)


def run(options):
    """Score the model and the baselines, print tables, write the files."""
    from msrnn_keras.evaluation import PROTOCOLS, evaluate, score_table
    from msrnn_keras.utils.files import check_folder, write_atomically

    for path in (options.json, options.report):
        if path:
            check_folder(path)
    model = load(options)
    baselines = _baselines(options.baselines, model)
    dataset = _dataset(model, options)
    radar = dataset.scaling.unit == "mm/h"
    thresholds = options.thresholds or (RAIN if radar else None)
    scores = {}
    for scored in (model, *baselines):
        scores[scored.name] = evaluate(
            scored,
            dataset,
            scores=options.scores,
            thresholds=thresholds,
            windows=options.windows,
            verbose=1,
        )
    print(f"{options.dataset} {options.split} set, {dataset.num_clips} clips")
    columns = _columns(scores[model.name], options)
    for protocol in PROTOCOLS:
        print(score_table(scores, protocol, columns))
    if options.json:
        text = json.dumps(scores, indent=2)
        write_atomically(options.json, lambda path: path.write_text(text))
    if options.report:
        _report(options, model, dataset, scores, baselines, radar)


def _report(options, model, dataset, scores, baselines, radar):
    from msrnn_keras.report import evaluation_report

    evaluation_report(
        options.report,
        model,
        dataset,
        scores,
        shown=options.shown,
        radar=radar,
        baselines=baselines,
        setting={
            "Data": f"{options.dataset}, {options.split}",
            "Command": " ".join(["msrnn", *sys.argv[1:]]),
        },
    )
    print(f"Wrote {options.report}.")


def _columns(result, options):
    """The scores to print: the usual ones, or all that were asked for."""
    if not (options.scores or options.thresholds or options.windows):
        rain = [key for key in result["forecast"] if key.startswith("csi")]
        return ["mse", "mae", "ssim", "psnr", *rain]
    return list(result["forecast"])


def _baselines(names, model):
    from msrnn_keras.baselines import BASELINES
    from msrnn_keras.utils.names import lookup

    chosen = [lookup(name, BASELINES, "baseline")[1] for name in names]
    return [made(model.context, model.horizon) for made in chosen]


def _dataset(model, options):
    """The data set's split, for the model's context and horizon."""
    from msrnn_keras import data
    from msrnn_keras.utils.names import normalize

    kwargs = {"num_clips": options.clips}
    fixed = normalize(options.dataset) == "mnist"
    if fixed:
        kwargs = {"image_shape": model.image_shape[:2]}
    dataset = data.load(
        options.dataset,
        options.split,
        batch_size=options.batch,
        context=model.context,
        horizon=model.horizon,
        path=options.data,
        shuffle=None if fixed else False,
        **kwargs,
    )
    if fixed:
        if options.split == "test":
            data.verify_test_set(dataset)
        if options.clips is not None:
            dataset.num_clips = min(options.clips, dataset.num_clips)
    return dataset
