"""Scores by name, as sums over frames that any number of clips add to."""

import functools
from typing import NamedTuple

import numpy as np
from keras import ops

from msrnn_keras.metrics import categorical, fss, ssim
from msrnn_keras.metrics.balanced_errors import (
    frame_balanced_mae,
    frame_balanced_mse,
)
from msrnn_keras.metrics.base import quotient
from msrnn_keras.metrics.gdl import frame_gdl
from msrnn_keras.metrics.lpips import frame_lpips
from msrnn_keras.metrics.pixel_errors import frame_mae, frame_mse, frame_psnr
from msrnn_keras.metrics.units import check_scaling
from msrnn_keras.utils.checks import check_finite, check_positive

DEFAULT = ("mse", "mae", "ssim", "psnr", "mse_unclipped")

_FRAME_SCORES = {
    "mse": frame_mse,
    "mae": frame_mae,
    "ssim": ssim.frame_ssim,
    "psnr": frame_psnr,
    "mse_unclipped": functools.partial(frame_mse, clip=False),
    "gdl": frame_gdl,
    "balanced_mse": frame_balanced_mse,
    "balanced_mae": frame_balanced_mae,
    "lpips": frame_lpips,
}
_CATEGORICAL = {
    "pod": categorical.pod,
    "far": categorical.far,
    "csi": categorical.csi,
    "hss": categorical.hss,
}


class Tally(NamedTuple):
    """Sums over frames and the scores that follow from them.

    Attributes:
        frame_sums: Function (y_true, y_pred) of arrays of clips that gives a
            float64 array (batch, time, parts), what each frame adds.
        ratios: Dict from the name of a score to the function of the sums
            (..., parts) that gives it.
    """

    frame_sums: callable
    ratios: dict


def make_tallies(scores=None, thresholds=None, windows=None, scaling=None):
    """Make the tallies of the scores asked for.

    Args:
        scores: Names of scores; None means the usual five, without SSIM
            where frames are too small for it.
        thresholds: Numbers, in the units of the data, or None.
        windows: Sides of the windows of the FSS in pixels, or None.
        scaling: An object with `inverse`, from pixels to units, or None.

    Returns:
        A list of `Tally`.

    Raises:
        ValueError: If a score is unknown, a threshold not finite, or a window
            is given without a threshold or is not a positive integer.
        TypeError: If `scaling` has no `inverse`.
    """
    check_scaling(scaling)
    thresholds, windows = (
        () if given is None else tuple(given) for given in (thresholds, windows)
    )
    _check_names(scores, thresholds, windows)
    tallies = []
    for name in DEFAULT if scores is None else dict.fromkeys(scores):
        score = _FRAME_SCORES[name]
        if name.startswith("balanced"):
            score = functools.partial(score, scaling=scaling)
        if name == "ssim" and scores is None:
            score = _ssim_if_large
        tallies.append(_mean(name, score))
    for threshold in thresholds:
        tallies.append(_counts(threshold, scaling))
        for window in windows:
            tallies.append(_fractions(threshold, window, scaling))
    return tallies


def _check_names(scores, thresholds, windows):
    names = () if scores is None else scores
    if isinstance(names, str) or not set(names) <= set(_FRAME_SCORES):
        raise ValueError(
            f"`scores` must be a list of names out of {sorted(_FRAME_SCORES)}. "
            f"Received: scores={scores!r}"
        )
    if windows and not thresholds:
        raise ValueError(
            "`windows` need `thresholds`, above which the FSS counts. "
            f"Received: windows={windows}, thresholds={thresholds}"
        )
    for threshold in thresholds:
        check_finite("threshold", threshold)
    for window in windows:
        check_positive("window", window)


def _mean(name, score):
    def frame_sums(y_true, y_pred):
        values = _array(score(y_true, y_pred))
        scored = ~np.isnan(values)
        return np.stack([np.where(scored, values, 0.0), scored], axis=-1)

    def ratio(sums):
        return quotient(sums[..., 0], sums[..., 1], np.nan, sums[..., 1])

    return Tally(frame_sums, {name: ratio})


def _counts(threshold, scaling):
    def frame_sums(y_true, y_pred):
        count = categorical.frame_contingency
        return _array(count(y_true, y_pred, threshold, scaling))

    return Tally(
        frame_sums,
        {
            f"{name}_{threshold:g}": ratio
            for name, ratio in _CATEGORICAL.items()
        },
    )


def _fractions(threshold, window, scaling):
    def frame_sums(y_true, y_pred):
        add = fss.frame_fractions
        return _array(add(y_true, y_pred, threshold, window, scaling))

    return Tally(frame_sums, {f"fss_{threshold:g}_{window}": fss.fss})


def _ssim_if_large(y_true, y_pred):
    if min(y_true.shape[2:4]) < ssim.SSIM_WINDOW:
        return np.full(y_true.shape[:2], np.nan)
    return ssim.frame_ssim(y_true, y_pred)


def _array(values):
    return ops.convert_to_numpy(values).astype("float64")
