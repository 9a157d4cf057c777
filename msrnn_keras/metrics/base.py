"""Base classes of the metrics: masks, sums over frames and their ratios."""

from typing import Any, Self

import keras
import numpy as np
from keras import ops

from msrnn_keras.losses import check_members
from msrnn_keras.utils import checks
from msrnn_keras.utils.typing import Config, HasInverse, Tensor

PIXELS = (2, 3, 4)  # axes of one frame
UNIT_RANGE = (-1e-3, 1 + 1e-3)  # [0, 1] with a margin for rounding
UNIT_REMEDY = (
    "This score is defined for pixels only. Scale the frames to [0, 1] before "
    "the model sees them, for example with frames / 255 or a `Scaling` of "
    "msrnn_keras.data. For the MSE at another scale, use "
    "metrics.MSE(clip=False)."
)
_ANY_RANGE = (checks.LIMITS, True, "")  # arguments of `check_values`
_NUMPY = (np.ndarray, np.generic)


def prepare(y_true, y_pred, clip, unit_range, least_members=None):
    """Return float32 truth and prediction, 0 where missing, and the mask.

    With `least_members`, the prediction has an axis of members after the batch.
    Without, such an axis is replaced by the mean of the members.
    """
    y_true, y_pred = (
        checks.filled(y_true, "y_true"),
        checks.filled(y_pred, "y_pred"),
    )
    unit = (UNIT_RANGE, True, UNIT_REMEDY) if unit_range else _ANY_RANGE
    given = (y_true, "y_true", unit), (y_pred, "y_pred", _ANY_RANGE)
    for frames, name, limits in given:
        checks.check_floats(frames, name)
        if isinstance(frames, _NUMPY):
            checks.check_values(frames, name, *limits)
    y_true = ops.convert_to_tensor(y_true, dtype="float32")
    y_pred = ops.convert_to_tensor(y_pred, dtype="float32")
    y_pred = ops.stop_gradient(y_pred)
    shapes = tuple(y_true.shape), tuple(y_pred.shape)
    average = least_members is None and len(y_pred.shape) == 6
    if average or least_members:
        check_members(*shapes, least_members or 1)
    else:
        _check_shapes(*shapes)
    wrong = ops.isinf(y_pred)
    if clip:
        y_pred = ops.clip(y_pred, 0.0, 1.0)
    if average:
        wrong, y_pred = ops.any(wrong, axis=1), ops.mean(y_pred, axis=1)
    if unit_range:
        low, high = UNIT_RANGE
        outside = ops.logical_or(y_true < low, y_true > high)
        wrong = ops.logical_or(wrong, _like(outside, wrong))
    y_pred = ops.where(wrong, np.nan, y_pred)
    missing = ops.isnan(y_true)
    y_true = ops.where(missing, 0.0, y_true)
    y_pred = ops.where(_like(missing, y_pred), 0.0, y_pred)
    return y_true, y_pred, 1.0 - ops.cast(missing, "float32")


def _like(mask, y_pred):
    """Return a mask of frames, with an axis of members if `y_pred` has one."""
    ensemble = len(y_pred.shape) > len(mask.shape)
    return ops.expand_dims(mask, 1) if ensemble else mask


def _check_shapes(true, pred):
    if len(true) != 5 or not checks.same_shape(true, pred):
        raise ValueError(
            "`y_true` and `y_pred` must both have the shape (batch, time, "
            "height, width, channels). "
            f"Received: y_true.shape={true}, y_pred.shape={pred}"
        )


def quotient(numerator, denominator, empty, counted):
    """Divide; `empty` where the denominator is 0, NaN where `counted` is 0."""
    where = np.where if isinstance(counted, _NUMPY) else ops.where
    zero = denominator == 0
    result = numerator / where(zero, 1.0, denominator)
    return where(counted == 0, np.nan, where(zero, empty, result))


