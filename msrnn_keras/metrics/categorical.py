"""Scores of events above a threshold: POD, FAR, CSI and HSS."""

import keras
import numpy as np
from keras import ops

from msrnn_keras.metrics.base import PIXELS, PooledMetric, quotient
from msrnn_keras.metrics.units import Scaled
from msrnn_keras.utils.checks import check_finite


class EventMetric(Scaled, PooledMetric):
    """A score of the pixels at or above a threshold."""

    def __init__(self, threshold, scaling, num_frames, clip, name, dtype):
        check_finite("threshold", threshold)
        super().__init__(num_frames, clip, name, dtype)
        self.threshold = threshold
        self.set_scaling(scaling)

    def events(self, y_true, y_pred, valid):
        """Return the observed and the forecast events: ones, zeros, or NaN."""
        observed = self.in_units(y_true) >= self.threshold
        forecast = self.in_units(y_pred) >= self.threshold
        forecast = ops.cast(forecast, "float32")
        forecast = ops.where(ops.isnan(y_pred), np.nan, forecast)
        missing = valid == 0
        observed = ops.where(missing, 0.0, ops.cast(observed, "float32"))
        return observed, ops.where(missing, 0.0, forecast)

    def get_config(self):
        return {**super().get_config(), "threshold": self.threshold}


class CategoricalMetric(EventMetric):
    """A score of the contingency table of events; the base class.

    Hits, misses, false alarms and correct negatives are added over all frames
    before the score is computed. `frame_sums(y_true, y_pred)` gives these four
    counts of every frame, in this order, and `ratio(counts)` the score of any
    sum of them.

    If the denominator of a score is zero, the score is that of a perfect
    forecast, because no mistake of its kind was possible. POD is 1 if no
    event was observed, FAR is 0 if none was forecast, CSI is 1 if there is
    neither, and HSS is 1 if all pixels are hits or all are correct negatives.
    (pysteps gives NaN there.) A score is NaN if no pixel is valid.

    Args:
        threshold: Number in the units of the data; an event is at or above.
        scaling: Object with `inverse(frames)` from pixels to units, such as
            `msrnn_keras.data.RainRate()`. With None, `evaluate` takes the
            scaling of the data set, if it has one; otherwise pixels are
            compared with the threshold.
        num_frames, clip, dtype: As in `MSE`.
        name: String; by default such as "csi_0.5", with the threshold.

    Raises:
        ValueError: If the threshold is not a finite number.
        TypeError: If `scaling` has no `inverse`.

    Example:
        >>> metric = CSI(0.5)
        >>> metric.update_state(y_true, y_pred)
        >>> score = float(metric.result())
    """

    parts = 4
    empty = 1.0  # the score if the denominator is zero

    def __init__(
        self,
        threshold,
        scaling=None,
        num_frames=None,
        clip=True,
        name=None,
        dtype=None,
    ):
        name = name or f"{type(self).__name__.lower()}_{threshold:g}"
        super().__init__(threshold, scaling, num_frames, clip, name, dtype)

    def sums(self, y_true, y_pred, valid):
        y, p = self.events(y_true, y_pred, valid)
        hits = ops.sum(y * p, axis=PIXELS)
        observed, forecast = ops.sum(y, axis=PIXELS), ops.sum(p, axis=PIXELS)
        pixels = ops.sum(valid, axis=PIXELS)
        misses, false_alarms = observed - hits, forecast - hits
        negatives = pixels - hits - misses - false_alarms
        return ops.stack([hits, misses, false_alarms, negatives], axis=-1)

    def ratio(self, sums):
        h, m, f, r = (sums[..., index] for index in range(4))
        numerator, denominator = self.fraction(h, m, f, r)
        return quotient(numerator, denominator, self.empty, h + m + f + r)

    def fraction(self, h, m, f, r):
        """Return numerator and denominator of the score of the counts."""
        raise NotImplementedError


@keras.saving.register_keras_serializable(package="msrnn_keras")
class POD(CategoricalMetric):
    """Probability of detection, hits / (hits + misses): 0 to 1, the best."""

    def fraction(self, h, m, f, r):
        return h, h + m


@keras.saving.register_keras_serializable(package="msrnn_keras")
class FAR(CategoricalMetric):
    """False alarm ratio, false alarms / (hits + false alarms): 0 is best."""

    empty = 0.0

    def fraction(self, h, m, f, r):
        return f, h + f


@keras.saving.register_keras_serializable(package="msrnn_keras")
class CSI(CategoricalMetric):
    """Critical success index, hits / (hits + misses + false alarms), 0 to 1."""

    def fraction(self, h, m, f, r):
        return h, h + m + f


@keras.saving.register_keras_serializable(package="msrnn_keras")
class HSS(CategoricalMetric):
    """Heidke skill score, the skill compared with chance: -1 to 1, 0 is chance.

    With hits h, misses m, false alarms f and correct negatives r it is
    2 (h r - f m) / ((h + m) (m + r) + (h + f) (f + r)).
    """

    def fraction(self, h, m, f, r):
        chance = (h + m) * (m + r) + (h + f) * (f + r)
        return 2.0 * (h * r - f * m), chance
