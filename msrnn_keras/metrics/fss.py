"""The fractions skill score: right nearby, not only at the pixel."""

import keras
from keras import ops

from msrnn_keras.metrics.base import PIXELS, PooledMetric, quotient
from msrnn_keras.metrics.categorical import events
from msrnn_keras.metrics.units import Scaled
from msrnn_keras.utils.checks import check_finite, check_positive


def frame_fractions(y_true, y_pred, threshold, window, scaling=None, clip=True):
    """Sums of the fractions skill score of each frame.

    The fraction of a window is the share of its pixels at or above the
    threshold. There is one window around each pixel, of a channel; where it
    reaches beyond the frame, or over a missing pixel, there is no event in
    either field. So scores `pysteps`, given both fields with NaN at the
    missing pixels.

    Args:
        y_true: True frames, (batch, time, height, width, channels), in
            [0, 1]. NaN means a missing pixel.
        y_pred: Predicted frames of the same shape.
        threshold: Number, in the units of the data; an event is at or above.
        window: Side of the window in pixels.
        scaling: An object with `inverse`, from pixels to units. None compares
            the pixels themselves with the threshold.
        clip: Whether predictions are clipped to [0, 1] first.

    Returns:
        A float32 tensor (batch, time, 3): the sum over windows of (o - f)²,
        that of o² + f², with o the observed and f the forecast fraction, and
        the number of valid pixels. `fss` takes it, or any sum of it.

    Raises:
        ValueError: If the two shapes differ or are not of rank 5, or the
            window is not a positive integer, or the threshold not finite.
        TypeError: If `scaling` has no `inverse`.

    Reference:
        Roberts and Lean, "Scale-Selective Verification of Rainfall
        Accumulations from High-Resolution Forecasts of Convective Events",
        Monthly Weather Review, 2008.
    """
    check_positive("window", window)
    y, p, valid = events(y_true, y_pred, threshold, scaling, clip)
    y, p = (_box_sum(field, window) / window**2 for field in (y, p))
    parts = (ops.square(y - p), ops.square(y) + ops.square(p), valid)
    return ops.stack([ops.sum(part, axis=PIXELS) for part in parts], axis=-1)


def _box_sum(x, window):
    """Add up the window around each pixel, zero beyond the frame.

    A difference of running sums costs the same for every window, and is exact
    for whole numbers.
    """
    before = window // 2 + 1
    after = window - before
    for axis in (2, 3):
        padding = [(0, 0)] * 5
        padding[axis] = (before, after)
        size = ops.shape(x)[axis]
        running = ops.cumsum(ops.pad(x, padding), axis=axis)
        upper = [slice(None)] * 5
        lower = [slice(None)] * 5
        upper[axis] = slice(window, window + size)
        lower[axis] = slice(0, size)
        x = running[tuple(upper)] - running[tuple(lower)]
    return x


def fss(sums):
    """Fractions skill score of the sums of `frame_fractions`.

    It is 1 - Σ (o - f)² / Σ (o² + f²), with the sums added over the whole
    test set first. Where no event was observed or forecast at all, the two
    fields are equal and the score is 1 (pysteps gives NaN). NaN means that
    no valid pixel was counted.

    Args:
        sums: Array or tensor (..., 3).

    Returns:
        An array or tensor (...), from 0 to 1, the best.
    """
    difference, reference, counted = (sums[..., i] for i in range(3))
    return 1.0 - quotient(difference, reference, 0.0, counted)


@keras.saving.register_keras_serializable(package="msrnn_keras")
class FSS(Scaled, PooledMetric):
    """Fractions skill score; see `frame_fractions` and `fss`.

    Args:
        threshold: Number, in the units of the data; an event is at or above.
        window: Side of the window in pixels.
        scaling: An object with `inverse`, from pixels to units. None compares
            the pixels themselves with the threshold.
        num_frames: Number of frames of the scored clips, for `curve`.
        clip: Whether predictions are clipped to [0, 1] first.
        name: Name of the metric; `fss_THRESHOLD_WINDOW` by default.
        dtype: Type of the sums.

    Raises:
        ValueError: If the threshold is not a finite number, or the window
            not a positive integer.
        TypeError: If `scaling` has no `inverse`.

    Reference:
        Roberts and Lean, Monthly Weather Review, 2008.
    """

    parts = 3

    def __init__(
        self,
        threshold,
        window,
        scaling=None,
        num_frames=None,
        clip=True,
        name=None,
        dtype=None,
    ):
        check_finite("threshold", threshold)
        check_positive("window", window)
        name = name or f"fss_{threshold:g}_{window}"
        super().__init__(num_frames, clip, name=name, dtype=dtype)
        self.threshold = threshold
        self.window = window
        self.set_scaling(scaling)

    def frame_sums(self, y_true, y_pred):
        """Give the sums of every frame, (batch, time, 3)."""
        return frame_fractions(
            y_true,
            y_pred,
            self.threshold,
            self.window,
            self.scaling,
            self.clip,
        )

    def ratio(self, sums):
        return fss(sums)

    def get_config(self):
        """Give the arguments that make the metric again."""
        return {
            **super().get_config(),
            "threshold": self.threshold,
            "window": self.window,
        }
