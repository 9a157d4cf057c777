"""Forecasts in which nothing moves."""

import numpy as np

from msrnn_keras.baselines.base import Baseline, without_gaps


class Persistence(Baseline):
    """Predicts that the last frame seen stays as it is.

    A missing pixel (NaN) is predicted as 0: black, no rain.

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

    def _warm_up(self, frames):
        return without_gaps(frames[:, :-1])

    def _ahead(self, frames, horizon):
        return np.repeat(without_gaps(frames[:, -1:]), horizon, axis=1)


class Zeros(Baseline):
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

    def _warm_up(self, frames):
        return np.zeros_like(frames[:, 1:])

    def _ahead(self, frames, horizon):
        shape = (len(frames), horizon, *frames.shape[2:])
        return np.zeros(shape, frames.dtype)
