"""The tables of scores in a model card, in Markdown."""

import math

from msrnn_keras.evaluation import PROTOCOLS

# Title, key and digits of each column.
COLUMNS = (
    ("MSE", "mse", 2),
    ("MAE", "mae", 2),
    ("SSIM", "ssim", 4),
    ("PSNR", "psnr", 2),
    ("MSE unclipped", "mse_unclipped", 2),
)
RAIN = {"csi": "CSI", "pod": "POD", "far": "FAR", "hss": "HSS"}


def score_tables(models, given):
    """Gives the table of each protocol.

    Args:
        models: dict, name of each model to its scores of both protocols.
        given: dict, a preset's `input`, with `image_shape` and `units`. Where
            a straight line leads to a unit, a column has the RMSE in it.

    Returns:
        list of strings.
    """
    scale = _per_pixel(given)
    return [_table(models, protocol, scale) for protocol in PROTOCOLS]


def rain_table(models):
    """Gives the table of the scores by threshold, of the forecast frames.

    Args:
        models: dict, name of each model to its scores of both protocols.

    Returns:
        list of one string; empty where there are no thresholds.
    """
    scores = [protocols["forecast"] for protocols in models.values()]
    thresholds = sorted(
        (key.removeprefix("csi_") for key in scores[0] if key[:4] == "csi_"),
        key=float,
    )
    if not thresholds:
        return []
    head = "".join(f" | {threshold} mm/h" for threshold in thresholds)
    lines = [
        f"| protocol `forecast`, rain of at least | score{head} |",
        "|---" * (len(thresholds) + 2) + "|",
    ]
    for score, title in RAIN.items():
        for name, row in zip(models, scores, strict=True):
            cells = (_cell(row.get(f"{score}_{t}"), 3) for t in thresholds)
            lines.append(f"| {name} | {title} | {' | '.join(cells)} |")
    return ["\n".join(lines)]


def _table(models, protocol, scale):
    """One protocol's table; `scale` is the RMSE's unit and size, or None."""
    titles = [title for title, _, _ in COLUMNS]
    if scale:
        titles.append(f"RMSE, {scale[0]}")
    lines = [
        f"| protocol `{protocol}`: {PROTOCOLS[protocol]} "
        f"| {' | '.join(titles)} |",
        "|---" * (len(titles) + 1) + "|",
    ]
    for name, protocols in models.items():
        scores = protocols[protocol]
        cells = [_cell(scores[key], digits) for _, key, digits in COLUMNS]
        if scale:
            cells.append(_cell(scale[1] * math.sqrt(scores["mse"]), 2))
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _per_pixel(given):
    """The unit, and the factor from a root of the MSE to the RMSE in it."""
    units = given["units"]
    config = units["config"]
    if units["class_name"] != "MinMax" or not config["unit"]:
        return None
    span = config["high"] - config["low"]
    return config["unit"], span / math.sqrt(math.prod(given["image_shape"]))


def _cell(value, digits):
    return "–" if value is None else f"{value:.{digits}f}"
