"""Scores of forecasts of the data set `radar`, of models and without training.

`python -m benchmarks.radar_reference PATH` scores, on each test evening, no
rain, persistence, optical flow and blurred flow, 30 and 60 minutes ahead. With
`--sprog` it also scores S-PROG of pysteps, every 30 minutes; `--models` scores
models, as they are and matched. MSE and MAE of x are pooled over all pixels
with truth; CSI and FSS (at or above 7, 20 and 30 dBZ; windows of 22 km) are
from one table per evening. A pixel without a forecast is dry. The range of a
ratio of MSE is of 90 % of 1,000 bootstrap samples of the starts.

`--json zoo/radar_scores.json` adds the scores to the file from which the cards
of presets are written (`python -m tools.publishing.revisions`).

"smooth" is the flow, blurred by a Gaussian of 2 and 6 km and multiplied by 0.86
and 0.82, at the two lead times. These four numbers were fitted on validation.
"""

import argparse
import json
import pathlib
import warnings

import numpy as np
from scipy.ndimage import gaussian_filter

import zoo
from msrnn_keras import Lagrangian, data, probability_match
from msrnn_keras.baselines import OpticalFlow, Persistence, Zeros
from msrnn_keras.data.datasets.events import DBZ
from msrnn_keras.data.datasets.radar import DATES
from msrnn_keras.metrics import CSI, FSS, MAE, MSE
from msrnn_keras.utils import motion
from msrnn_keras.utils.extras import require
from msrnn_keras.utils.files import write_atomically

LEADS = (6, 12)  # frames: 30 and 60 minutes
BLUR = (1, 3)  # pixels of 2 km
FACTOR = (0.86, 0.82)
THRESHOLDS = (7, 20, 30)  # dBZ
SPROG_STRIDE = 3  # of the starts every 10 minutes
SPROG_DRY = -15.0  # dBR
FLOW_FRAMES = 6
WINDOW = 11  # pixels of 2 km
SAMPLES, RANGE = 1000, (5, 95)  # of the bootstrap, percent
REFERENCES, KINDS = "references", ("mean", "matched")


def forecasts(past, horizon):
    """Return the forecasts at the lead times, `(clips, leads, …)` by name."""
    sizes = past.shape[1], horizon
    models = {
        "zero": Zeros(*sizes),
        "persistence": Persistence(*sizes),
        "flow": OpticalFlow(*sizes, flow_frames=FLOW_FRAMES),
    }
    chosen = np.subtract(LEADS, 1)
    found = {k: model.predict(past)[:, chosen] for k, model in models.items()}
    found["smooth"] = np.stack(
        [
            factor * gaussian_filter(flow, (0, sigma, sigma, 0))
            for flow, sigma, factor in zip(
                np.moveaxis(found["flow"], 1, 0), BLUR, FACTOR, strict=True
            )
        ],
        axis=1,
    )
    return found


def sprog(past, horizon, scaling):
    """Return S-PROG of one clip at the lead times, `(1, leads, …)`."""
    pysteps = require("pysteps", "radar")
    threshold = scaling.inverse(scaling.least / scaling.high)
    rate = scaling.inverse(np.nan_to_num(past[0, ..., 0]))
    dry = rate < threshold
    rain = np.where(dry, SPROG_DRY, 10 * np.log10(np.where(dry, 1, rate)))
    motion = pysteps.motion.get_method("LK")
    method = pysteps.nowcasts.get_method("sprog")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = method(
            rain[-3:],
            motion(past[0, ..., 0]),
            horizon,
            n_cascade_levels=6,
            precip_thr=10 * np.log10(threshold),
        )
    rate = np.nan_to_num(10 ** (found[np.subtract(LEADS, 1)] / 10))
    return scaling(rate).astype("float32")[None, ..., None]


def model_forecasts(model, past):
    """Return forecasts of a model at the lead times, as it is and matched."""
    chosen = np.subtract(LEADS, 1)
    if not isinstance(model, Lagrangian):
        found = model.forecast(past, model.horizon, batch_size=1)[:, chosen]
        return found, probability_match(found, past[:, -1:])
    mean, matched = [], []
    for clip in past[:, -model.context :]:
        field = motion.motion_field(clip.mean(axis=-1))
        flow = motion.advect(clip[-1], field, LEADS)
        found = model.forecast(clip[None], model.horizon, fields=field[None])
        mean.append(found[0, chosen])
        matched.append(probability_match(mean[-1:], flow[None])[0])
    return tuple(np.nan_to_num(np.stack(x)) for x in (mean, matched))


