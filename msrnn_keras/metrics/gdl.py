"""The gradient difference of frames, a score of sharpness."""

import keras
from keras import ops

from msrnn_keras.metrics.base import PIXELS, FrameMetric, prepare


def frame_gdl(y_true, y_pred, clip=True, alpha=1.0):
    """Gradient difference loss of each frame, summed over its pixels.

    The sum over pixels and channels, and over both directions, of

        | |y(i + 1) - y(i)| - |p(i + 1) - p(i)| | ** alpha

    for neighbours i and i + 1 along the height and along the width. Pairs
    with a missing pixel are left out; the sum over the other pairs is scaled
    up to all pairs of the frame.

    Args:
        y_true: True frames, (batch, time, height, width, channels), in
            [0, 1]. NaN means a missing pixel.
        y_pred: Predicted frames of the same shape.
        clip: Whether predictions are clipped to [0, 1] first.
        alpha: The power.

    Returns:
        A float32 tensor (batch, time). NaN for a frame without a valid pair.

    Raises:
        ValueError: If the two shapes differ, are not of rank 5, or the frames
            have a single pixel.

    Example:
        >>> y = np.zeros((1, 1, 2, 2, 1))
        >>> y[0, 0, 0, 0] = 1.0
        >>> float(frame_gdl(y, np.zeros_like(y))[0, 0])
        2.0

    Reference:
        Mathieu et al., "Deep multi-scale video prediction beyond mean square
        error", ICLR 2016, arXiv:1511.05440.
    """
    y_true, y_pred, valid = prepare(y_true, y_pred, clip)
    if tuple(y_true.shape[2:4]) == (1, 1):
        raise ValueError(
            "Gradients need frames of two pixels at least. "
            f"Received: y_true.shape={tuple(y_true.shape)}"
        )
    total, pairs, counted = 0.0, 0.0, 0.0
    for axis in (2, 3):
        (a, b), (p, q), (v, w) = (
            _neighbours(x, axis) for x in (y_true, y_pred, valid)
        )
        both = v * w
        error = ops.abs(ops.abs(b - a) - ops.abs(q - p))
        if alpha != 1:
            error = error**alpha
        error = ops.where(both > 0, error, 0.0)
        total = total + ops.sum(error, axis=PIXELS)
        counted = counted + ops.sum(both, axis=PIXELS)
        pairs = pairs + ops.sum(ops.ones_like(both), axis=PIXELS)
    return total * (pairs / counted)


def _neighbours(x, axis):
    """Give the two ends of every pair of neighbours along an axis."""
    if axis == 2:
        return x[:, :, :-1], x[:, :, 1:]
    return x[:, :, :, :-1], x[:, :, :, 1:]


@keras.saving.register_keras_serializable(package="msrnn_keras")
class GDL(FrameMetric):
    """Gradient difference loss, summed over the pixels of a frame.

    The mean over frames and samples of `frame_gdl`.

    Args:
        num_frames: Number of frames of the scored clips, for `curve`.
        clip: Whether predictions are clipped to [0, 1] first.
        alpha: The power of the differences.
        name: Name of the metric.
        dtype: Type of the sums.

    Reference:
        Mathieu et al., ICLR 2016, arXiv:1511.05440.
    """

    def __init__(
        self, num_frames=None, clip=True, alpha=1.0, name="gdl", dtype=None
    ):
        super().__init__(num_frames, clip, name=name, dtype=dtype)
        self.alpha = alpha

    def frame_scores(self, y_true, y_pred):
        """Give the gradient difference of every frame, (batch, time)."""
        return frame_gdl(y_true, y_pred, self.clip, self.alpha)

    def scored_frames(self, y_true):
        """Tell which frames have a pair of neighbours without a gap."""
        valid = ops.logical_not(ops.isnan(y_true))
        down, right = (
            ops.any(ops.logical_and(*_neighbours(valid, axis)), axis=PIXELS)
            for axis in (2, 3)
        )
        return ops.logical_or(down, right)

    def get_config(self):
        """Give the arguments that make the metric again."""
        return {**super().get_config(), "alpha": self.alpha}
