"""Forecasts that need no training, to measure models against."""

import numpy as np

from msrnn_keras.checks import check_positive


class _Baseline:
    """What the baselines share: the face of a model, and the checks.

    A subclass gives `_continue(frames, horizon)`, its predictions of the
    frames 1 … time + horizon - 1.
    """

    def __init__(self, context, horizon, name):
        for key, value in (("context", context), ("horizon", horizon)):
            check_positive(key, value)
        self.context = context
        self.horizon = horizon
        self.name = name

    def predict(self, past, batch_size=None, verbose=0):
        """Forecast the frames after the context.

        Args:
            past: Frames, (batch, time, height, width, channels). Those after
                the first `context` are ignored.
            batch_size: Ignored; there for models' sake.
            verbose: Ignored; there for models' sake.

        Returns:
            A numpy array (batch, horizon, height, width, channels).

        Raises:
            ValueError: If `past` is not of rank 5.
        """
        return self.rollout(past)[:, -self.horizon :]

    def rollout(self, frames, batch_size=None, verbose=0):
        """Give every prediction: those of the context, then the forecast.

        Args:
            frames: Frames, (batch, time, height, width, channels). Those
                after the first `context` are ignored.
            batch_size: Ignored; there for models' sake.
            verbose: Ignored; there for models' sake.

        Returns:
            A numpy array (batch, context + horizon - 1, height, width,
            channels); prediction t is of frame t + 1.

        Raises:
            ValueError: If `frames` is not of rank 5.
        """
        frames = _check_frames(frames)[:, : self.context]
        return self._continue(frames, self.horizon)

    def forecast(self, frames, horizon=None, batch_size=None, verbose=0):
        """Forecast as far as asked, from all the frames given.

        Args:
            frames: Frames, (batch, time, height, width, channels).
            horizon: Number of frames to forecast; None means `self.horizon`.
            batch_size: Ignored; there for models' sake.
            verbose: Ignored; there for models' sake.

        Returns:
            A numpy array (batch, horizon, height, width, channels).

        Raises:
            ValueError: If `frames` is not of rank 5 or `horizon` is not a
                positive integer.
        """
        horizon = self.horizon if horizon is None else horizon
        check_positive("horizon", horizon)
        return self._continue(_check_frames(frames), horizon)[:, -horizon:]

    def _continue(self, frames, horizon):
        raise NotImplementedError


class Persistence(_Baseline):
    """Predicts that the last frame seen stays as it is.

    Args:
        context: Number of input frames.
        horizon: Number of forecast frames.
        name: Name shown in tables.

    Raises:
        ValueError: If `context` or `horizon` is not a positive integer.

    Example:
        >>> baseline = Persistence(context=10, horizon=5)
        >>> baseline.predict(np.zeros((2, 10, 64, 64, 1))).shape
        (2, 5, 64, 64, 1)
    """

    def __init__(self, context, horizon, name="persistence"):
        super().__init__(context, horizon, name)

    def _continue(self, frames, horizon):
        still = np.repeat(frames[:, -1:], horizon - 1, axis=1)
        return np.concatenate([frames, still], axis=1)


class AllBlack(_Baseline):
    """Predicts zero everywhere.

    Args:
        context: Number of input frames.
        horizon: Number of forecast frames.
        name: Name shown in tables.

    Raises:
        ValueError: If `context` or `horizon` is not a positive integer.
    """

    def __init__(self, context, horizon, name="all black"):
        super().__init__(context, horizon, name)

    def _continue(self, frames, horizon):
        batch, time, *image_shape = frames.shape
        shape = (batch, time + horizon - 1, *image_shape)
        return np.zeros(shape, frames.dtype)


def _check_frames(frames):
    frames = np.asarray(frames)
    if frames.ndim != 5 or frames.shape[1] < 1:
        raise ValueError(
            "Frames must have the shape (batch, time, height, width, "
            "channels) with one frame at least. "
            f"Received: shape {frames.shape}"
        )
    return frames
