"""Forecasts that extrapolate the change of each pixel."""

import numpy as np

from msrnn_keras.baselines.base import Baseline, fill_missing


class LinearExtrapolation(Baseline):
    """Predict that each pixel continues its last change.

    From the last two frames x and y, prediction k is y + k (y - x), clipped
    to [0, 1]. With one known frame, it predicts that frame. A missing pixel
    (NaN) counts as 0, and its changes before and after count as zero.
    Arguments are those of `Baseline`.

    Example:
        >>> past = np.array([0.1, 0.2]).reshape(1, 2, 1, 1, 1)
        >>> LinearExtrapolation(2, horizon=3).predict(past)  # 0.3, 0.4, 0.5
    """

    name = "linear extrapolation"

    def _warm_up(self, frames):
        frames, change = _trend(frames[:, :-1])
        return np.clip(frames + change, 0, 1)

    def _ahead(self, frames, horizon):
        frames, change = _trend(frames[:, -2:])
        steps = np.arange(1, horizon + 1, dtype=frames.dtype)
        steps = steps.reshape(1, -1, 1, 1, 1)
        return np.clip(frames[:, -1:] + steps * change[:, -1:], 0, 1)


def _trend(frames):
    """Return the frames and the change before each, zero where unknown."""
    if not np.issubdtype(frames.dtype, np.floating):
        frames = frames.astype("float32")
    change = np.diff(frames, axis=1, prepend=frames[:, :1])
    return fill_missing(frames), fill_missing(change)
