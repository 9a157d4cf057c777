"""Forecasts that move the last frame along its motion."""

import contextlib
import io

import numpy as np

from msrnn_keras.baselines.base import Baseline, fill_missing
from msrnn_keras.utils.checks import check_positive


class OpticalFlow(Baseline):
    """Move the last frame along the motion of the last frames.

    The dense Lucas-Kanade field of `pysteps`, of the mean over channels, moves
    each channel by semi-Lagrangian extrapolation. Without motion (empty frames,
    or a single frame) the last frame stays. Missing pixels (NaN), and those
    that enter at the border, get the value `fill`. `predict_all` is slow: it
    estimates a motion field for each frame.

    Args:
        context, horizon, name: As in `Baseline`.
        fill: Number in [0, 1], the value of unknown pixels.
        flow_frames: Integer, at least 2: last frames that give the motion.

    Raises:
        ImportError: If `pysteps` or OpenCV is not installed.

    Reference: Pulkkinen et al., "Pysteps", Geosci. Model Dev., 2019.
    """

    name = "optical flow"

    def __init__(self, context, horizon, fill=0.0, flow_frames=3, name=None):
        super().__init__(context, horizon, name)
        check_positive("flow_frames", flow_frames)
        if flow_frames < 2:
            raise ValueError(
                "Motion needs at least two frames. "
                f"Received: flow_frames={flow_frames}"
            )
        self.fill, self.flow_frames = fill, flow_frames
        self._motion, self._extrapolate = _pysteps()

    def _warm_up(self, frames):
        moved = [
            [self._move(clip[:time], 1)[0] for time in range(1, len(clip))]
            for clip in frames
        ]
        moved = np.reshape(moved, frames[:, 1:].shape)
        return moved.astype(frames.dtype)

    def _ahead(self, frames, horizon):
        moved = np.stack([self._move(clip, horizon) for clip in frames])
        return moved.astype(frames.dtype)

    def _move(self, clip, steps):
        last = fill_missing(clip[-1], self.fill)
        field = self._field(clip[-self.flow_frames :].mean(axis=-1))
        if not field.any():
            return np.repeat(last[None], steps, axis=0)
        channels = [
            self._extrapolate(channel, field, steps, outval=self.fill)
            for channel in np.moveaxis(last, -1, 0)
        ]
        return np.stack(channels, axis=-1)

    def _field(self, images):
        """Return the motion (2, height, width) of images, zero if none."""
        if len(images) < 2 or all(_is_flat(image) for image in images):
            return np.zeros((2, *images.shape[1:]))
        return self._motion(images)


def _is_flat(image):
    valid = image[~np.isnan(image)]
    return valid.size == 0 or valid.min() == valid.max()


def _pysteps():
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # pysteps prints
            import cv2  # noqa: F401  pysteps only needs it when called
            from pysteps import extrapolation, motion
    except ImportError as error:
        raise ImportError(
            "Optical flow needs pysteps and OpenCV: "
            'pip install "msrnn-keras[radar]". '
            f"Received: {error}"
        ) from error
    return motion.get_method("LK"), extrapolation.get_method("semilagrangian")
