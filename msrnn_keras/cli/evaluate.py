"""`msrnn evaluate`: score a model and the baselines, write a report."""

import json
import sys

from msrnn_keras.cli.arguments import MODEL, add_revision, load


def add(commands):
    """Add the subcommand to the subparsers of `msrnn`."""
    command = commands.add_parser(
        "evaluate", help="score a model on a data set, beside the baselines"
    )
    command.add_argument("model", help=MODEL)
    command.add_argument(
        "dataset", nargs="?", help="such as mnist; default: the preset's"
    )
    add_revision(command)
    command.add_argument("--data", help="file or folder of the data set")
    command.add_argument("--split", default="test", help="default: test")
    command.add_argument("--clips", type=int, help="score the first N clips")
    command.add_argument(
        "--batch", type=int, default=16, help="clips per batch, default: 16"
    )
    command.add_argument(
        "--baselines",
        nargs="*",
        default=["persistence", "all-black"],
        help="persistence, all-black, linear-extrapolation, optical-flow",
    )
    command.add_argument(
        "--scores",
        nargs="+",
        help="default: mse mae ssim psnr mse_unclipped; also gdl lpips …",
    )
    command.add_argument(
        "--thresholds",
        nargs="+",
        type=float,
        help="in the units of the data, for POD, FAR, CSI and HSS",
    )
    command.add_argument(
        "--windows", nargs="+", type=int, help="in pixels, for the FSS"
    )
    command.add_argument("--json", help="file for the scores")
    command.add_argument("--report", help="HTML file for tables and pictures")
    command.add_argument(
        "--shown",
        nargs="+",
        type=int,
        default=[0],
        help="indices of the clips to draw, default: 0",
    )
    command.set_defaults(run=run)


def run(options):
    """Score the model and the baselines, print tables, write the files."""
    from msrnn_keras.evaluation import PROTOCOLS, evaluate, score_table
    from msrnn_keras.utils.files import check_folder, write_atomically

    for path in (options.json, options.report):
        if path:
            check_folder(path)
    options.dataset = options.dataset or _dataset_of(options.model)
    model = load(options.model, options.revision)
    baselines = _baselines(options.baselines, model)
    dataset = _dataset(model, options)
    metrics = _metrics(options, dataset)
    scores = {
        scored.name: evaluate(scored, dataset, metrics, verbose=1)
        for scored in (model, *baselines)
    }
    print(f"{options.dataset} {options.split} set, {dataset.num_clips} clips")
    columns = _columns(scores[model.name], options)
    for protocol in PROTOCOLS:
        print(score_table(scores, protocol, columns))
    if options.json:
        text = json.dumps(scores, indent=2)
        write_atomically(options.json, lambda path: path.write_text(text))
    if options.report:
        _report(options, model, dataset, scores, baselines)


def _dataset_of(model):
    """Return the data set that a preset was trained on."""
    from msrnn_keras.presets.registry import Library

    library = Library()
    if library.knows(model):
        return library.find(model).dataset
    raise ValueError(
        "Name the data set to score on: msrnn evaluate MODEL/DATASET for a "
        f"preset, or msrnn evaluate FILE DATASET. Received: {model}"
    )


def _metrics(options, dataset):
    """Return the metrics of the options; rain has default thresholds."""
    from msrnn_keras import metrics
    from msrnn_keras.utils.names import lookup, normalize

    chosen = metrics.default_metrics()
    if options.scores:
        others = ("GDL", "BalancedMSE", "BalancedMAE", "LPIPS")
        known = [*chosen, *(getattr(metrics, name)() for name in others)]
        known = {normalize(metric.name): metric for metric in known}
        names = dict.fromkeys(options.scores)
        chosen = [lookup(name, known, "score")[1] for name in names]
    thresholds = options.thresholds or ()
    if not thresholds and dataset.scaling.unit == "mm/h":
        thresholds = metrics.RAIN_THRESHOLDS
    windows = options.windows or ()
    return [*chosen, *metrics.threshold_metrics(thresholds, windows)]


def _report(options, model, dataset, scores, baselines):
    """Write the HTML report."""
    from msrnn_keras.report import evaluation_report

    evaluation_report(
        options.report,
        model,
        dataset,
        scores,
        shown=options.shown,
        radar=dataset.scaling.unit == "mm/h",
        baselines=baselines,
        setting={
            "Data": f"{options.dataset}, {options.split}",
            "Command": " ".join(["msrnn", *sys.argv[1:]]),
        },
    )
    print(f"Wrote {options.report}.")


def _columns(result, options):
    """Return the keys to print: all chosen ones, or the usual ones."""
    if not (options.scores or options.thresholds or options.windows):
        rain = [key for key in result["forecast"] if key.startswith("csi")]
        return ["mse", "mae", "ssim", "psnr", *rain]
    return list(result["forecast"])


def _baselines(names, model):
    """Return the baselines with the context and the horizon of the model."""
    from msrnn_keras.baselines import BASELINES
    from msrnn_keras.utils.names import lookup

    chosen = [lookup(name, BASELINES, "baseline")[1] for name in names]
    return [baseline(model.context, model.horizon) for baseline in chosen]


def _dataset(model, options):
    """Return the split of the data set, cut for the model."""
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
