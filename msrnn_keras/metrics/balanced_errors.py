"""Errors that weigh heavy rain more than light rain."""

import keras
import numpy as np
from keras import ops

from msrnn_keras.metrics.base import PIXELS, FrameMetric, prepare
from msrnn_keras.metrics.units import Scaled, in_units
from msrnn_keras.utils.checks import check_finite

RAIN_THRESHOLDS = (0.5, 2.0, 5.0, 10.0, 30.0)  # mm/h
RAIN_WEIGHTS = (1.0, 1.0, 2.0, 5.0, 10.0, 30.0)


def frame_balanced_mse(
    y_true,
    y_pred,
    thresholds=RAIN_THRESHOLDS,
    weights=RAIN_WEIGHTS,
    scaling=None,
    clip=True,
):
    """Squared error of each frame, weighted by the true rain, summed.

    The error is that of the pixels, in [0, 1]; its weight follows from the
    true rain rate: `weights[0]` below `thresholds[0]`, `weights[k]` from
    `thresholds[k - 1]` on. The sum over the valid pixels is scaled up to the
    size of the frame.

    Args:
        y_true: True frames, (batch, time, height, width, channels), in
            [0, 1]. NaN means a missing pixel.
        y_pred: Predicted frames of the same shape.
        thresholds: Ascending numbers, in the units of the data (mm/h).
        weights: Numbers, one more than thresholds.
        scaling: An object with `inverse`, from pixels to units. None compares
            the pixels themselves with the thresholds.
        clip: Whether predictions are clipped to [0, 1] first.

    Returns:
        A float32 tensor (batch, time). NaN for a frame without a valid pixel.

    Raises:
        ValueError: If shapes, or thresholds and weights, do not fit.
        TypeError: If `scaling` has no `inverse`.

    Reference:
        Shi et al., "Deep Learning for Precipitation Nowcasting: A Benchmark
        and A New Model", NeurIPS 2017, arXiv:1706.03458.
    """
    error, mask = _weighted(y_true, y_pred, thresholds, weights, scaling, clip)
    return ops.sum(mask * ops.square(error), axis=PIXELS)


def frame_balanced_mae(
    y_true,
    y_pred,
    thresholds=RAIN_THRESHOLDS,
    weights=RAIN_WEIGHTS,
    scaling=None,
    clip=True,
):
    """Absolute error of each frame, weighted by the true rain, summed.

    Weights and scale are those of `frame_balanced_mse`.

    Args:
        y_true: True frames, (batch, time, height, width, channels), in
            [0, 1]. NaN means a missing pixel.
        y_pred: Predicted frames of the same shape.
        thresholds: Ascending numbers, in the units of the data (mm/h).
        weights: Numbers, one more than thresholds.
        scaling: An object with `inverse`, from pixels to units. None compares
            the pixels themselves with the thresholds.
        clip: Whether predictions are clipped to [0, 1] first.

    Returns:
        A float32 tensor (batch, time). NaN for a frame without a valid pixel.

    Raises:
        ValueError: If shapes, or thresholds and weights, do not fit.
        TypeError: If `scaling` has no `inverse`.

    Reference:
        Shi et al., NeurIPS 2017, arXiv:1706.03458.
    """
    error, mask = _weighted(y_true, y_pred, thresholds, weights, scaling, clip)
    return ops.sum(mask * ops.abs(error), axis=PIXELS)


def _weighted(y_true, y_pred, thresholds, weights, scaling, clip):
    """Give the errors and their weights, which undo the missing pixels."""
    _check_weights(thresholds, weights)
    unit_range = clip or scaling is not None
    y_true, y_pred, valid = prepare(y_true, y_pred, clip, unit_range)
    rain = in_units(y_true, scaling)
    steps = np.diff(weights).tolist()
    mask = float(weights[0])
    for threshold, step in zip(thresholds, steps, strict=True):
        mask = mask + step * ops.cast(rain >= threshold, "float32")
    share = ops.mean(valid, axis=PIXELS, keepdims=True)
    return y_true - y_pred, mask / share


