"""Forecasts brought up to date as frames arrive."""

import hashlib
import json
import pathlib

import keras
import numpy as np
from keras import ops

from msrnn_keras.backend.precision import at_least_float32
from msrnn_keras.models.clock import GAPS, Clock, as_interval, as_time, seconds
from msrnn_keras.utils import checks
from msrnn_keras.utils.checks import check_positive
from msrnn_keras.utils.files import check_folder, write_atomically

# Arguments of `MSStack` that change no step.
FREE = {
    "name",
    "image_shape",
    "context",
    "horizon",
    "sampling",
    "warmup",
    "remat",
}


class Stream:
    """Frames in one at a time, a forecast whenever one is wanted.

    Without a window, the states are kept between frames: each new frame costs
    one step, and a forecast equals `MSStack.forecast` of all frames so far.
    With a window of n frames these are kept instead: a new frame costs
    nothing, and a forecast equals `MSStack.forecast` of the last n frames.
    Models learn from a few frames. Some forecast worse and worse once their
    states have summed up hundreds of frames; these need a window.

    Times are optional. Frames with times must come in order, one interval
    apart, give or take less than half an interval.

    Args:
        model: `msrnn_keras.MSStack`.
        window: Integer, frames that a forecast depends on, or None for all.
        interval: As of `MSStack.stream`.
        gap: As of `MSStack.stream`.

    Raises:
        ValueError: If an argument is out of its range.

    Example:
    >>> stream = model.stream()
    >>> for frame in radar:  # (height, width, channels)
    ...     stream.update(frame)
    >>> stream.forecast(horizon=12).shape
    (12, 64, 64, 1)
    """

    def __init__(self, model, window=None, interval=None, gap="restart"):
        if window is not None:
            check_positive("window", window)
        if gap not in GAPS:
            raise ValueError(
                f"`gap` must be 'restart' or 'refuse'. Received: gap={gap!r}"
            )
        if interval is not None:
            interval = as_interval(interval)
        self.window = window
        self._model = model
        self._forecaster = model._forecaster
        self._missing = model.missing
        self._clock = Clock(interval, gap)
        self._shape = None
        self._restart()

    def __len__(self):
        """Number of frames since the start, or since the last gap."""
        return self._count

    def update(self, frame, time=None):
        """Take in the newest frame.

        An error leaves the stream as it was.

        Args:
            frame: Array of floats, `(height, width, channels)` or, for
                several streams side by side, `(batch, height, width,
                channels)`. All frames of a stream have one shape.
            time: `datetime.datetime` or `numpy.datetime64`, when the frame
                was; without a time zone, UTC. None in a stream without times.

        Returns:
            The stream itself.

        Raises:
            ValueError: If the frame has a wrong or another shape, NaN or inf,
                or leaves the model's range; if it is late, repeated or early,
                or comes after a gap and `gap` is `"refuse"`; if some frames
                only have a time.
            TypeError: If it is not floating-point, or `time` is not a time.
        """
        # A copy: the caller may write over the original.
        frame = np.array(checks.filled(frame))
        self._check_shape(frame)
        batch = frame if frame.ndim == 4 else frame[None]
        self._check(batch)
        clock, missed = self._clock.after(time)
        if missed:
            self._restart()
        if self.window is None:
            self._advance(batch)
        else:
            self._frames = [*self._frames, batch][-self.window :]
        self._count += 1
        self._clock, self._shape = clock, frame.shape
        return self

    def forecast(self, horizon):
        """Forecast from the frames so far; the stream stays where it is.

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
        self._check_started("A forecast")
        if self.window is None:
            forecast = self._go_on(horizon)
        else:
            past = np.stack(self._frames, axis=1)
            forecast = self._model.forecast(past, horizon)
        return forecast if len(self._shape) == 4 else forecast[0]

    def save(self, path):
        """Write the stream to a file, whole or not at all.

        `MSStack.load_stream` goes on with it. On the same backend its
        forecasts are the same to the bit.

        Args:
            path: Path of the file, in the format of `numpy.savez`.

        Raises:
            RuntimeError: If there was no frame yet.
            FileNotFoundError: If the folder does not exist.
        """
        self._check_started("A file")
        check_folder(path)
        clock = self._clock
        record = {
            "model": _config(self._model),
            "weights": _hash_of_weights(self._model),
            "shape": self._shape,
            "count": self._count,
            "window": self.window,
            "gap": clock.gap,
            "interval": clock.interval and seconds(clock.interval),
            "last": None if clock.last is None else str(clock.last),
        }
        arrays = list(map(_array, self._frames or [self._next, *self._states]))
        # PyTorch computes other last digits from another order in memory.
        orders = [np.argsort(x.strides, kind="stable")[::-1] for x in arrays]
        record["orders"] = [order.tolist() for order in orders]
        arrays = {
            f"array_{i}": x.transpose(order)
            for i, (x, order) in enumerate(zip(arrays, orders, strict=True))
        }

        def write(path):
            with open(path, "wb") as file:
                np.savez(file, stream=json.dumps(record), **arrays)

        write_atomically(path, write)

    def _restart(self):
        """Forget all frames."""
        self._count = 0
        self._frames = []
        self._next = self._states = None

    def _advance(self, batch):
        """Bring the states up to date, without a window."""
        if self._states is None:
            size = (len(batch), batch.shape[1:3])
            self._states = self._forecaster.start(*size)
        self._forecaster.refresh()
        self._next, self._states = self._forecaster.advance(batch, self._states)

    def _go_on(self, horizon):
        """The forecast from the states, with the batch dimension."""
        self._forecaster.refresh()
        frame, states = self._next, self._states
        frames = [frame]
        for _ in range(horizon - 1):
            frame, states = self._forecaster.advance(frame, states)
            frames.append(frame)
        arrays = [ops.convert_to_numpy(frame) for frame in frames]
        dtype = self._forecaster.cell.variable_dtype
        return np.stack(arrays, axis=1).astype(dtype)

    def _check_started(self, what):
        if not self._count:
            raise RuntimeError(
                f"{what} needs a frame: call update(frame) first. "
                "Received: 0 frames"
            )

    def _check_shape(self, frame):
        if frame.ndim not in (3, 4):
            raise ValueError(
                "A frame must be (height, width, channels), with or without a "
                f"batch dimension in front. Received: shape={frame.shape}"
            )
        if self._shape is not None and frame.shape != self._shape:
            raise ValueError(
                f"Every frame of a stream must have the same shape, "
                f"{self._shape}. Received: shape={frame.shape}"
            )

    def _check(self, batch):
        checks.check_frames(
            batch[:, None], self._forecaster.cell.filters, "frame"
        )
        limits, holes = self._forecaster.limits, self._missing is not None
        checks.check_values(batch, "frame", limits, holes)


def load_stream(model, path):
    """Read a stream that `Stream.save` wrote.

    Args:
        model: `msrnn_keras.MSStack`, the one of the stream or its twin.
        path: Path of the file.

    Returns:
        `Stream`.

    Raises:
        ValueError: If the file is none of a stream, or of a stream of another
            model or other weights.
        FileNotFoundError: If there is no such file.
    """
    record, arrays = _read(path)
    config = _config(model)
    other = [
        name
        for name in sorted({*config, *record["model"]})
        if config.get(name) != record["model"].get(name)
    ]
    if other or record["weights"] != _hash_of_weights(model):
        what = ", ".join(other) or "the weights"
        raise ValueError(
            "The stream was saved from another model: they differ in "
            f"{what}. Load that model first. Received: {str(path)!r}"
        )
    interval, gap = record["interval"], record["gap"]
    stream = Stream(model, record["window"], interval, gap)
    stream._shape, stream._count = tuple(record["shape"]), record["count"]
    last = record["last"] and as_time(np.datetime64(record["last"]))
    stream._clock = stream._clock._replace(last=last, started=True)
    if stream.window is not None:
        stream._frames = arrays
        return stream
    types = [x.dtype for x in model._forecaster.cell.model.inputs]
    stream._next, *stream._states = [
        ops.convert_to_tensor(x, dtype=dtype)
        for x, dtype in zip(arrays, types, strict=True)
    ]
    return stream


def _read(path):
    """The record and the list of arrays of a file."""
    if not pathlib.Path(path).is_file():
        raise FileNotFoundError(
            f"There is no such file. Received: {str(path)!r}"
        )
    try:
        with np.load(path, allow_pickle=False) as file:
            record = json.loads(file["stream"].item())
            arrays = [
                file[f"array_{i}"].transpose(np.argsort(order))
                for i, order in enumerate(record["orders"])
            ]
            return record, arrays
    except Exception as error:
        raise ValueError(
            f"The file cannot be read as a stream ({error}). "
            f"Received: {str(path)!r}"
        ) from error


def _config(model):
    """The arguments that a step of a model depends on, as JSON has them."""
    config = keras.saving.serialize_keras_object(
        {k: v for k, v in model.get_config().items() if k not in FREE}
    )
    return json.loads(json.dumps(config, default=str))


def _hash_of_weights(model):
    """SHA-256 of the variables of a model's step, in order."""
    digest = hashlib.sha256()
    for variable in model._forecaster.cell.model.variables:
        digest.update(_array(variable).tobytes())
    return digest.hexdigest()


def _array(tensor):
    """A tensor as an array that a file can hold, without loss."""
    if not isinstance(tensor, np.ndarray):
        tensor = ops.cast(tensor, at_least_float32(tensor))
    return ops.convert_to_numpy(tensor)
