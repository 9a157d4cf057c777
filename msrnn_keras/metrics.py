"""Scores of forecast frames: MSE, MAE, PSNR and SSIM.

Every score is first computed for each frame, then averaged over frames and
samples. The functions `frame_*` give the scores of the single frames; the
classes are their Keras metrics, for `model.compile(metrics=[...])`.
"""

import keras
import numpy as np
from keras import ops

SSIM_WINDOW = 11
SSIM_SIGMA = 1.5
SSIM_K1 = 0.01
SSIM_K2 = 0.03
PSNR_FLOOR = 1e-10

_PIXELS = (2, 3, 4)


def frame_mse(y_true, y_pred, clip=True):
    """Squared error of each frame, summed over its pixels and channels.

    The sum over the valid pixels is scaled up to the size of the frame.

    Args:
        y_true: True frames, (batch, time, height, width, channels), in
            [0, 1]. NaN means a missing pixel.
        y_pred: Predicted frames of the same shape.
        clip: Whether predictions are clipped to [0, 1] first.

    Returns:
        A float32 tensor (batch, time). NaN for a frame without a valid pixel.

    Raises:
        ValueError: If the two shapes differ or are not of rank 5.
    """
    y_true, y_pred, valid = _prepare(y_true, y_pred, clip)
    total = ops.sum(ops.square(y_true - y_pred), axis=_PIXELS)
    return total / ops.mean(valid, axis=_PIXELS)


def frame_mae(y_true, y_pred, clip=True):
    """Absolute error of each frame, summed over its pixels and channels.

    The sum over the valid pixels is scaled up to the size of the frame.

    Args:
        y_true: True frames, (batch, time, height, width, channels), in
            [0, 1]. NaN means a missing pixel.
        y_pred: Predicted frames of the same shape.
        clip: Whether predictions are clipped to [0, 1] first.

    Returns:
        A float32 tensor (batch, time). NaN for a frame without a valid pixel.

    Raises:
        ValueError: If the two shapes differ or are not of rank 5.
    """
    y_true, y_pred, valid = _prepare(y_true, y_pred, clip)
    total = ops.sum(ops.abs(y_true - y_pred), axis=_PIXELS)
    return total / ops.mean(valid, axis=_PIXELS)


def frame_psnr(y_true, y_pred, clip=True):
    """Peak signal-to-noise ratio of each frame, in dB, for a peak of 1.

    It is 10 log10(1 / mean squared error) over the valid pixels. The mean
    squared error is taken as 1e-10 at least, so a perfect frame has 100 dB.

    Args:
        y_true: True frames, (batch, time, height, width, channels), in
            [0, 1]. NaN means a missing pixel.
        y_pred: Predicted frames of the same shape.
        clip: Whether predictions are clipped to [0, 1] first.

    Returns:
        A float32 tensor (batch, time). NaN for a frame without a valid pixel.

    Raises:
        ValueError: If the two shapes differ or are not of rank 5.
    """
    y_true, y_pred, valid = _prepare(y_true, y_pred, clip)
    error = ops.sum(ops.square(y_true - y_pred), axis=_PIXELS)
    error = error / ops.sum(valid, axis=_PIXELS)
    decibel = -10.0 * ops.log10(ops.maximum(error, PSNR_FLOOR))
    return ops.where(ops.isnan(error), error, decibel)


def frame_ssim(y_true, y_pred, clip=True):
    """Structural similarity of each frame.

    Gaussian window of 11 x 11 pixels with a sigma of 1.5, K1 = 0.01,
    K2 = 0.03, data range 1, population covariance. Only windows that lie
    inside the frame and touch no missing pixel count; the score is their mean
    over all channels.

    Args:
        y_true: True frames, (batch, time, height, width, channels), in
            [0, 1]. NaN means a missing pixel.
        y_pred: Predicted frames of the same shape.
        clip: Whether predictions are clipped to [0, 1] first.

    Returns:
        A float32 tensor (batch, time). NaN for a frame without a valid
        window.

    Raises:
        ValueError: If the two shapes differ, are not of rank 5, or the frames
            are smaller than 11 x 11.

    Reference:
        Wang et al., "Image Quality Assessment: From Error Visibility to
        Structural Similarity", IEEE Transactions on Image Processing, 2004.
    """
    x, y, valid = _prepare(y_true, y_pred, clip)
    maps = ops.stack([x, y, x * x, y * y, x * y])
    mean_x, mean_y, mean_xx, mean_yy, mean_xy = ops.unstack(_blur(maps), 5)
    c1, c2 = SSIM_K1**2, SSIM_K2**2
    luminance = (2.0 * mean_x * mean_y + c1) / (mean_x**2 + mean_y**2 + c1)
    variances = mean_xx - mean_x**2 + mean_yy - mean_y**2
    structure = (2.0 * (mean_xy - mean_x * mean_y) + c2) / (variances + c2)
    whole = _whole_windows(valid)
    similarity = ops.where(whole, luminance * structure, 0.0)
    windows = ops.sum(ops.cast(whole, "float32"), axis=_PIXELS)
    return ops.sum(similarity, axis=_PIXELS) / windows


