"""Forecasts brought up to date as frames arrive."""

import numpy as np
from keras import ops

from msrnn_keras import checks
from msrnn_keras.checks import check_positive


class Stream:
    """Frames in one at a time, a forecast whenever one is wanted.

    The states are kept between frames, so that each new frame costs one
    step. The forecast equals that of `MSStack.forecast` on all frames so far.

    Args:
        forecaster: `msrnn_keras.forecasting.Forecaster` of the stack.
        missing: String or None, as of `MSStack`.

    Example:
    >>> stream = model.stream()
    >>> for frame in radar:  # (height, width, channels)
    ...     stream.update(frame)
    >>> stream.forecast(horizon=12).shape
    (12, 64, 64, 1)
    """

    def __init__(self, forecaster, missing=None):
        self._forecaster = forecaster
        self._missing = missing
        self._shape = None
        self._states = None
        self._next = None

    def update(self, frame):
        """Take in the newest frame.

        Args:
            frame: Array of floats, `(height, width, channels)` or, for
                several streams side by side, `(batch, height, width,
                channels)`. All frames of a stream have one shape.

        Returns:
            The stream itself.

        Raises:
            ValueError: If the frame has a wrong or another shape, NaN or inf,
                or leaves the model's range.
            TypeError: If it is not floating-point.
        """
        frame = np.asarray(checks.filled(frame))
        if self._shape is None:
            self._start(frame)
        if frame.shape != self._shape:
            raise ValueError(
                f"Every frame of a stream must have the same shape, "
                f"{self._shape}. Received: shape={frame.shape}"
            )
        batch = frame if frame.ndim == 4 else frame[None]
        self._check(batch)
        self._next, self._states = self._forecaster.advance(batch, self._states)
        return self

    def forecast(self, horizon):
        """Forecast from all frames so far; the stream stays where it is.

        Args:
            horizon: Integer, frames to forecast.

        Returns:
            Array `(horizon, height, width, channels)`, with the batch
            dimension in front where the frames had one.

        Raises:
            ValueError: If `horizon` is not positive.
            RuntimeError: If there was no frame yet.
        """
        check_positive("horizon", horizon)
        if self._next is None:
            raise RuntimeError(
                "A forecast needs a frame: call update(frame) first. "
                "Received: 0 frames"
            )
        frame, states = self._next, self._states
        frames = [frame]
        for _ in range(horizon - 1):
            frame, states = self._forecaster.advance(frame, states)
            frames.append(frame)
        arrays = [ops.convert_to_numpy(frame) for frame in frames]
        dtype = self._forecaster.cell.variable_dtype
        forecast = np.stack(arrays, axis=1).astype(dtype)
        return forecast if len(self._shape) == 4 else forecast[0]

    def _start(self, frame):
        if frame.ndim not in (3, 4):
            raise ValueError(
                "A frame must be (height, width, channels), with or without a "
                f"batch dimension in front. Received: shape={frame.shape}"
            )
        batch = frame if frame.ndim == 4 else frame[None]
        self._check(batch)
        self._states = self._forecaster.start(len(batch), batch.shape[1:3])
        self._shape = frame.shape

    def _check(self, batch):
        checks.check_frames(
            batch[:, None], self._forecaster.cell.filters, "frame"
        )
        limits, holes = self._forecaster.limits, self._missing is not None
        checks.check_values(batch, "frame", limits, holes)