def _check_weights(thresholds, weights):
    for name, numbers in (("thresholds", thresholds), ("weights", weights)):
        for number in numbers:
            check_finite(name, number)
    ascending = all(np.diff(thresholds) > 0)
    if not ascending or len(weights) != len(thresholds) + 1:
        raise ValueError(
            "`thresholds` must ascend, and `weights` hold one number more. "
            f"Received: thresholds={thresholds}, weights={weights}"
        )


class _Balanced(Scaled, FrameMetric):
    """What the two balanced errors share."""

    def __init__(
        self, thresholds, weights, scaling, num_frames, clip, name, dtype
    ):
        super().__init__(num_frames, clip, name=name, dtype=dtype)
        _check_weights(thresholds, weights)
        self.thresholds = tuple(thresholds)
        self.weights = tuple(weights)
        self.set_scaling(scaling)

    def _arguments(self):
        return (
            self.thresholds,
            self.weights,
            self.scaling,
            self.clip,
        )

    def get_config(self):
        """Give the arguments that make the metric again."""
        return {
            **super().get_config(),
            "thresholds": list(self.thresholds),
            "weights": list(self.weights),
        }


@keras.saving.register_keras_serializable(package="msrnn_keras")
class BalancedMSE(_Balanced):
    """Squared error weighted by the true rain, summed over a frame.

    The mean over frames and samples of `frame_balanced_mse`.

    Args:
        thresholds: Ascending numbers, in the units of the data (mm/h).
        weights: Numbers, one more than thresholds.
        scaling: An object with `inverse`, from pixels to units, or None.
        num_frames: Number of frames of the scored clips, for `curve`.
        clip: Whether predictions are clipped to [0, 1] first.
        name: Name of the metric.
        dtype: Type of the sums.

    Raises:
        ValueError: If thresholds and weights do not fit each other.
        TypeError: If `scaling` has no `inverse`.

    Reference:
        Shi et al., NeurIPS 2017, arXiv:1706.03458.
    """

    def __init__(
        self,
        thresholds=RAIN_THRESHOLDS,
        weights=RAIN_WEIGHTS,
        scaling=None,
        num_frames=None,
        clip=True,
        name="balanced_mse",
        dtype=None,
    ):
        super().__init__(
            thresholds, weights, scaling, num_frames, clip, name, dtype
        )

    def frame_scores(self, y_true, y_pred):
        """Give the weighted squared error of every frame, (batch, time)."""
        return frame_balanced_mse(y_true, y_pred, *self._arguments())


@keras.saving.register_keras_serializable(package="msrnn_keras")
class BalancedMAE(_Balanced):
    """Absolute error weighted by the true rain, summed over a frame.

    The mean over frames and samples of `frame_balanced_mae`.

    Args:
        thresholds: Ascending numbers, in the units of the data (mm/h).
        weights: Numbers, one more than thresholds.
        scaling: An object with `inverse`, from pixels to units, or None.
        num_frames: Number of frames of the scored clips, for `curve`.
        clip: Whether predictions are clipped to [0, 1] first.
        name: Name of the metric.
        dtype: Type of the sums.

    Raises:
        ValueError: If thresholds and weights do not fit each other.
        TypeError: If `scaling` has no `inverse`.

    Reference:
        Shi et al., NeurIPS 2017, arXiv:1706.03458.
    """

    def __init__(
        self,
        thresholds=RAIN_THRESHOLDS,
        weights=RAIN_WEIGHTS,
        scaling=None,
        num_frames=None,
        clip=True,
        name="balanced_mae",
        dtype=None,
    ):
        super().__init__(
            thresholds, weights, scaling, num_frames, clip, name, dtype
        )

    def frame_scores(self, y_true, y_pred):
        """Give the weighted absolute error of every frame, (batch, time)."""
        return frame_balanced_mae(y_true, y_pred, *self._arguments())