def _prepare(y_true, y_pred, clip):
    """Give both clips, zero at missing pixels, and the mask of valid ones."""
    y_true = ops.convert_to_tensor(y_true, dtype="float32")
    y_pred = ops.convert_to_tensor(y_pred, dtype="float32")
    _check_clips(y_true, y_pred)
    if clip:
        y_pred = ops.clip(y_pred, 0.0, 1.0)
    missing = ops.isnan(y_true)
    y_true = ops.where(missing, 0.0, y_true)
    y_pred = ops.where(missing, 0.0, y_pred)
    return y_true, y_pred, 1.0 - ops.cast(missing, "float32")


def _check_clips(y_true, y_pred):
    true_shape, pred_shape = tuple(y_true.shape), tuple(y_pred.shape)
    same = len(true_shape) == len(pred_shape) and all(
        a == b or None in (a, b)
        for a, b in zip(true_shape, pred_shape, strict=True)
    )
    if len(true_shape) != 5 or not same:
        raise ValueError(
            "`y_true` and `y_pred` must both have the shape (batch, time, "
            "height, width, channels). "
            f"Received: y_true.shape={true_shape}, y_pred.shape={pred_shape}"
        )


def _blur(x):
    """Weigh every window that fits inside the frame with the Gaussian.

    Shifts and adds instead of a convolution: accelerators may round the
    factors of a convolution to ten bits, which the variances do not survive.
    """
    for axis in (-3, -2):
        size = x.shape[axis]
        if size is not None and size < SSIM_WINDOW:
            raise ValueError(
                f"SSIM needs frames of {SSIM_WINDOW} x {SSIM_WINDOW} pixels "
                "at least; leave SSIM out for smaller ones. Received: frames "
                f"of shape (height, width, channels)={tuple(x.shape[-3:])}"
            )
    last = SSIM_WINDOW - 1
    offsets = np.arange(SSIM_WINDOW) - last / 2
    weights = np.exp(-0.5 * (offsets / SSIM_SIGMA) ** 2)
    weights = (weights / weights.sum()).tolist()
    shifts = [slice(i, i - last or None) for i in range(SSIM_WINDOW)]
    taps = list(zip(weights, shifts, strict=True))
    x = sum(weight * x[..., shift, :, :] for weight, shift in taps)
    return sum(weight * x[..., shift, :] for weight, shift in taps)


def _whole_windows(valid):
    """Tell which windows of the SSIM touch no missing pixel."""
    return ops.equal(_blur(1.0 - valid), 0.0)


