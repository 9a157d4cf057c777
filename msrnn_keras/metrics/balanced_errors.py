"""Errors that weigh heavy rain more than light rain."""

from collections.abc import Collection

import keras
import numpy as np
from keras import ops

from msrnn_keras.metrics.base import PIXELS, FrameMetric, Scaled
from msrnn_keras.utils.arguments import check_numbers
from msrnn_keras.utils.typing import Config, HasInverse, Tensor

RAIN_THRESHOLDS = (0.5, 2.0, 5.0, 10.0, 30.0)
"""Rain rates in mm/h above which a pixel weighs more."""
_RAIN_WEIGHTS = (1.0, 1.0, 2.0, 5.0, 10.0, 30.0)


class _Balanced(Scaled, FrameMetric):
    """The part that both balanced errors share."""

    def __init__(
        self,
        thresholds: Collection[float] = RAIN_THRESHOLDS,
        weights: Collection[float] = _RAIN_WEIGHTS,
        scaling: HasInverse | None = None,
        num_frames: int | None = None,
        clip: bool = True,
        name: str | None = None,
        dtype: str | None = None,
    ) -> None:
        super().__init__(num_frames, clip, name or self.key, dtype)
        thresholds = check_numbers("thresholds", thresholds)
        weights = check_numbers("weights", weights)
        ascending = all(np.diff(thresholds) > 0)
        if not ascending or len(weights) != len(thresholds) + 1:
            raise ValueError(
                "`thresholds` must ascend, and `weights` must have one number "
                f"more. Received: thresholds={thresholds}, weights={weights}"
            )
        self.thresholds, self.weights = thresholds, weights
        self.set_scaling(scaling)

    def scores(
        self, y_true: Tensor, y_pred: Tensor, valid: Tensor
    ) -> tuple[Tensor, Tensor]:
        rain = self.in_units(y_true)
        steps = np.diff(self.weights).tolist()
        weight = float(self.weights[0])
        for threshold, step in zip(self.thresholds, steps, strict=True):
            weight = weight + step * ops.cast(rain >= threshold, "float32")
        share = ops.mean(valid, axis=PIXELS, keepdims=True)
        error = self.power(y_true - y_pred)
        total = ops.sum(weight / share * error, axis=PIXELS)
        return total, ops.mean(valid, axis=PIXELS)

    def get_config(self) -> Config:
        config = {"thresholds": self.thresholds, "weights": self.weights}
        return {**super().get_config(), **{k: [*v] for k, v in config.items()}}


@keras.saving.register_keras_serializable(package="msrnn_keras")
class BalancedMSE(_Balanced):
    """Squared error weighted by the true rain rate, summed over a frame.

    The error of a pixel, in [0, 1], has `weights[0]` for true rain below
    `thresholds[0]`, `weights[k]` from `thresholds[k - 1]` on; else as `MSE`.

    Args:
        thresholds: Ascending numbers in the units of the data (mm/h).
        weights: Numbers, one more than thresholds.
        scaling: As in `CategoricalMetric`.
        num_frames, clip, name, dtype: As in `MSE`.

    Raises:
        ValueError: If thresholds and weights do not fit each other.

    Reference: Shi et al., NeurIPS 2017, arXiv:1706.03458.
    """

    key = "balanced_mse"
    power = staticmethod(ops.square)


@keras.saving.register_keras_serializable(package="msrnn_keras")
class BalancedMAE(_Balanced):
    """Absolute error weighted by the true rain rate, as in `BalancedMSE`."""

    key = "balanced_mae"
    power = staticmethod(ops.abs)
