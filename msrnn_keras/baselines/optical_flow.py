"""Forecasts that move the last frame along its motion."""

import numpy as np

from msrnn_keras.baselines.base import Baseline, fill_missing
from msrnn_keras.utils import motion
from msrnn_keras.utils.checks import check_finite, check_positive


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

    def __init__(
        self,
        context: int,
        horizon: int,
        fill: float = 0.0,
        flow_frames: int = 3,
        name: str | None = None,
    ) -> None:
        super().__init__(context, horizon, name)
        flow_frames = check_positive("flow_frames", flow_frames)
        if flow_frames < 2:
            raise ValueError(
                "Motion needs at least two frames. "
                f"Received: flow_frames={flow_frames}"
            )
        self.fill = check_finite("fill", fill)
        self.flow_frames = flow_frames
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
        return fill_missing(self._smooth(moved), self.fill)

    def _smooth(self, moved):
        return moved


class SmoothedFlow(OpticalFlow):
    """Blur and weaken the optical flow: what it is not sure of, it smooths.

    A forecast of a lower squared error than the flow, of light rain alone.

    Args:
        context, horizon, fill, flow_frames, name: As in `OpticalFlow`.
        blur: Number, 0 or more, standard deviation of the Gaussian blur in
            pixels per lead time.
        factor: Number, multiplies the frames.

    Raises:
        ImportError: If `pysteps` or OpenCV is not installed.
        ValueError: If an argument is out of its range.

    Example:
        >>> future = SmoothedFlow(6, 12, blur=0.2).predict(past)
    """

    name = "smoothed flow"

    def __init__(
        self,
        context: int,
        horizon: int,
        fill: float = 0.0,
        flow_frames: int = 3,
        blur: float = 0.25,
        factor: float = 0.85,
        name: str | None = None,
    ) -> None:
        super().__init__(context, horizon, fill, flow_frames, name)
        self.blur = check_finite("blur", blur)
        self.factor = check_finite("factor", factor)
        if blur < 0:
            raise ValueError(f"`blur` must be 0 or more. Received: blur={blur}")

    def _smooth(self, moved):
        return self.factor * motion.blurred(moved, self.blur)
