"""Tables of a model card, in Markdown.

The results of long streams are in `zoo/long_streams.json`, by preset revision
such as `"predrnn/mnist/small/1"`. `python -m benchmarks.long_streams --json`
writes them.
"""

import json
import math
from pathlib import Path

from msrnn_keras.presets.registry import folder_of
from msrnn_keras.utils.formatting import format_number

LONG_STREAMS = "long_streams.json"  # in the folder of the manifest
RADAR_SCORES = "radar_scores.json"  # of `benchmarks.radar_reference`, there
PROTOCOLS = {
    "forecast": "forecast frames",
    "ms-rnn": "all frames (warm-up and forecast)",
}
COLUMNS = {  # title: key and format
    "MSE": ("mse", ".2f"),
    "MAE": ("mae", ".2f"),
    "SSIM": ("ssim", ".4f"),
    "PSNR": ("psnr", ".2f"),
    "MSE unclipped": ("mse_unclipped", ".2f"),
}
RAIN = {"csi": "CSI", "pod": "POD", "far": "FAR", "hss": "HSS"}
TEMPLATES = Path(__file__).with_name("templates")


def markdown_table(head, rows):
    """Return a Markdown table."""
    rows = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def score_tables(models, given):
    """Return one table of scores per protocol, and one of rain scores if any.

    `models` maps names to scores; `given` is the `input` of a preset. If its
    scaling is linear and has a unit, a column has the RMSE in that unit.
    """
    scale = _rmse_scale(given)
    tables = [_scores(models, protocol, scale) for protocol in PROTOCOLS]
    return "\n\n".join([*tables, *_rain(models)])


def published_results(dataset):
    """Return the section with published results, empty if none are known."""
    path = TEMPLATES / f"published_{dataset}.md"
    return path.read_text(encoding="utf-8") if path.exists() else ""


def read_results(path):
    """Read results by MODEL/DATASET/VARIANT/REVISION."""
    return json.loads(path.read_text("utf-8")) if path.exists() else {}


def long_forecasts(library, metadata):
    """Return the section on long streams, empty if not measured."""
    path = library.manifest.with_name(LONG_STREAMS)
    results = read_results(path).get(folder_of(metadata))
    if results is None:
        return ""
    window, finite = results["window"], {True: "finite", False: "not finite"}
    values = {
        **results,
        **{key: finite[results[key]] for key in results if "finite" in key},
        "window": "all frames" if window is None else f"{window} frames",
    }
    template = TEMPLATES / "long_forecasts.md"
    return template.read_text(encoding="utf-8").format(**values)


def radar_scores(library, metadata):
    """Return the section on the evenings of radar, empty if not measured."""
    found = read_results(library.manifest.with_name(RADAR_SCORES))
    ours = found.get(folder_of(metadata))
    if ours is None:
        return ""
    rows, (wet, *_) = [], found["references"].values()
    columns = [key for key in wet["zero"] if key != "mae"]
    for date, kinds in ours.items():
        for name, scores in {**found["references"][date], **kinds}.items():
            cells = []
            for key in columns:
                form = ".2f" if key == "mse" else ".3f"
                cells += [" / ".join(f"{x:{form}}" for x in scores[key])]
            ratios = scores.get("mse_to_flow", ())
            cells += [" / ".join(f"{a:.2f} to {b:.2f}" for a, b in ratios)]
            rows.append([date, name, *cells])
    titles = [key.upper().replace("_", " ") for key in columns]
    head = ["evening", "forecast", *titles, "MSE ÷ flow's, 90 % range"]
    template = TEMPLATES / "radar_scores.md"
    text = template.read_text(encoding="utf-8")
    return text.format(table=markdown_table(head, rows))


def _scores(models, protocol, scale):
    """Return the table of a protocol; `scale` is None or unit and factor."""
    head = [PROTOCOLS[protocol], *COLUMNS]
    rows = []
    for name, protocols in models.items():
        scores = protocols[protocol]
        cells = (format_number(scores[k], form) for k, form in COLUMNS.values())
        rows.append([name, *cells])
        if scale:
            rmse = scale[1] * math.sqrt(scores["mse"])
            rows[-1].append(format_number(rmse, ".2f"))
    if scale:
        head.append(f"RMSE, {scale[0]}")
    return markdown_table(head, rows)


def _rmse_scale(given):
    """Return the unit and the factor from the root of the MSE to the RMSE."""
    units = given["units"]
    config = units["config"]
    if units["class_name"] != "MinMax" or not config["unit"]:
        return None
    span = config["high"] - config["low"]
    return config["unit"], span / math.sqrt(math.prod(given["image_shape"]))


def _rain(models):
    """Return a list with the table of rain scores, empty without thresholds."""
    scores = [protocols["forecast"] for protocols in models.values()]
    thresholds = sorted(
        (key.removeprefix("csi_") for key in scores[0] if key[:4] == "csi_"),
        key=float,
    )
    if not thresholds:
        return []
    head = ["forecast frames, rain of at least", "score"]
    rows = []
    for score, title in RAIN.items():
        for name, row in zip(models, scores, strict=True):
            values = (row.get(f"{score}_{t}") for t in thresholds)
            cells = (format_number(value, "z.3f") for value in values)
            rows.append([name, title, *cells])
    return [markdown_table([*head, *(f"{t} mm/h" for t in thresholds)], rows)]
