"""Forecasts that continue what each pixel did."""

import numpy as np

from msrnn_keras.baselines.base import Baseline, without_gaps


class LinearExtrapolation(Baseline):
    """Predicts that each pixel goes on changing as it did last.

    From the last two frames x and y, prediction k is y + k (y - x), clipped
    to [0, 1]. That of the second frame, of which one frame is known, is the
    first. A missing pixel (NaN) is taken as 0, and as unchanged in the
    interval before and after.

    Args:
        context: Number of input frames.
        horizon: Number of forecast frames.
        name: Name shown in tables.

    Raises:
        ValueError: If `context` or `horizon` is not a positive integer.

    Example:
        >>> past = np.array([0.1, 0.2]).reshape(1, 2, 1, 1, 1)
        >>> baseline = LinearExtrapolation(context=2, horizon=3)
        >>> baseline.predict(past).ravel().round(6).tolist()
        [0.3, 0.4, 0.5]
    """

    def __init__(self, context, horizon, name="linear extrapolation"):
        super().__init__(context, horizon, name)

    def _warm_up(self, frames):
        frames, change = _trend(frames[:, :-1])
        return np.clip(frames + change, 0, 1)

    def _ahead(self, frames, horizon):
        frames, change = _trend(frames[:, -2:])
        steps = np.arange(1, horizon + 1, dtype=frames.dtype)
        steps = steps.reshape(1, -1, 1, 1, 1)
        return np.clip(frames[:, -1:] + steps * change[:, -1:], 0, 1)


def _trend(frames):
    """Give frames and the change that led to each, zero where unknown."""
    if not np.issubdtype(frames.dtype, np.floating):
        frames = frames.astype("float32")
    change = np.diff(frames, axis=1, prepend=frames[:, :1])
    return without_gaps(frames), without_gaps(change)