def clip_sums(truth, forecast):
    """Return pairs of a metric and its sums (clips, leads, parts), by name."""
    metrics = {"mse": MSE(), "mae": MAE()}
    for dbz in THRESHOLDS:
        metrics[f"csi_{dbz}"] = CSI(dbz - 1e-3, scaling=DBZ)
        metrics[f"fss_{dbz}"] = FSS(dbz - 1e-3, WINDOW, scaling=DBZ)
    return {
        name: (
            metric,
            np.concatenate(
                [
                    np.asarray(metric.frame_sums(*pair), "float64")
                    for pair in zip(
                        truth[:, None], forecast[:, None], strict=True
                    )
                ]
            ),
        )
        for name, metric in metrics.items()
    }


def scores(truth, forecast):
    """Return the scores of each lead time, by name."""
    return _scores(clip_sums(truth, forecast), truth)


def _scores(sums, truth):
    pixels, found = np.prod(truth.shape[2:]), {}
    for name, (metric, parts) in sums.items():
        found[name] = metric.ratio(parts.sum(axis=0)).tolist()
        if name in ("mse", "mae"):
            found[name] = [1000 * score / pixels for score in found[name]]
    return found


def bootstrap(sums, reference, seed=0):
    """Return the range of the ratio of two MSE at each lead time."""
    rng = np.random.default_rng(seed)
    (metric, ours), (_, theirs) = sums["mse"], reference["mse"]
    drawn = rng.integers(0, len(ours), (SAMPLES, len(ours)))
    ratios = [
        metric.ratio(ours[x].sum(axis=0)) / metric.ratio(theirs[x].sum(axis=0))
        for x in drawn
    ]
    return np.percentile(ratios, RANGE, axis=0).T.tolist()


def evening_scores(path, date, with_sprog=False, models=()):
    """Return the scores of an evening: of each model, and the references."""
    clips = data.load("radar", "test", path=path, dates=date, batch_size=1)
    batches = [clips[i] for i in range(len(clips))]
    past, future = map(np.concatenate, zip(*batches, strict=True))
    truth = future[:, np.subtract(LEADS, 1)]
    sums = {
        name: clip_sums(truth, forecast)
        for name, forecast in forecasts(past, clips.horizon).items()
    }
    references = {name: _scores(x, truth) for name, x in sums.items()}
    if with_sprog:
        few = slice(None, None, SPROG_STRIDE)
        moved = [
            sprog(x[None], clips.horizon, clips.scaling) for x in past[few]
        ]
        references["S-PROG"] = scores(truth[few], np.concatenate(moved))
    results = {REFERENCES: references}
    for name in models:
        preset, _, revision = name.rpartition("/")
        model = zoo.load(preset, revision=revision)
        if isinstance(model, Lagrangian):
            model.fill = None
        rows = zip(KINDS, model_forecasts(model, past), strict=True)
        results[name] = {}
        for kind, forecast in rows:
            own = clip_sums(truth, forecast)
            results[name][kind] = _scores(own, truth)
            for other in ("flow", "smooth"):
                ratios = bootstrap(own, sums[other])
                results[name][kind][f"mse_to_{other}"] = ratios
    return results


def table(results):
    """Return Markdown rows: of each evening and forecast, +30 / +60."""
    names = ["MSE × 1000", *(f"CSI {dbz} dBZ" for dbz in THRESHOLDS)]
    rows = ["| evening | forecast | " + " | ".join(names) + " |"]
    rows.append("|---|---|" + "---|" * len(names))
    for date, of_date in results.items():
        for name, found in of_date.items():
            cells = [
                " / ".join(
                    f"{score:.{2 if key == 'mse' else 3}f}" for score in x
                )
                for key, x in found.items()
                if key == "mse" or key.startswith("csi")
            ]
            rows.append(f"| {date} | {name} | " + " | ".join(cells) + " |")
    return "\n".join(rows)


def main(arguments=None):
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.radar_reference"
    )
    add = parser.add_argument
    add("path", help="folder of the data set `radar`")
    add("--dates", nargs="+", default=DATES["test"], help="of the test split")
    add("--sprog", action="store_true", help="also score S-PROG, which is slow")
    add(
        "--models", nargs="+", default=[], help="MODEL/DATASET/VARIANT/REVISION"
    )
    add("--json", help="file to add the scores to")
    options = parser.parse_args(arguments)
    results = {}
    for date in options.dates:
        found = evening_scores(
            options.path, date, options.sprog, options.models
        )
        shown = dict(found[REFERENCES])
        for name in options.models:
            shown |= {f"{name}, {kind}": x for kind, x in found[name].items()}
        print(table({date: shown}), flush=True)
        for name, of_name in found.items():
            results.setdefault(name, {})[date] = of_name
    if options.json:
        path = pathlib.Path(options.json)
        known = json.loads(path.read_text("utf-8")) if path.exists() else {}
        text = json.dumps({**known, **results}, indent=1)
        write_atomically(path, lambda part: part.write_text(text))


if __name__ == "__main__":
    main()