class FrameMetric(keras.metrics.Metric):
    """Mean of a per-frame score over frames and samples; the base class.

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
        shape = () if num_frames is None else (num_frames,)
        self.total = self.add_variable(shape, "zeros", name="total")
        self.count = self.add_variable(shape, "zeros", name="count")

    def frame_scores(self, y_true, y_pred):
        """Give the score of every frame, (batch, time)."""
        raise NotImplementedError

    def scored_frames(self, y_true):
        """Tell which frames can be scored, (batch, time), from the truth."""
        return ops.any(ops.logical_not(ops.isnan(y_true)), axis=_PIXELS)

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Add the frames of one batch.

        Args:
            y_true: True frames, (batch, time, height, width, channels). NaN
                means a missing pixel.
            y_pred: Predicted frames of the same shape.
            sample_weight: Optional weights, (batch,), (batch, 1) or
                (batch, time).

        Raises:
            ValueError: If shapes do not fit each other or `num_frames`.
        """
        y_true = ops.convert_to_tensor(y_true, dtype="float32")
        y_pred = ops.stop_gradient(ops.convert_to_tensor(y_pred))
        scores = self.frame_scores(y_true, y_pred)
        self._check_time(scores)
        scored = self.scored_frames(y_true)
        weights = ops.cast(scored, self.dtype)
        if sample_weight is not None:
            weights = weights * self._frame_weights(sample_weight)
        scores = ops.where(scored, ops.cast(scores, self.dtype), 0.0)
        axis = None if self.num_frames is None else 0
        self.total.assign_add(ops.sum(scores * weights, axis=axis))
        self.count.assign_add(ops.sum(weights, axis=axis))

    def result(self):
        """Give the mean over frames and samples."""
        return ops.sum(self.total) / ops.sum(self.count)

    def curve(self):
        """Give the mean of every lead time.

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
        total = ops.convert_to_numpy(self.total.value)
        count = ops.convert_to_numpy(self.count.value)
        with np.errstate(invalid="ignore"):
            return total / count

    def get_config(self):
        """Give the arguments that make the metric again."""
        return {
            **super().get_config(),
            "num_frames": self.num_frames,
            "clip": self.clip,
        }

    def _check_time(self, scores):
        frames = scores.shape[1]
        if None not in (frames, self.num_frames) and frames != self.num_frames:
            raise ValueError(
                f"The metric was made for clips of {self.num_frames} frames "
                f"(`num_frames`). Received: clips of {frames} frames"
            )

    def _frame_weights(self, sample_weight):
        weights = ops.convert_to_tensor(sample_weight, dtype=self.dtype)
        if len(weights.shape) == 1:
            return ops.expand_dims(weights, 1)
        if len(weights.shape) != 2:
            raise ValueError(
                "`sample_weight` must have the shape (batch,), (batch, 1) or "
                f"(batch, time). Received: shape {tuple(weights.shape)}"
            )
        return weights


@keras.saving.register_keras_serializable(package="msrnn_keras")
class MSE(FrameMetric):
    """Squared error, summed over the pixels and channels of a frame.

    The mean over frames and samples of `frame_mse`. It is not the mean over
    pixels that `keras.metrics.MeanSquaredError` gives.

    Args:
        num_frames: Number of frames of the scored clips, for `curve`.
        clip: Whether predictions are clipped to [0, 1] first.
        name: Name of the metric.
        dtype: Type of the sums.

    Example:
        >>> metric = MSE()
        >>> metric.update_state(
        ...     np.zeros((1, 2, 8, 8, 1)), np.full((1, 2, 8, 8, 1), 0.5)
        ... )
        >>> float(metric.result())
        16.0
    """

    def __init__(self, num_frames=None, clip=True, name="mse", dtype=None):
        super().__init__(num_frames, clip, name=name, dtype=dtype)

    def frame_scores(self, y_true, y_pred):
        """Give the squared error of every frame, (batch, time)."""
        return frame_mse(y_true, y_pred, self.clip)


@keras.saving.register_keras_serializable(package="msrnn_keras")
class MAE(FrameMetric):
    """Absolute error, summed over the pixels and channels of a frame.

    The mean over frames and samples of `frame_mae`. It is not the mean over
    pixels that `keras.metrics.MeanAbsoluteError` gives.

    Args:
        num_frames: Number of frames of the scored clips, for `curve`.
        clip: Whether predictions are clipped to [0, 1] first.
        name: Name of the metric.
        dtype: Type of the sums.
    """

    def __init__(self, num_frames=None, clip=True, name="mae", dtype=None):
        super().__init__(num_frames, clip, name=name, dtype=dtype)

    def frame_scores(self, y_true, y_pred):
        """Give the absolute error of every frame, (batch, time)."""
        return frame_mae(y_true, y_pred, self.clip)


@keras.saving.register_keras_serializable(package="msrnn_keras")
class PSNR(FrameMetric):
    """Peak signal-to-noise ratio in dB, at most 100 for each frame.

    The mean over frames and samples of `frame_psnr`.

    Args:
        num_frames: Number of frames of the scored clips, for `curve`.
        clip: Whether predictions are clipped to [0, 1] first.
        name: Name of the metric.
        dtype: Type of the sums.
    """

    def __init__(self, num_frames=None, clip=True, name="psnr", dtype=None):
        super().__init__(num_frames, clip, name=name, dtype=dtype)

    def frame_scores(self, y_true, y_pred):
        """Give the PSNR of every frame, (batch, time)."""
        return frame_psnr(y_true, y_pred, self.clip)


@keras.saving.register_keras_serializable(package="msrnn_keras")
class SSIM(FrameMetric):
    """Structural similarity with a Gaussian window of 11 x 11 pixels.

    The mean over frames and samples of `frame_ssim`. Windows that touch a
    missing pixel are left out.

    Args:
        num_frames: Number of frames of the scored clips, for `curve`.
        clip: Whether predictions are clipped to [0, 1] first.
        name: Name of the metric.
        dtype: Type of the sums.
    """

    def __init__(self, num_frames=None, clip=True, name="ssim", dtype=None):
        super().__init__(num_frames, clip, name=name, dtype=dtype)

    def frame_scores(self, y_true, y_pred):
        """Give the SSIM of every frame, (batch, time)."""
        return frame_ssim(y_true, y_pred, self.clip)

    def scored_frames(self, y_true):
        """Tell which frames have a window without a missing pixel."""
        valid = 1.0 - ops.cast(ops.isnan(y_true), "float32")
        return ops.any(_whole_windows(valid), axis=_PIXELS)
