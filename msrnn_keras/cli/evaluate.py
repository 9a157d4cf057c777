"""`msrnn evaluate`: score a model and the baselines, write a report."""

import json
import sys

from msrnn_keras.cli.arguments import (
    ANY_MODEL,
    DATA,
    MANY,
    READER,
    REVISION,
    add_command,
    load,
    natural,
    number,
)

KNOWN = (
    "persistence, all-black, linear-extrapolation, optical-flow, smoothed-flow"
)
USUAL = {"nargs": "*", "default": ["persistence", "all-black"]}
OPTIONS = (
    ("model", str, ANY_MODEL),
    (
        "dataset",
        str,
        "data set to score on; default: the preset's",
        {"nargs": "?"},
    ),
    REVISION,
    DATA,
    (
        "--split",
        str,
        "split of the data set: train, validation or test",
        "test",
    ),
    ("--clips", int, "score the first N clips alone"),
    ("--batch", int, "number of clips per batch", 16),
    ("--members", int, "members of a model with noise", 10),
    ("--baselines", str, f"baselines beside it: {KNOWN}", USUAL),
    ("--scores", str, "scores to compute: mse mae ssim psnr gdl lpips …", MANY),
    (
        "--thresholds",
        number,
        "thresholds of POD, FAR, CSI, HSS, in the data's unit",
        MANY,
    ),
    ("--windows", int, "windows of the FSS, in pixels", MANY),
    *READER,
    ("--json", str, "JSON file to write the scores to"),
    ("--report", str, "HTML file to write tables and pictures to"),
    (
        "--shown",
        natural,
        "numbers of the clips to draw in the report",
        {**MANY, "default": [0]},
    ),
)


def add(commands):
    """Add the subcommand to the subparsers of `msrnn`."""
    text = "score a model on a data set, beside the baselines"
    add_command(commands, "evaluate", text, run, *OPTIONS)


def run(options):
    """Score the model and the baselines, print tables, write the files."""
    from msrnn_keras.evaluation import PROTOCOLS, evaluate, score_table
    from msrnn_keras.utils.files import check_folder, write_atomically

    for path in filter(None, (options.json, options.report)):
        check_folder(path)
    options.dataset = options.dataset or _dataset_of(options.model)
    _check(options)
    model = load(options.model, options.revision)
    baselines = [
        baseline(model.context, model.horizon)
        for baseline in _baselines(options)
    ]
    dataset = _dataset(model, options)
    metrics = _metrics(options, dataset.scaling.unit, model.noise)
    wrong = [x for x in options.shown if not 0 <= x < dataset.num_clips]
    if options.report and wrong:
        raise ValueError(
            f"--shown takes numbers from 0 to {dataset.num_clips - 1}. "
            f"Received: {wrong[0]}"
        )
    scores = {
        scored.name: evaluate(
            *(scored, dataset, _suitable(metrics, scored)),
            verbose=1,
            members=options.members,
        )
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


def _check(options):
    """Refuse what can be refused before a model or data are read."""
    from msrnn_keras.data.datasets.catalog import published_sizes
    from msrnn_keras.data.datasets.digits import check_split

    published_sizes(options.dataset)  # refuses an unknown name
    check_split(options.split)
    _baselines(options)
    _metrics(options, "mm/h", noise=True)  # which the model may have
    _reader(None, options)


def _dataset_of(model):
    from msrnn_keras.presets.registry import Library

    library = Library()
    if library.knows(model):
        return library.find(model).dataset
    raise ValueError(
        "Name the data set to score on: msrnn evaluate MODEL/DATASET for a "
        f"preset, or msrnn evaluate FILE DATASET. Received: {model}"
    )


def _suitable(metrics, model):
    """Return the metrics of a model: only some are of one without noise."""
    from msrnn_keras.metrics.ensembles import EnsembleMetric

    if getattr(model, "noise", False):
        return metrics
    return [x for x in metrics if not isinstance(x, EnsembleMetric)]


def _metrics(options, unit, noise):
    from msrnn_keras import metrics
    from msrnn_keras.utils.names import lookup, normalize

    chosen = metrics.default_metrics(noise)
    if options.scores:
        others = ("GDL", "BalancedMSE", "BalancedMAE", "LPIPS")
        known = [*chosen, *(getattr(metrics, name)() for name in others)]
        known = {normalize(metric.name): metric for metric in known}
        names = dict.fromkeys(options.scores)
        chosen = [lookup(name, known, "score")[1] for name in names]
    thresholds = options.thresholds or ()
    if not thresholds and unit == "mm/h":
        thresholds = metrics.RAIN_THRESHOLDS
    windows = options.windows or ()
    return [*chosen, *metrics.threshold_metrics(thresholds, windows)]


def _report(options, model, dataset, scores, baselines):
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
    if not (options.scores or options.thresholds or options.windows):
        rain = [key for key in result["forecast"] if key.startswith("csi")]
        ensemble = {"crps", "spread_skill_ratio"} & set(result["forecast"])
        return ["mse", "mae", "ssim", "psnr", *sorted(ensemble), *rain]
    return list(result["forecast"])


def _baselines(options):
    from msrnn_keras.baselines import BASELINES
    from msrnn_keras.utils.names import lookup

    names = options.baselines
    return [lookup(name, BASELINES, "baseline")[1] for name in names]


def _reader(model, options):
    """Return the arguments of the data set `recordings`."""
    names = [flag[2:].replace("-", "_") for flag, *_ in READER]
    given = {name: getattr(options, name) for name in names}
    if options.dataset.lower() == "recordings":
        return {**given, "like": model}
    given = [name for name, value in given.items() if value is not None]
    if given:
        raise ValueError(
            f"--{given[0].replace('_', '-')} is for the data set recordings. "
            f"Received: {options.dataset}"
        )
    return {}


def _dataset(model, options):
    from msrnn_keras import data
    from msrnn_keras.utils.names import normalize

    kwargs = {"num_clips": options.clips, **_reader(model, options)}
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
