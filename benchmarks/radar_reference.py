"""Reference scores of the data set `radar`, of forecasts without training.

`python -m benchmarks.radar_reference PATH` scores, on each test evening, no
rain, persistence, optical flow and blurred flow, 30 and 60 minutes ahead. With
`--sprog` it also scores S-PROG of pysteps, every 30 minutes. The MSE of x is
pooled over all pixels with truth, the CSI (at or above 7, 20 and 30 dBZ) is
from one contingency table per evening. A pixel without a forecast is dry.

"smooth" is the flow, blurred by a Gaussian of 2 and 6 km and multiplied by 0.86
and 0.82, at the two lead times. These four numbers were fitted on validation.
"""

import argparse
import json
import warnings

import numpy as np
from scipy.ndimage import gaussian_filter

from msrnn_keras import data
from msrnn_keras.baselines import OpticalFlow, Persistence, Zeros
from msrnn_keras.data.datasets.events import DBZ
from msrnn_keras.data.datasets.radar import DATES
from msrnn_keras.metrics import CSI, MSE
from msrnn_keras.utils.extras import require

LEADS = (6, 12)  # frames: 30 and 60 minutes
BLUR = (1, 3)  # pixels of 2 km
FACTOR = (0.86, 0.82)
THRESHOLDS = (7, 20, 30)  # dBZ
SPROG_STRIDE = 3  # of the starts every 10 minutes
SPROG_DRY = -15.0  # dBR
FLOW_FRAMES = 6


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


def scores(truth, forecast):
    """Return MSE × 1000 and the CSI of each lead time, by name."""
    metrics = {"mse": MSE()}
    for dbz in THRESHOLDS:
        metrics[f"csi_{dbz}"] = CSI(dbz - 1e-3, scaling=DBZ)
    found = {}
    for name, metric in metrics.items():
        sums = np.asarray(metric.frame_sums(truth, forecast), "float64")
        found[name] = metric.ratio(sums.sum(axis=0)).tolist()
    pixels = np.prod(truth.shape[2:])
    found["mse"] = [1000 * score / pixels for score in found["mse"]]
    return found


def evening_scores(path, date, with_sprog=False):
    """Return the scores of all forecasts of an evening, by name."""
    clips = data.load("radar", "test", path=path, dates=date, batch_size=1)
    batches = [clips[i] for i in range(len(clips))]
    past, future = map(np.concatenate, zip(*batches, strict=True))
    truth = future[:, np.subtract(LEADS, 1)]
    found = {
        name: scores(truth, forecast)
        for name, forecast in forecasts(past, clips.horizon).items()
    }
    if with_sprog:
        few = slice(None, None, SPROG_STRIDE)
        moved = [
            sprog(x[None], clips.horizon, clips.scaling) for x in past[few]
        ]
        found["S-PROG"] = scores(truth[few], np.concatenate(moved))
    return found


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
    add("--json", help="file for the scores")
    options = parser.parse_args(arguments)
    results = {}
    for date in options.dates:
        results[date] = evening_scores(options.path, date, options.sprog)
        print(table({date: results[date]}), flush=True)
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(results, file, indent=1)


if __name__ == "__main__":
    main()
