"""What the metrics share: the mask, the sums over frames, their means."""

import keras
import numpy as np
from keras import ops

from msrnn_keras.utils.checks import (
    LIMITS,
    check_floats,
    check_values,
    filled,
    same_shape,
)

PIXELS = (2, 3, 4)
UNIT_RANGE = (-1e-3, 1 + 1e-3)  # [0, 1] but for rounding
UNIT_REMEDY = (
    "The score holds for pixels alone: scale the frames to [0, 1], for "
    "instance frames / 255 or a `Scaling` of msrnn_keras.data, before the "
    "model sees them. An MSE at any scale is frame_mse(y_true, y_pred, "
    "clip=False), in `evaluate` scores=['mse_unclipped']."
)
_NUMPY = (np.ndarray, np.generic)


def readable(y_true, y_pred, unit_range):
    """Give both clips without masks, or refuse them.

    The values of tensors are not known while a step is compiled, so those of
    arrays alone are checked.

    Args:
        y_true: True frames, an array, masked array or tensor.
        y_pred: Predicted frames.
        unit_range: Whether the truth must lie in [0, 1].

    Returns:
        Both; masked pixels are NaN.

    Raises:
        ValueError: If a value is infinite or out of its range.
        TypeError: If they are not floating-point.
    """
    y_true, y_pred = filled(y_true), filled(y_pred)
    limits = UNIT_RANGE if unit_range else LIMITS
    remedy = UNIT_REMEDY if unit_range else ""
    check_floats(y_true, "y_true")
    check_floats(y_pred, "y_pred")
    if isinstance(y_true, _NUMPY):
        check_values(y_true, "y_true", limits, True, remedy)
    if isinstance(y_pred, _NUMPY):
        check_values(y_pred, "y_pred", LIMITS, True)
    return y_true, y_pred


def prepare(y_true, y_pred, clip, unit_range=None):
    """Give both clips, zero at missing pixels, and which pixels are valid.

    The prediction becomes NaN, and so does its score, where it is infinite
    and, with `unit_range`, where a tensor of the truth is not in [0, 1].

    Args:
        y_true: True frames, (batch, time, height, width, channels). NaN means
            a missing pixel.
        y_pred: Predicted frames of the same shape.
        clip: Whether predictions are clipped to [0, 1] first.
        unit_range: Whether the score holds for truth in [0, 1] alone; None is
            `clip`.

    Returns:
        Three float32 tensors of that shape; the last holds ones and zeros.

    Raises:
        ValueError: If the two shapes differ or are not of rank 5, or a value
            is infinite or out of its range.
        TypeError: If they are not floating-point.
    """
    unit_range = clip if unit_range is None else unit_range
    y_true, y_pred = readable(y_true, y_pred, unit_range)
    y_true = ops.convert_to_tensor(y_true, dtype="float32")
    y_pred = ops.convert_to_tensor(y_pred, dtype="float32")
    _check_clips(y_true, y_pred)
    wrong = ops.isinf(y_pred)
    if clip:
        y_pred = ops.clip(y_pred, 0.0, 1.0)
    if unit_range:
        low, high = UNIT_RANGE
        outside = ops.logical_or(y_true < low, y_true > high)
        wrong = ops.logical_or(wrong, outside)
    y_pred = ops.where(wrong, np.nan, y_pred)
    missing = ops.isnan(y_true)
    y_true = ops.where(missing, 0.0, y_true)
    y_pred = ops.where(missing, 0.0, y_pred)
    return y_true, y_pred, 1.0 - ops.cast(missing, "float32")


def _check_clips(y_true, y_pred):
    true_shape, pred_shape = tuple(y_true.shape), tuple(y_pred.shape)
    if len(true_shape) != 5 or not same_shape(true_shape, pred_shape):
        raise ValueError(
            "`y_true` and `y_pred` must both have the shape (batch, time, "
            "height, width, channels). "
            f"Received: y_true.shape={true_shape}, y_pred.shape={pred_shape}"
        )


def quotient(numerator, denominator, empty, counted):
    """Divide sums; defined wherever something was counted.

    Args:
        numerator: Array or tensor.
        denominator: Array or tensor of that shape.
        empty: Float, the quotient where the denominator is zero.
        counted: Array or tensor of that shape, how much was counted.

    Returns:
        An array or tensor of that shape, NaN where nothing was counted.
    """
    where = np.where if isinstance(counted, _NUMPY) else ops.where
    zero = denominator == 0
    result = numerator / where(zero, 1.0, denominator)
    return where(counted == 0, np.nan, where(zero, empty, result))


