"""What scores are called, how they are written, and which are good."""

import math
import re

_HIGHER = {"csi", "ets", "fss", "hss", "pod", "psnr", "ssim"}
_LOWER = {
    "balanced_mae",
    "balanced_mse",
    "crps",
    "far",
    "gdl",
    "lpips",
    "mae",
    "mse",
    "rmse",
}
_DIGITS = {
    **dict.fromkeys(("csi", "ets", "far", "fss", "hss", "pod"), 4),
    **dict.fromkeys(("lpips", "ssim"), 4),
    **dict.fromkeys(("gdl", "mae", "mse", "psnr", "rmse"), 2),
    **dict.fromkeys(("balanced_mae", "balanced_mse"), 2),
}
_PARAMETERS = re.compile(r"(.+?)((?:_-?\d[\d.]*(?:e[+-]?\d+)?)+)")


def split_key(key):
    """Split the key of a score into its family and its parameters.

    Args:
        key: String, such as "mse" or "fss_2_9".

    Returns:
        Tuple of a string and a tuple of strings: "fss" and ("2", "9").
    """
    match = _PARAMETERS.fullmatch(key)
    if match is None:
        return key, ()
    return match[1], tuple(match[2][1:].split("_"))


def score_label(key):
    """Name a score for a reader.

    Args:
        key: String, the key of the score.

    Returns:
        String, such as "MSE, unclipped" or "FSS at 2, window 9".
    """
    family, parameters = split_key(key)
    name = _base(family)
    words = [w.upper() if w in _HIGHER | _LOWER else w for w in name.split("_")]
    label = " ".join(words)
    label = label[:1].upper() + label[1:]
    if family != name:
        label += ", unclipped"
    if parameters:
        label += f" {parameter_label(parameters)}"
    return label


def parameter_label(parameters):
    """Name the parameters of a score: its threshold, then its window.

    Args:
        parameters: Tuple of strings.

    Returns:
        String, such as "at 2, window 9".
    """
    threshold, *windows = parameters
    return ", ".join([f"at {threshold}", *(f"window {w}" for w in windows)])


def score_text(key, value):
    """Write a score.

    Args:
        key: String, the key of the score.
        value: Number or None.

    Returns:
        String; "–" where there is no score.
    """
    if is_missing(value):
        return "–"
    digits = _DIGITS.get(_base(split_key(key)[0]))
    return f"{value:.4g}" if digits is None else f"{value:,.{digits}f}"


def direction(key):
    """Tell which values of a score are good.

    Args:
        key: String, the key of the score.

    Returns:
        1 where higher is better, -1 where lower is, 0 where it is not known.
    """
    name = _base(split_key(key)[0])
    return int(name in _HIGHER) - int(name in _LOWER)


def best(key, values):
    """The best of the values of a score.

    Args:
        key: String, the key of the score.
        values: List of numbers and None.

    Returns:
        The best value, or None where there is none, there is nothing to
        compare, or it is not known what is good.
    """
    there = [value for value in values if not is_missing(value)]
    sign = direction(key)
    if len(there) < 2 or not sign:
        return None
    return max(there, key=lambda value: sign * value)


def is_missing(value):
    """Tell whether there is no score.

    Args:
        value: Number or None.

    Returns:
        Boolean.
    """
    return value is None or math.isnan(value)


def _base(family):
    return family.removesuffix("_unclipped")
