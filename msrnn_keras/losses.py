"""The loss of MS-RNN, and that of ensembles."""

from typing import Any

import keras
from keras import ops

from msrnn_keras.utils.arguments import check_within, refused
from msrnn_keras.utils.checks import check_floats, filled, same_shape
from msrnn_keras.utils.typing import Config, Tensor

__all__ = ["AlmostFairCRPS", "FrameL1L2Loss"]


@keras.saving.register_keras_serializable("msrnn_keras", name="L1L2")
class FrameL1L2Loss(keras.losses.Loss):
    """Sum of (y - p)² + |y - p| over the pixels and channels of a frame.

    The loss is the mean over frames and samples. Missing pixels (NaN or masked
    in `y_true`) do not count. Both must be floats of the same shape.

    Args:
        reduction, name, dtype: As in `keras.losses.Loss`.
        l1_weight: Float, weight of the absolute error; 0 leaves it out.

    Example:
    >>> model.compile("adam", loss=msrnn_keras.losses.FrameL1L2Loss())

    Reference: MS-RNN, 2022, arXiv:2206.03010.
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "l1_l2",
        dtype: str | keras.DTypePolicy | None = None,
        l1_weight: float = 1.0,
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.l1_weight = check_within("l1_weight", l1_weight, "[0, inf]")

    def __call__(
        self, y_true: Any, y_pred: Any, sample_weight: Any = None
    ) -> Tensor:
        y_true, y_pred = filled(y_true, "y_true"), filled(y_pred, "y_pred")
        check_floats(y_true, "y_true")
        check_floats(y_pred, "y_pred")
        true, pred = tuple(y_true.shape), tuple(y_pred.shape)
        if not same_shape(true, pred):
            raise ValueError(
                "`y_true` and `y_pred` must have the same shape. "
                f"Received: y_true.shape={true}, y_pred.shape={pred}"
            )
        return super().__call__(y_true, y_pred, _per_frame(sample_weight))

    def call(self, y_true: Tensor, y_pred: Tensor) -> Any:
        valid = ops.logical_not(ops.isnan(y_true))
        error = ops.where(valid, y_true, y_pred) - y_pred
        loss = ops.square(error)
        if self.l1_weight:
            loss = loss + self.l1_weight * ops.abs(error)
        return ops.sum(loss, axis=(-3, -2, -1))

    def get_config(self) -> Config:
        return {**super().get_config(), "l1_weight": self.l1_weight}


@keras.saving.register_keras_serializable("msrnn_keras")
class AlmostFairCRPS(keras.losses.Loss):
    """Almost-fair CRPS of an ensemble, the mean over the pixels of a frame.

    The loss of a pixel is alpha * fair CRPS + (1 - alpha) * CRPS, as a sum over
    pairs of members in which no term is negative. The fair part rewards a
    small ensemble as if it were large; the rest keeps the members from
    degenerating. The loss is the mean over frames and samples. Missing pixels
    (NaN or masked in `y_true`) add nothing to the mean, which is over all
    pixels, so that each valid pixel has the same weight.

    `y_true` is `(batch, time, height, width, channels)` and `y_pred` `(batch,
    members, time, height, width, channels)`, both floats.

    Args:
        alpha: Float from 0 to 1, the weight of the fair CRPS.
        reduction, name, dtype: As in `keras.losses.Loss`. Without `dtype` it
            computes in float32 under mixed precision.

    Raises:
        ValueError: If `alpha` is not from 0 to 1, the shapes do not match, or
            there are fewer than two members.

    Example:
    >>> model.compile("adam", loss=msrnn_keras.losses.AlmostFairCRPS())

    Reference: Lang et al., AIFS-CRPS, 2024, arXiv:2412.15832.
    """

    takes_members = True  # so a model with noise accepts it

    def __init__(
        self,
        alpha: float = 0.95,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "almost_fair_crps",
        dtype: str | keras.DTypePolicy | None = None,
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.alpha = check_within("alpha", alpha, "[0, 1]")

    def __call__(
        self, y_true: Any, y_pred: Any, sample_weight: Any = None
    ) -> Tensor:
        y_true, y_pred = filled(y_true), filled(y_pred)
        check_floats(y_true, "y_true")
        check_floats(y_pred, "y_pred")
        check_members(tuple(y_true.shape), tuple(y_pred.shape), least=2)
        return super().__call__(y_true, y_pred, _per_frame(sample_weight))

    def call(self, y_true: Tensor, y_pred: Tensor) -> Any:
        valid = ops.logical_not(ops.isnan(y_true))
        y_true = ops.where(valid, y_true, 0.0)
        loss = crps_of_members(y_true, y_pred, self.alpha)
        return ops.mean(ops.where(valid, loss, 0.0), axis=(-3, -2, -1))

    def get_config(self) -> Config:
        return {**super().get_config(), "alpha": self.alpha}


def crps_of_members(y_true, y_pred, alpha):
    """Return the almost-fair CRPS of every pixel.

    Each distance of two members comes from the ensemble and itself shifted by
    up to half the members, so that no array holds all pairs.

    Args:
        y_true: Tensor `(batch, ...)` without NaN.
        y_pred: Tensor `(batch, members, ...)`, two members or more.
        alpha: Float, weight of the fair CRPS; 1 is the fair CRPS.

    Returns:
        Tensor of the shape of `y_true`.

    Reference: Lang et al., AIFS-CRPS, 2024, arXiv:2412.15832.
    """
    members = y_pred.shape[1]
    kept = 1.0 - (1.0 - alpha) / members
    error = ops.abs(y_pred - ops.expand_dims(y_true, 1))
    total = 0.0
    for shift in range(1, members // 2 + 1):
        apart = ops.abs(y_pred - ops.roll(y_pred, shift, axis=1))
        pairs = error + ops.roll(error, shift, axis=1) - kept * apart
        # A shift by half the members meets every pair twice.
        weight = 0.5 if 2 * shift == members else 1.0
        total = total + weight * ops.sum(pairs, axis=1)
    return total / (members * (members - 1))


def check_members(true, pred, least, names=("y_true", "y_pred")):
    """Refuse shapes that are not those of frames and an ensemble of them."""
    frames, ensemble = names
    if len(true) != 5 or not same_shape(true, pred[:1] + pred[2:]):
        raise ValueError(
            f"`{frames}` must have the shape (batch, time, height, width, "
            f"channels), and `{ensemble}` (batch, members, time, height, "
            "width, channels), an ensemble of them. "
            f"Received: {frames}.shape={true}, {ensemble}.shape={pred}"
        )
    if pred[1] is None or pred[1] < least:
        raise ValueError(
            f"`{ensemble}` must have {least} members or more, their number "
            f"known. Received: {pred[1]} members in {ensemble}.shape={pred}"
        )


def _per_frame(sample_weight):
    """Return weights of samples as weights of all their frames."""
    if sample_weight is not None and not hasattr(sample_weight, "shape"):
        wanted = "an array, one for each clip or frame"
        raise refused("sample_weight", wanted, sample_weight)
    if sample_weight is not None and len(sample_weight.shape) == 1:
        return ops.expand_dims(sample_weight, 1)
    return sample_weight
