"""Forecasts without motion."""

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
