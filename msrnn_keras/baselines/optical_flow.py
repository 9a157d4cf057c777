"""Forecasts that move the last frame along its motion."""

import numpy as np

from msrnn_keras.baselines.base import Baseline, fill_missing
from msrnn_keras.utils import motion
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
        motion.check_installed()

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
        field = motion.motion_field(clip[-self.flow_frames :].mean(axis=-1))
        last = fill_missing(clip[-1], self.fill)
        moved = motion.advect(last, field, range(1, steps + 1))
        return fill_missing(moved, self.fill)
