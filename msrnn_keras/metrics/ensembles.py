"""Scores of ensembles: fair CRPS, Brier score, spread and skill."""

from typing import Any

import keras
import numpy as np
from keras import ops

from msrnn_keras.losses import crps_of_members
from msrnn_keras.metrics.base import (
    PIXELS,
    FrameMetric,
    PooledMetric,
    Scaled,
    prepare,
    quotient,
)
from msrnn_keras.metrics.events import EventMetric
from msrnn_keras.utils.typing import HasInverse, Tensor


class EnsembleMetric(PooledMetric):
    """Mixin of a metric of predictions with members; goes first.

    `y_pred` is (batch, members, time, height, width, channels), and so is the
    prediction that `sums` or `scores` takes.
    """

    least_members = 2

    def frame_sums(self, y_true: Any, y_pred: Any) -> Tensor:
        """Return what every frame adds to the sums, (batch, time, parts).

        Args:
            y_true: As in `PooledMetric.frame_sums`.
            y_pred: Ensembles of frames, (batch, members, time, height, width,
                channels).

        Raises:
            ValueError, TypeError: As in `PooledMetric.frame_sums`.
        """
        options = self.clip, self.unit_range, self.least_members
        return self.sums(*prepare(y_true, y_pred, *options))


@keras.saving.register_keras_serializable(package="msrnn_keras")
class CRPS(EnsembleMetric, FrameMetric):
    """Fair continuous ranked probability score, summed over a frame.

    For a pixel y and members x_1 … x_m it is

        Σ |x_i - y| / m - Σ |x_i - x_j| / (2 m (m - 1)),

    scaled up for missing pixels and averaged as `MAE`, with which it compares:
    if all members are equal, it is the MAE. Small ensembles are not at a
    disadvantage; there must be two members or more.

    Args:
        num_frames, clip, name, dtype: As in `MSE`.

    Example:
        >>> metric = CRPS()
        >>> metric.update_state(truth, model.forecast(past, members=20, seed=0))
        >>> score = float(metric.result())

    Reference: Ferro, Q. J. R. Meteorol. Soc., 2014, doi:10.1002/qj.2270.
    """

    def scores(
        self, y_true: Tensor, y_pred: Tensor, valid: Tensor
    ) -> tuple[Tensor, Tensor]:
        total = ops.sum(crps_of_members(y_true, y_pred, 1.0), axis=PIXELS)
        share = ops.mean(valid, axis=PIXELS)
        return total / share, share


@keras.saving.register_keras_serializable(package="msrnn_keras")
class BrierScore(EnsembleMetric, EventMetric):
    """Mean squared error of the forecast probability of an event: 0 is best.

    The probability is the share of the members at or above the threshold; what
    happened is 0 or 1. The mean is over all valid pixels of all frames.

    Args:
        threshold: Number in the units of the data; an event is at or above.
        scaling: As in `Spread`, to the units of the threshold.
        num_frames, clip, dtype: As in `MSE`.
        name: String; by default such as "brier_0.5", with the threshold.

    Raises:
        ValueError: If the threshold is not a finite number.
        TypeError: If `scaling` has no `inverse`.

    Example:
        >>> metric = BrierScore(2.0, scaling=RainRate())
        >>> metric.update_state(truth, members)

    Reference: Brier, Monthly Weather Review, 1950.
    """

    parts = 2
    least_members = 1
    key = "brier"

    def sums(self, y_true: Tensor, y_pred: Tensor, valid: Tensor) -> Tensor:
        y, p = self.events(y_true[:, None], y_pred, valid[:, None])
        error = ops.square(ops.mean(p, axis=1) - y[:, 0])
        sums = ops.sum(error, axis=PIXELS), ops.sum(valid, axis=PIXELS)
        return ops.stack(sums, axis=-1)

    def ratio(self, sums: Tensor) -> Tensor:
        return quotient(sums[..., 0], sums[..., 1], np.nan, sums[..., 1])


class _Moments(EnsembleMetric, Scaled, PooledMetric):
    """The part that spread, skill and their ratio share.

    Arguments are those of `Spread`.
    """

    parts = 3

    def __init__(
        self,
        scaling: HasInverse | None = None,
        num_frames: int | None = None,
        clip: bool = True,
        name: str | None = None,
        dtype: str | None = None,
    ) -> None:
        super().__init__(num_frames, clip, name or self.key, dtype)
        self.set_scaling(scaling)

    def sums(self, y_true: Tensor, y_pred: Tensor, valid: Tensor) -> Tensor:
        """Return corrected variances, squared errors and numbers of pixels."""
        members = y_pred.shape[1]
        y_pred = self.in_units(y_pred)
        mean = ops.mean(y_pred, axis=1)
        away = ops.sum(ops.square(y_pred - mean[:, None]), axis=1)
        variance = (members + 1) / members * away / (members - 1)
        error = ops.square(mean - self.in_units(y_true))
        parts = variance, error, valid
        return ops.stack([ops.sum(x, axis=PIXELS) for x in parts], axis=-1)

    def root(self, sums: Tensor, of: int) -> Tensor:
        """Return the root of the mean of a part."""
        mean = quotient(sums[..., of], sums[..., 2], np.nan, sums[..., 2])
        return mean**0.5


@keras.saving.register_keras_serializable(package="msrnn_keras")
class Spread(_Moments):
    """Spread of an ensemble, as large as the error of its mean if reliable.

    It is the root of the mean of (m + 1) / m times the unbiased variance of the
    m members, over all valid pixels of all frames.

    Args:
        scaling: Object with `inverse(frames)` from pixels to the units of the
            result, such as `msrnn_keras.data.RainRate()`. None takes pixels.
        num_frames, clip, name, dtype: As in `MSE`.

    Raises:
        TypeError: If `scaling` has no `inverse`.

    Example:
        >>> spread, error = Spread(num_frames=12), EnsembleRMSE(num_frames=12)
        >>> for metric in (spread, error):
        ...     metric.update_state(truth, members)
        >>> figure = plots.plot_spread_skill(spread.curve(), error.curve())

    Reference: Fortin et al., Journal of Hydrometeorology, 2014,
    doi:10.1175/JHM-D-14-0008.1.
    """

    key = "spread"

    def ratio(self, sums: Tensor) -> Tensor:
        return self.root(sums, 0)


@keras.saving.register_keras_serializable(package="msrnn_keras")
class EnsembleRMSE(_Moments):
    """Root-mean-square error of the ensemble mean, the skill: 0 is best.

    The mean is over all valid pixels of all frames. Arguments are those of
    `Spread`.
    """

    key = "ensemble_rmse"

    def ratio(self, sums: Tensor) -> Tensor:
        return self.root(sums, 1)


@keras.saving.register_keras_serializable(package="msrnn_keras")
class SpreadSkillRatio(_Moments):
    """`Spread` / `EnsembleRMSE`: 1 if reliable, below if overconfident.

    It is NaN if the ensemble mean has no error. Arguments are those of
    `Spread`.
    """

    key = "spread_skill_ratio"

    def ratio(self, sums: Tensor) -> Tensor:
        variance, error, counted = (sums[..., i] for i in range(3))
        return quotient(variance, error, np.nan, counted) ** 0.5
