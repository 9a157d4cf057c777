"""Fractions skill score: agreement within a neighborhood."""

import keras
from keras import ops

from msrnn_keras.metrics.base import PIXELS, quotient
from msrnn_keras.metrics.categorical import EventMetric
from msrnn_keras.utils.checks import check_positive


@keras.saving.register_keras_serializable(package="msrnn_keras")
class FSS(EventMetric):
    """Fractions skill score, 1 - Σ (o - f)² / Σ (o² + f²).

    o and f are the fractions of a window with observed and forecast events,
    pixels at or above the threshold. There is one window around each pixel of
    each channel. Pixels outside the frame and missing pixels have no event in
    either field: this matches pysteps when both fields are NaN at missing
    pixels. The sums are taken over all frames before the division. The score
    ranges from 0 to 1, the best. It is 1 if no event was observed or forecast
    at all (pysteps gives NaN), and NaN if no pixel is valid.

    Args:
        threshold, scaling: As in `CategoricalMetric`.
        window: Integer, side of the window in pixels.
        num_frames, clip, dtype: As in `MSE`.
        name: String; "fss_THRESHOLD_WINDOW" by default.

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
        check_positive("window", window)
        name = name or f"fss_{threshold:g}_{window}"
        super().__init__(threshold, scaling, num_frames, clip, name, dtype)
        self.window = window

    def sums(self, y_true, y_pred, valid):
        y, p = (
            _box_sum(field, self.window) / self.window**2
            for field in self.events(y_true, y_pred, valid)
        )
        parts = (ops.square(y - p), ops.square(y) + ops.square(p), valid)
        return ops.stack([ops.sum(x, axis=PIXELS) for x in parts], axis=-1)

    def ratio(self, sums):
        difference, reference, counted = (sums[..., i] for i in range(3))
        return 1.0 - quotient(difference, reference, 0.0, counted)

    def get_config(self):
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
