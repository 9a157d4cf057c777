"""Base class of the baselines."""

import numpy as np
import numpy.typing as npt

from msrnn_keras.utils.checks import check_positive, filled
from msrnn_keras.utils.typing import Verbose


class Baseline:
    """A forecast that needs no training; the base class.

    A subclass defines `_warm_up(frames)`, the predictions of frames 1 …
    time - 1, and `_ahead(frames, horizon)`, those of the frames after. The
    frames may contain NaN, the predictions must not.

    Args:
        context, horizon: Integers, numbers of input and forecast frames.
        name: String, name in tables; None means that of the class.

    Raises:
        ValueError: If `context` or `horizon` is not a positive integer.
    """

    name = None

    def __init__(
        self, context: int, horizon: int, name: str | None = None
    ) -> None:
        self.context = check_positive("context", context)
        self.horizon = check_positive("horizon", horizon)
        self.name = name or self.name

    def predict(
        self,
        past: npt.ArrayLike,
        batch_size: int | None = None,
        verbose: Verbose = 0,
    ) -> np.ndarray:
        """Forecast the frames after the context.

        Args:
            past: Frames (batch, time, height, width, channels) in [0, 1], NaN
                if missing. Frames after the first `context` are ignored.
            batch_size: Ignored, as is the next; models have these arguments.
            verbose: Ignored.

        Returns:
            A NumPy array (batch, horizon, height, width, channels).
        """
        past = _check_frames(past)[:, : self.context]
        return self._ahead(past, self.horizon)

    def predict_all(
        self,
        frames: npt.ArrayLike,
        batch_size: int | None = None,
        verbose: Verbose = 0,
    ) -> np.ndarray:
        """Predict the context frames but the first, and the forecast."""
        frames = _check_frames(frames)[:, : self.context]
        ahead = self._ahead(frames, self.horizon)
        return np.concatenate([self._warm_up(frames), ahead], axis=1)

    def forecast(
        self,
        frames: npt.ArrayLike,
        horizon: int | None = None,
        batch_size: int | None = None,
        verbose: Verbose = 0,
    ) -> np.ndarray:
        """Forecast any number of frames after all given frames."""
        horizon = self.horizon if horizon is None else horizon
        horizon = check_positive("horizon", horizon)
        return self._ahead(_check_frames(frames), horizon)


def fill_missing(frames, value=0):
    """Return the frames with a value in place of NaN."""
    return np.where(np.isnan(frames), value, frames).astype(frames.dtype)


def _check_frames(frames):
    frames = np.asarray(filled(frames))
    if frames.ndim != 5 or frames.shape[1] < 1:
        raise ValueError(
            "Frames must have the shape (batch, time, height, width, "
            "channels), with at least one frame. "
            f"Received: shape {frames.shape}"
        )
    return frames
