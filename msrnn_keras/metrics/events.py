"""Scores of events above a threshold: POD, FAR, CSI, HSS and FSS."""

import keras
import numpy as np
from keras import ops

from msrnn_keras.metrics.base import PIXELS, PooledMetric, Scaled, quotient
from msrnn_keras.utils.checks import check_finite, check_positive
from msrnn_keras.utils.typing import Config, HasInverse, Tensor


class EventMetric(Scaled, PooledMetric):
    """A score of the pixels at or above a threshold."""

    # First part of the default name; None is that of the class.
    key: str | None = None

    def __init__(
        self,
        threshold: float,
        scaling: HasInverse | None = None,
        num_frames: int | None = None,
        clip: bool = True,
        name: str | None = None,
        dtype: str | None = None,
    ) -> None:
        threshold = check_finite("threshold", threshold)
        key = self.key or type(self).__name__.lower()
        name = name or f"{key}_{threshold:g}"
        super().__init__(num_frames, clip, name, dtype)
        self.threshold = threshold
        self.set_scaling(scaling)

    def events(
        self, y_true: Tensor, y_pred: Tensor, valid: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return the observed and the forecast events: ones, zeros, or NaN."""
        observed = self.in_units(y_true) >= self.threshold
        forecast = self.in_units(y_pred) >= self.threshold
        forecast = ops.cast(forecast, "float32")
        forecast = ops.where(ops.isnan(y_pred), np.nan, forecast)
        missing = valid == 0
        observed = ops.where(missing, 0.0, ops.cast(observed, "float32"))
        return observed, ops.where(missing, 0.0, forecast)

    def get_config(self) -> Config:
        return {**super().get_config(), "threshold": self.threshold}


class CategoricalMetric(EventMetric):
    """A score of the contingency table of events; the base class.

    Hits, misses, false alarms and correct negatives, in this order, are
    `frame_sums(y_true, y_pred)` of every frame; `ratio(counts)` is the score of
    any sum of them. A subclass defines `fraction(hits, misses, false_alarms,
    negatives)`, numerator and denominator.

    If the denominator is zero, the score is that of a perfect forecast (pysteps
    gives NaN): POD is 1 if no event was observed, FAR is 0 if none was
    forecast, CSI is 1 if there is neither, and HSS is 1 if all pixels are hits
    or all are correct negatives. A score is NaN if no pixel is valid.

    Args:
        threshold: Number in the units of the data; an event is at or above.
        scaling: Object with `inverse(frames)` from pixels to units, such as
            `msrnn_keras.data.RainRate()`. None takes pixels, in `evaluate` the
            scaling of the data set, if any.
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

    def sums(self, y_true: Tensor, y_pred: Tensor, valid: Tensor) -> Tensor:
        y, p = self.events(y_true, y_pred, valid)
        hits = ops.sum(y * p, axis=PIXELS)
        observed, forecast = ops.sum(y, axis=PIXELS), ops.sum(p, axis=PIXELS)
        pixels = ops.sum(valid, axis=PIXELS)
        misses, false_alarms = observed - hits, forecast - hits
        negatives = pixels - hits - misses - false_alarms
        return ops.stack([hits, misses, false_alarms, negatives], axis=-1)

    def ratio(self, sums: Tensor) -> Tensor:
        h, m, f, r = (sums[..., index] for index in range(4))
        numerator, denominator = self.fraction(h, m, f, r)
        return quotient(numerator, denominator, self.empty, h + m + f + r)


@keras.saving.register_keras_serializable(package="msrnn_keras")
class POD(CategoricalMetric):
    """Probability of detection, hits / (hits + misses): 0 to 1, the best."""

    def fraction(
        self, h: Tensor, m: Tensor, f: Tensor, r: Tensor
    ) -> tuple[Tensor, Tensor]:
        return h, h + m


@keras.saving.register_keras_serializable(package="msrnn_keras")
class FAR(CategoricalMetric):
    """False alarm ratio, false alarms / (hits + false alarms): 0 is best."""

    empty = 0.0

    def fraction(
        self, h: Tensor, m: Tensor, f: Tensor, r: Tensor
    ) -> tuple[Tensor, Tensor]:
        return f, h + f


@keras.saving.register_keras_serializable(package="msrnn_keras")
class CSI(CategoricalMetric):
    """Critical success index, hits / (hits + misses + false alarms), 0 to 1."""

    def fraction(
        self, h: Tensor, m: Tensor, f: Tensor, r: Tensor
    ) -> tuple[Tensor, Tensor]:
        return h, h + m + f


@keras.saving.register_keras_serializable(package="msrnn_keras")
class HSS(CategoricalMetric):
    """Heidke skill score, the skill compared with chance: -1 to 1, 0 is chance.

    With hits h, misses m, false alarms f and correct negatives r it is
    2 (h r - f m) / ((h + m) (m + r) + (h + f) (f + r)).
    """

    def fraction(
        self, h: Tensor, m: Tensor, f: Tensor, r: Tensor
    ) -> tuple[Tensor, Tensor]:
        chance = (h + m) * (m + r) + (h + f) * (f + r)
        return 2.0 * (h * r - f * m), chance


@keras.saving.register_keras_serializable(package="msrnn_keras")
class FSS(EventMetric):
    """Fractions skill score, 1 - Σ (o - f)² / Σ (o² + f²).

    o and f are the fractions of a window with observed and forecast events,
    pixels at or above the threshold, one window around each pixel of each
    channel, summed over all frames. Pixels outside the frame and missing pixels
    have no event in either field, as in pysteps if both are NaN. The score
    ranges from 0 to 1, the best. It is 1 if no event was observed or forecast
    at all (pysteps gives NaN), and NaN if no pixel is valid.

    Args:
        threshold, scaling: As in `CategoricalMetric`.
        window: Integer, side of the window in pixels.
        num_frames, clip, dtype: As in `MSE`.
        name: String; "fss_THRESHOLD_WINDOW" by default.

    Reference: Roberts and Lean, Monthly Weather Review, 2008.
    """

    parts = 3

    def __init__(
        self,
        threshold: float,
        window: int,
        scaling: HasInverse | None = None,
        num_frames: int | None = None,
        clip: bool = True,
        name: str | None = None,
        dtype: str | None = None,
    ) -> None:
        threshold = check_finite("threshold", threshold)
        window = check_positive("window", window)
        name = name or f"fss_{threshold:g}_{window}"
        super().__init__(threshold, scaling, num_frames, clip, name, dtype)
        self.window = window

    def sums(self, y_true: Tensor, y_pred: Tensor, valid: Tensor) -> Tensor:
        y, p = (
            _box_sum(field, self.window) / self.window**2
            for field in self.events(y_true, y_pred, valid)
        )
        parts = (ops.square(y - p), ops.square(y) + ops.square(p), valid)
        return ops.stack([ops.sum(x, axis=PIXELS) for x in parts], axis=-1)

    def ratio(self, sums: Tensor) -> Tensor:
        difference, reference, counted = (sums[..., i] for i in range(3))
        return 1.0 - quotient(difference, reference, 0.0, counted)

    def get_config(self) -> Config:
        return {**super().get_config(), "window": self.window}


def _box_sum(x, window):
    """Sum the window around each pixel as the difference of running sums."""
    before = window // 2 + 1
    after = window - before
    for axis in (2, 3):
        padding = [(0, 0)] * 5
        padding[axis] = (before, after)
        size = ops.shape(x)[axis]
        running = ops.cumsum(ops.pad(x, padding), axis=axis)
        before_axis = (slice(None),) * axis
        upper = (*before_axis, slice(window, window + size))
        x = running[upper] - running[(*before_axis, slice(0, size))]
    return x
