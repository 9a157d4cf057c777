"""Forecasts that move the last frame along its own motion."""

import contextlib
import io

import numpy as np

from msrnn_keras.baselines.base import Baseline, without_gaps
from msrnn_keras.utils.checks import check_positive


class OpticalFlow(Baseline):
    """Moves the last frame on along the motion of the last frames.

    The motion is the dense Lucas-Kanade field of `pysteps`, of the mean over
    the channels; each channel is then moved along it by its semi-Lagrangian
    extrapolation. Where no motion is found (empty frames, or one frame
    alone), nothing moves. So the prediction of the second frame is the first;
    every later one uses the frames before it.

    Motion is not looked for where a pixel is missing (NaN); such pixels, and
    those that come in over the border, get the value `fill`.

    It takes one field of motion for each of the context's frames but one, so
    `predict_all`, with the predictions of the past frames, takes longer than
    `predict`.

    Args:
        context: Number of input frames.
        horizon: Number of forecast frames.
        fill: Number in [0, 1], the value of what is not known.
        flow_frames: Number of frames, the last ones, the motion is taken
            from; 2 at least.
        name: Name shown in tables.

    Raises:
        ValueError: If `context` or `horizon` is not a positive integer or
            `flow_frames` is not one above 1.
        ImportError: If `pysteps` is not installed.

    Example:
        >>> baseline = OpticalFlow(context=10, horizon=5)
        >>> baseline.predict(np.zeros((1, 10, 64, 64, 1))).shape
        (1, 5, 64, 64, 1)

    Reference:
        Pulkkinen et al., "Pysteps: an open-source Python library for
        probabilistic precipitation nowcasting", Geoscientific Model
        Development, 2019.
    """

    def __init__(
        self,
        context,
        horizon,
        fill=0.0,
        flow_frames=3,
        name="optical flow",
    ):
        super().__init__(context, horizon, name)
        check_positive("flow_frames", flow_frames)
        if flow_frames < 2:
            raise ValueError(
                "Motion takes two frames at least. "
                f"Received: flow_frames={flow_frames}"
            )
        self.fill = fill
        self.flow_frames = flow_frames
        self._motion, self._extrapolate = _pysteps()

    def _warm_up(self, frames):
        clips = [
            [
                self._move(clip[: time + 1], 1)[0]
                for time in range(len(clip) - 1)
            ]
            for clip in frames
        ]
        moved = np.reshape(clips, frames[:, 1:].shape)
        return moved.astype(frames.dtype)

    def _ahead(self, frames, horizon):
        moved = np.stack([self._move(clip, horizon) for clip in frames])
        return moved.astype(frames.dtype)

    def _move(self, clip, steps):
        """Move the last frame of a clip on, by all the frames given."""
        last = without_gaps(clip[-1], self.fill)
        field = self._field(clip[-self.flow_frames :].mean(axis=-1))
        if not field.any():
            return np.repeat(last[None], steps, axis=0)
        channels = [
            self._extrapolate(channel, field, steps, outval=self.fill)
            for channel in np.moveaxis(last, -1, 0)
        ]
        return np.stack(channels, axis=-1)

    def _field(self, images):
        """Give the motion (2, height, width) of images, zero if none."""
        if len(images) < 2 or all(_is_flat(image) for image in images):
            return np.zeros((2, *images.shape[1:]))
        return self._motion(images)


def _is_flat(image):
    """Tell whether an image has nothing in it that could move."""
    valid = image[~np.isnan(image)]
    return valid.size == 0 or valid.min() == valid.max()


def _pysteps():
    """Give the functions for the motion and for moving along it."""
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # it greets
            import cv2  # noqa: F401  pysteps misses it only when it is used
            from pysteps import extrapolation, motion
    except ImportError as error:
        raise ImportError(
            "Optical flow needs pysteps and OpenCV: "
            'pip install "msrnn-keras[radar]". '
            f"Received: {error}"
        ) from error
    return motion.get_method("LK"), extrapolation.get_method("semilagrangian")
