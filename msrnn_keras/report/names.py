"""Labels, formats and directions of scores."""

import math
import re

from msrnn_keras.utils.formatting import format_number

_HIGHER = {"csi", "ets", "fss", "hss", "pod", "psnr", "ssim"}  # is better
_LOWER = set(
    "balanced_mae balanced_mse brier crps ensemble_rmse far gdl lpips mae mse "
    "rmse".split()
)
_LABELS = {"brier": "Brier score", "spread_skill_ratio": "Spread–skill ratio"}
_FORMATS = {
    **dict.fromkeys("brier csi ets far fss hss lpips pod ssim".split(), ",.4f"),
    **dict.fromkeys(
        "balanced_mae balanced_mse crps gdl mae mse".split(), ",.2f"
    ),
    **dict.fromkeys(("psnr", "rmse"), ",.2f"),
}
_PARAMETERS = re.compile(r"(.+?)((?:_-?\d[\d.]*(?:e[+-]?\d+)?)+)")


def split_key(key):
    """Split a key such as "fss_2_9" into "fss" and ("2", "9")."""
    match = _PARAMETERS.fullmatch(key)
    return (match[1], tuple(match[2][1:].split("_"))) if match else (key, ())


def score_label(key):
    """Return a label such as "MSE, unclipped" or "FSS at 2, window 9"."""
    family, parameters = split_key(key)
    name = _base(family)
    words = [w.upper() if w in _HIGHER | _LOWER else w for w in name.split("_")]
    label = _LABELS.get(name, " ".join(words))
    label = label[:1].upper() + label[1:]
    if family != name:
        label += ", unclipped"
    if parameters:
        label += f" {parameter_label(parameters)}"
    return label


def parameter_label(parameters):
    """Return a label such as "at 2, window 9" of threshold and window."""
    threshold, *windows = parameters
    return ", ".join([f"at {threshold}", *(f"window {w}" for w in windows)])


def score_text(key, value):
    """Return a score as text, with the digits of its kind."""
    return format_number(value, _FORMATS.get(_base(split_key(key)[0]), ".4g"))


def direction(key):
    """Return 1 if higher is better, -1 if lower is, 0 if it is unknown."""
    name = _base(split_key(key)[0])
    return int(name in _HIGHER) - int(name in _LOWER)


def best(key, values):
    """Return the best of at least two values, None without a direction."""
    present = [value for value in values if not is_missing(value)]
    sign = direction(key)
    if len(present) < 2 or not sign:
        return None
    return max(present, key=lambda value: sign * value)


def is_missing(value):
    """Return whether there is no score."""
    return value is None or math.isnan(value)


def _base(family):
    return family.removesuffix("_unclipped")