class PooledMetric(keras.metrics.Metric):
    """A score computed from sums over all frames; a base class.

    A subclass sets `parts` and defines `sums(y_true, y_pred, valid)`, what each
    frame adds to the sums, (batch, time, parts), from frames (batch, time,
    height, width, channels), 0 at missing pixels, and the mask of valid pixels;
    and `ratio(sums)`, the score (...) of sums (..., parts), arrays or tensors.

    Args:
        num_frames: Integer, number of frames of the scored clips, or None.
            With a number, `curve()` gives the score of every lead time.
        clip: Boolean, whether predictions are clipped to [0, 1] first.
        name: String; the class name in lower case by default.
        dtype: Data type of the sums; Keras' default float type if None.
    """

    parts: Any = None
    scaling: HasInverse | None = None
    takes_members = True  # the mean of an ensemble, or its members

    def __init__(
        self,
        num_frames: int | None = None,
        clip: bool = True,
        name: str | None = None,
        dtype: str | None = None,
    ) -> None:
        name = name or type(self).__name__.lower()
        if not isinstance(name, str):
            raise checks.refused("name", "a string", name)
        super().__init__(name=name, dtype=checks.float_type(dtype))
        if num_frames is not None:
            num_frames = checks.check_positive("num_frames", num_frames)
        self.num_frames = num_frames
        self.clip = checks.check_boolean("clip", clip)
        time = () if num_frames is None else (num_frames,)
        shape = (*time, self.parts)
        self.total = self.add_variable(shape, "zeros", name="total")
        self.rounding = self.add_variable(shape, "zeros", name="rounding")

    @property
    def unit_range(self) -> bool:
        """Whether the score is defined for truth in [0, 1] only."""
        return self.clip or self.scaling is not None

    def frame_sums(self, y_true: Any, y_pred: Any) -> Tensor:
        """Return what every frame adds to the sums, (batch, time, parts).

        Args:
            y_true: True frames, (batch, time, height, width, channels), in
                [0, 1] unless `clip=False`. NaN or a masked pixel is missing.
            y_pred: Predicted frames of the same shape.

        Raises:
            ValueError: If a shape or a value of an array does not fit.
            TypeError: If the frames are not floating-point.
        """
        return self.sums(*prepare(y_true, y_pred, self.clip, self.unit_range))

    def update_state(
        self, y_true: Any, y_pred: Any, sample_weight: Any = None
    ) -> None:
        """Add the frames of a batch, with weights (batch,) or (batch, time).

        Arrays out of range are refused; for tensors the score is NaN.
        """
        sums = ops.cast(self.frame_sums(y_true, y_pred), self.dtype)
        frames = sums.shape[1]
        if None not in (frames, self.num_frames) and frames != self.num_frames:
            raise ValueError(
                f"The metric was made for clips of {self.num_frames} frames "
                f"(`num_frames`). Received: clips of {frames} frames"
            )
        if sample_weight is not None:
            sums = sums * self._frame_weights(sample_weight)
        axis = (0, 1) if self.num_frames is None else 0
        # Kahan's compensated summation.
        total = ops.convert_to_tensor(self.total)
        step = ops.sum(sums, axis=axis) - self.rounding
        new = total + step
        self.rounding.assign((new - total) - step)
        self.total.assign(new)

    def result(self) -> Tensor:
        """Return the score of all frames and samples together."""
        sums = self.total - self.rounding
        if self.num_frames is not None:
            sums = ops.sum(sums, axis=0)
        return self.ratio(sums)

    def curve(self) -> np.ndarray:
        """Return the score of every lead time, NaN where no frame counts."""
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

    def get_config(self) -> Config:
        config = {"num_frames": self.num_frames, "clip": self.clip}
        return {**super().get_config(), **config}

    def _frame_weights(self, sample_weight):
        """Return the weights as (batch, 1 or time, 1)."""
        checks.check_weights(sample_weight)
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

    A subclass defines `scores(y_true, y_pred, valid)`, which takes what
    `PooledMetric.sums` takes and returns two tensors (batch, time): the score
    of every frame, and how much of the frame counts. Frames of which nothing
    counts are left out of the mean; it is NaN if no frame counts. Arguments
    are those of `PooledMetric`.
    """

    parts = 2

    def frame_scores(self, y_true: Any, y_pred: Any) -> Tensor:
        """Return the score of every frame, (batch, time), or NaN."""
        sums = self.frame_sums(y_true, y_pred)
        return ops.where(sums[..., 1] > 0, sums[..., 0], np.nan)

    def sums(self, y_true: Tensor, y_pred: Tensor, valid: Tensor) -> Tensor:
        scores, counted = self.scores(y_true, y_pred, valid)
        scores = ops.where(counted > 0, scores, 0.0)
        counted = ops.cast(counted > 0, "float32")
        return ops.stack([scores, counted], axis=-1)

    def ratio(self, sums: Tensor) -> Tensor:
        total, count = sums[..., 0], sums[..., 1]
        return quotient(total, count, empty=np.nan, counted=count)


class Scaled:
    """Mixin of a metric with a `scaling` from pixels to units."""

    scaling: HasInverse | None = None

    def set_scaling(self, scaling: HasInverse | None) -> None:
        inverse = getattr(scaling, "inverse", None)
        if scaling is not None and not callable(inverse):
            raise TypeError(
                "`scaling` must be None or have a method `inverse` from "
                f"pixels in [0, 1] to units. Received: scaling={scaling!r}"
            )
        self.scaling = scaling

    def with_scaling(self, scaling: HasInverse | None) -> Self:
        return self.from_config({**self.get_config(), "scaling": scaling})

    def in_units(self, frames: Tensor) -> Tensor:
        return frames if self.scaling is None else self.scaling.inverse(frames)

    def get_config(self) -> Config:
        scaling = self.scaling
        if scaling is not None:
            scaling = keras.saving.serialize_keras_object(scaling)
        return {**super().get_config(), "scaling": scaling}

    @classmethod
    def from_config(cls, config: Config) -> Self:
        scaling = config.get("scaling")
        if isinstance(scaling, dict):
            scaling = keras.saving.deserialize_keras_object(scaling)
        return cls(**{**config, "scaling": scaling})