class PooledMetric(keras.metrics.Metric):
    """A ratio of sums over all frames; the base class of the metrics.

    A subclass gives `parts`, the number of sums, `frame_sums`, what a frame
    adds to each, and `ratio`, the score of the sums. The sums carry their
    rounding errors along, so that counts stay exact over any number of clips.

    Args:
        num_frames: Number of frames of the scored clips. When given, the
            metric also keeps the score of every lead time; see `curve`.
        clip: Whether predictions are clipped to [0, 1] first.
        name: Name of the metric.
        dtype: Type of the sums.

    Raises:
        ValueError: If `num_frames` is not a positive integer.
    """

    parts = None
    scaling = None

    def __init__(self, num_frames=None, clip=True, name=None, dtype=None):
        super().__init__(name=name, dtype=dtype)
        if num_frames is not None and (
            not isinstance(num_frames, int) or num_frames < 1
        ):
            raise ValueError(
                "`num_frames` must be a positive integer or None. "
                f"Received: num_frames={num_frames}"
            )
        self.num_frames = num_frames
        self.clip = clip
        time = () if num_frames is None else (num_frames,)
        shape = (*time, self.parts)
        self.total = self.add_variable(shape, "zeros", name="total")
        self.rounding = self.add_variable(shape, "zeros", name="rounding")

    @property
    def unit_range(self):
        """Whether the score holds for truth in [0, 1] alone."""
        return self.clip or self.scaling is not None

    def frame_sums(self, y_true, y_pred):
        """Give what every frame adds to the sums, (batch, time, parts)."""
        raise NotImplementedError

    def ratio(self, sums):
        """Give the score of sums (..., parts), arrays or tensors: (...)."""
        raise NotImplementedError

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Add the frames of one batch.

        Arrays of values that the score does not hold for are refused. Of
        tensors, whose values a compiled step does not know, the score is NaN.

        Args:
            y_true: True frames, (batch, time, height, width, channels). NaN
                means a missing pixel.
            y_pred: Predicted frames of the same shape.
            sample_weight: Optional weights, (batch,), (batch, 1) or
                (batch, time).

        Raises:
            ValueError: If shapes do not fit each other or `num_frames`, or a
                value is infinite or out of its range.
            TypeError: If frames are not floating-point.
        """
        y_true, y_pred = readable(y_true, y_pred, self.unit_range)
        y_true = ops.convert_to_tensor(y_true, dtype="float32")
        y_pred = ops.stop_gradient(ops.convert_to_tensor(y_pred))
        sums = ops.cast(self.frame_sums(y_true, y_pred), self.dtype)
        self._check_time(sums)
        if sample_weight is not None:
            sums = sums * self._frame_weights(sample_weight)
        axis = (0, 1) if self.num_frames is None else 0
        # Kahan's compensated summation.
        total = ops.convert_to_tensor(self.total)
        step = ops.sum(sums, axis=axis) - self.rounding
        new = total + step
        self.rounding.assign((new - total) - step)
        self.total.assign(new)

    def result(self):
        """Give the score of all frames and samples together."""
        sums = self.total - self.rounding
        if self.num_frames is not None:
            sums = ops.sum(sums, axis=0)
        return self.ratio(sums)

    def curve(self):
        """Give the score of every lead time.

        Returns:
            A numpy array (num_frames,). NaN where no frame was scored.

        Raises:
            ValueError: If the metric was made without `num_frames`.
        """
        if self.num_frames is None:
            raise ValueError(
                "`curve` needs a metric made with `num_frames`, the number "
                "of frames per clip. Received: num_frames=None"
            )
        total, rounding = (
            ops.convert_to_numpy(variable.value).astype("float64")
            for variable in (self.total, self.rounding)
        )
        return self.ratio(total - rounding)

    def get_config(self):
        """Give the arguments that make the metric again."""
        return {
            **super().get_config(),
            "num_frames": self.num_frames,
            "clip": self.clip,
        }

    def _check_time(self, sums):
        frames = sums.shape[1]
        if None not in (frames, self.num_frames) and frames != self.num_frames:
            raise ValueError(
                f"The metric was made for clips of {self.num_frames} frames "
                f"(`num_frames`). Received: clips of {frames} frames"
            )

    def _frame_weights(self, sample_weight):
        weights = ops.convert_to_tensor(sample_weight, dtype=self.dtype)
        if len(weights.shape) == 1:
            weights = ops.expand_dims(weights, 1)
        if len(weights.shape) != 2:
            raise ValueError(
                "`sample_weight` must have the shape (batch,), (batch, 1) or "
                f"(batch, time). Received: shape {tuple(weights.shape)}"
            )
        return ops.expand_dims(weights, 2)


class FrameMetric(PooledMetric):
    """Mean of a per-frame score over frames and samples; a base class.

    A subclass gives `frame_scores`. Frames in which nothing can be scored
    (every pixel missing in `y_true`) are left out; the result is NaN where no
    frame was scored at all.

    Args:
        num_frames: Number of frames of the scored clips. When given, the
            metric also keeps the mean of every lead time; see `curve`.
        clip: Whether predictions are clipped to [0, 1] first.
        name: Name of the metric.
        dtype: Type of the sums.

    Raises:
        ValueError: If `num_frames` is not a positive integer.
    """

    parts = 2

    def frame_scores(self, y_true, y_pred):
        """Give the score of every frame, (batch, time)."""
        raise NotImplementedError

    def scored_frames(self, y_true):
        """Tell which frames can be scored, (batch, time), from the truth."""
        return ops.any(ops.logical_not(ops.isnan(y_true)), axis=PIXELS)

    def frame_sums(self, y_true, y_pred):
        scored = self.scored_frames(y_true)
        scores = ops.cast(self.frame_scores(y_true, y_pred), self.dtype)
        scores = ops.where(scored, scores, 0.0)
        return ops.stack([scores, ops.cast(scored, self.dtype)], axis=-1)

    def ratio(self, sums):
        total, count = sums[..., 0], sums[..., 1]
        return quotient(total, count, empty=np.nan, counted=count)
