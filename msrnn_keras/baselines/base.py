"""What the baselines share: the face of a model, and the checks."""

import numpy as np

from msrnn_keras.utils.checks import check_positive, filled


class Baseline:
    """A forecast that needs no training; the base class.

    A subclass gives `_warm_up(frames)`, its predictions of the frames
    1 … time - 1, each from those before it, and `_ahead(frames, horizon)`,
    those of the frames after. Frames may hold NaN, predictions not.

    Args:
        context: Number of input frames.
        horizon: Number of forecast frames.
        name: Name shown in tables.

    Raises:
        ValueError: If `context` or `horizon` is not a positive integer.
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
            past: Frames, (batch, time, height, width, channels), in [0, 1],
                NaN for missing pixels. Those after the first `context` are
                ignored.
            batch_size: Ignored; there for models' sake.
            verbose: Ignored; there for models' sake.

        Returns:
            A numpy array (batch, horizon, height, width, channels).

        Raises:
            ValueError: If `past` is not of rank 5.
        """
        past = _check_frames(past)[:, : self.context]
        return self._ahead(past, self.horizon)

    def predict_all(self, frames, batch_size=None, verbose=0):
        """Give every prediction: those of the context, then the forecast.

        Args:
            frames: Frames, (batch, time, height, width, channels), in [0, 1],
                NaN for missing pixels. Those after the first `context` are
                ignored.
            batch_size: Ignored; there for models' sake.
            verbose: Ignored; there for models' sake.

        Returns:
            A numpy array (batch, context + horizon - 1, height, width,
            channels); prediction t is of frame t + 1.

        Raises:
            ValueError: If `frames` is not of rank 5.
        """
        frames = _check_frames(frames)[:, : self.context]
        ahead = self._ahead(frames, self.horizon)
        return np.concatenate([self._warm_up(frames), ahead], axis=1)

    def forecast(self, frames, horizon=None, batch_size=None, verbose=0):
        """Forecast as far as asked, from all the frames given.

        Args:
            frames: Frames, (batch, time, height, width, channels), in [0, 1],
                NaN for missing pixels.
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
        return self._ahead(_check_frames(frames), horizon)

    def _warm_up(self, frames):
        raise NotImplementedError

    def _ahead(self, frames, horizon):
        raise NotImplementedError


def without_gaps(frames, fill=0):
    """Give frames with a number where a pixel is missing.

    Args:
        frames: Array of frames. NaN means a missing pixel.
        fill: The number.

    Returns:
        An array of the same shape and type.
    """
    return np.where(np.isnan(frames), fill, frames).astype(frames.dtype)


def _check_frames(frames):
    frames = np.asarray(filled(frames))
    if frames.ndim != 5 or frames.shape[1] < 1:
        raise ValueError(
            "Frames must have the shape (batch, time, height, width, "
            "channels) with one frame at least. "
            f"Received: shape {frames.shape}"
        )
    return frames
