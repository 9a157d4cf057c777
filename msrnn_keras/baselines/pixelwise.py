"""Forecasts of each pixel by itself."""

import numpy as np

from msrnn_keras.baselines.base import Baseline, fill_missing


class Persistence(Baseline):
    """Predict that the last frame stays as it is, and 0 for missing pixels.

    Arguments are those of `Baseline`.

    Example:
        >>> future = Persistence(context=10, horizon=5).predict(past)
    """

    name = "persistence"

    def _warm_up(self, frames):
        return fill_missing(frames[:, :-1])

    def _ahead(self, frames, horizon):
        return np.repeat(fill_missing(frames[:, -1:]), horizon, axis=1)


class Zeros(Baseline):
    """Predict zero everywhere. Arguments are those of `Baseline`."""

    name = "all black"

    def _warm_up(self, frames):
        return np.zeros_like(frames[:, 1:])

    def _ahead(self, frames, horizon):
        shape = (len(frames), horizon, *frames.shape[2:])
        return np.zeros(shape, frames.dtype)


class LinearExtrapolation(Baseline):
    """Predict that each pixel continues its last change.

    From the last two frames x and y, prediction k is y + k (y - x), clipped to
    [0, 1], or y if x is unknown. A missing pixel (NaN) and its changes count as
    zero. Arguments are those of `Baseline`.

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
