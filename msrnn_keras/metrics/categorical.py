"""Yes or no above a threshold: POD, FAR, CSI and HSS.

An event is a pixel at or above the threshold. Hits, misses, false alarms and
correct negatives are added over the whole test set before a score is taken of
them, so a frame without an event adds correct negatives and nothing else.

A score whose denominator is zero takes the value of a perfect forecast: no
mistake of the kind it counts was possible. So POD is 1 where no event was
observed, FAR is 0 where none was forecast, CSI is 1 where there is neither,
and HSS is 1 where all pixels are hits or all are correct negatives. (pysteps
gives NaN there.) NaN means that no valid pixel was counted at all.
"""

import keras
import numpy as np
from keras import ops

from msrnn_keras.metrics.base import PIXELS, PooledMetric, prepare, quotient
from msrnn_keras.metrics.units import Scaled, in_units
from msrnn_keras.utils.checks import check_finite


def events(y_true, y_pred, threshold, scaling, clip):
    """Give the events of both clips and the valid pixels.

    Args:
        y_true: True frames, (batch, time, height, width, channels). NaN means
            a missing pixel.
        y_pred: Predicted frames of the same shape.
        threshold: Number, in the units of the data.
        scaling: An object with `inverse`, from pixels to units, or None.
        clip: Whether predictions are clipped to [0, 1] first.

    Returns:
        Three float32 tensors of the shape of the frames, ones and zeros: the
        observed events, those forecast, the valid pixels. A missing pixel
        has no event. Where a prediction is NaN, so is its event.

    Raises:
        ValueError: If the two shapes differ or are not of rank 5, or the
            threshold is not finite.
        TypeError: If `scaling` has no `inverse`.
    """
    check_finite("threshold", threshold)
    unit_range = clip or scaling is not None
    y_true, y_pred, valid = prepare(y_true, y_pred, clip, unit_range)
    observed = ops.cast(in_units(y_true, scaling) >= threshold, "float32")
    forecast = ops.cast(in_units(y_pred, scaling) >= threshold, "float32")
    forecast = ops.where(ops.isnan(y_pred), np.nan, forecast)
    missing = valid == 0
    observed = ops.where(missing, 0.0, observed)
    return observed, ops.where(missing, 0.0, forecast), valid


def frame_contingency(y_true, y_pred, threshold, scaling=None, clip=True):
    """Hits, misses, false alarms and correct negatives of each frame.

    Args:
        y_true: True frames, (batch, time, height, width, channels), in
            [0, 1]. NaN means a missing pixel, which is not counted.
        y_pred: Predicted frames of the same shape.
        threshold: Number, in the units of the data; an event is at or above.
        scaling: An object with `inverse`, from pixels to units. None compares
            the pixels themselves with the threshold.
        clip: Whether predictions are clipped to [0, 1] first.

    Returns:
        A float32 tensor (batch, time, 4), counts in the order above. `pod`,
        `far`, `csi` and `hss` take it, or any sum of it.

    Raises:
        ValueError: If the two shapes differ or are not of rank 5, or the
            threshold is not finite.
        TypeError: If `scaling` has no `inverse`.

    Example:
        >>> y, p = np.zeros((2, 1, 1, 2, 2, 1))
        >>> y[..., 0, :, :], p[..., 0, :] = 1.0, 1.0
        >>> ops.convert_to_numpy(frame_contingency(y, p, 0.5)).tolist()
        [[[1.0, 1.0, 1.0, 1.0]]]
    """
    y, p, valid = events(y_true, y_pred, threshold, scaling, clip)
    hits = ops.sum(y * p, axis=PIXELS)
    observed, forecast = ops.sum(y, axis=PIXELS), ops.sum(p, axis=PIXELS)
    pixels = ops.sum(valid, axis=PIXELS)
    misses, false_alarms = observed - hits, forecast - hits
    negatives = pixels - hits - misses - false_alarms
    return ops.stack([hits, misses, false_alarms, negatives], axis=-1)


def _cells(counts):
    return tuple(counts[..., index] for index in range(4))


def pod(counts):
    """Probability of detection, hits / (hits + misses).

    Args:
        counts: Array or tensor (..., 4) of hits, misses, false alarms and
            correct negatives.

    Returns:
        An array or tensor (...), from 0 to 1, the best.
    """
    h, m, f, r = _cells(counts)
    return quotient(h, h + m, 1.0, h + m + f + r)


def far(counts):
    """False alarm ratio, false alarms / (hits + false alarms).

    Args:
        counts: Array or tensor (..., 4) of hits, misses, false alarms and
            correct negatives.

    Returns:
        An array or tensor (...), from 1 to 0, the best.
    """
    h, m, f, r = _cells(counts)
    return quotient(f, h + f, 0.0, h + m + f + r)


def csi(counts):
    """Critical success index, hits / (hits + misses + false alarms).

    Args:
        counts: Array or tensor (..., 4) of hits, misses, false alarms and
            correct negatives.

    Returns:
        An array or tensor (...), from 0 to 1, the best.
    """
    h, m, f, r = _cells(counts)
    return quotient(h, h + m + f, 1.0, h + m + f + r)


def hss(counts):
    """Heidke skill score: how much better than chance.

    With hits h, misses m, false alarms f and correct negatives r it is
    2 (h r - f m) / ((h + m) (m + r) + (h + f) (f + r)).

    Args:
        counts: Array or tensor (..., 4) of hits, misses, false alarms and
            correct negatives.

    Returns:
        An array or tensor (...), from -1 to 1, the best; 0 is chance.
    """
    h, m, f, r = _cells(counts)
    chance = (h + m) * (m + r) + (h + f) * (f + r)
    return quotient(2.0 * (h * r - f * m), chance, 1.0, h + m + f + r)


class CategoricalMetric(Scaled, PooledMetric):
    """A score of the events above a threshold; the base class.

    A subclass gives `ratio`, the score of the counts.

    Args:
        threshold: Number, in the units of the data; an event is at or above.
        scaling: An object with `inverse`, from pixels to units. None compares
            the pixels themselves with the threshold.
        num_frames: Number of frames of the scored clips, for `curve`.
        clip: Whether predictions are clipped to [0, 1] first.
        name: Name of the metric; the score and the threshold by default.
        dtype: Type of the sums.

    Raises:
        ValueError: If the threshold is not a finite number.
        TypeError: If `scaling` has no `inverse`.
    """

    parts = 4

    def __init__(
        self,
        threshold,
        scaling=None,
        num_frames=None,
        clip=True,
        name=None,
        dtype=None,
    ):
        check_finite("threshold", threshold)
        name = name or f"{type(self).__name__.lower()}_{threshold:g}"
        super().__init__(num_frames, clip, name=name, dtype=dtype)
        self.threshold = threshold
        self.set_scaling(scaling)

    def frame_sums(self, y_true, y_pred):
        """Give the counts of every frame, (batch, time, 4)."""
        return frame_contingency(
            y_true, y_pred, self.threshold, self.scaling, self.clip
        )

    def get_config(self):
        """Give the arguments that make the metric again."""
        return {**super().get_config(), "threshold": self.threshold}


@keras.saving.register_keras_serializable(package="msrnn_keras")
class POD(CategoricalMetric):
    """Probability of detection; arguments as `CategoricalMetric`."""

    def ratio(self, sums):
        return pod(sums)


@keras.saving.register_keras_serializable(package="msrnn_keras")
class FAR(CategoricalMetric):
    """False alarm ratio; arguments as `CategoricalMetric`."""

    def ratio(self, sums):
        return far(sums)


@keras.saving.register_keras_serializable(package="msrnn_keras")
class CSI(CategoricalMetric):
    """Critical success index; arguments as `CategoricalMetric`."""

    def ratio(self, sums):
        return csi(sums)


@keras.saving.register_keras_serializable(package="msrnn_keras")
class HSS(CategoricalMetric):
    """Heidke skill score; arguments as `CategoricalMetric`."""

    def ratio(self, sums):
        return hss(sums)
