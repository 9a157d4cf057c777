"""Streams: forecasts that are updated as frames arrive."""

import datetime
import hashlib
import json
import pathlib
from collections.abc import Sequence
from typing import Any, Literal, Self

import keras
import numpy as np
import numpy.typing as npt
from keras import ops

from msrnn_keras.backend.precision import at_least_float32
from msrnn_keras.models.clock import GAPS, Clock, as_interval, as_time, seconds
from msrnn_keras.models.step_inputs import (
    StepInputs,
    check_covariates,
    check_members,
)
from msrnn_keras.utils import checks
from msrnn_keras.utils.arguments import check_path
from msrnn_keras.utils.files import check_folder, write_atomically
from msrnn_keras.utils.typing import PathLike

# Arguments of a model that do not change its forecast.
FREE = set(
    "name image_shape context horizon sampling warmup remat members".split()
)


class Stream:
    """A model that takes frames one at a time and forecasts at any time.

    `Forecaster.stream` describes the arguments. The forecast equals
    `model.forecast` of all frames so far, at one step per new frame, or with a
    window of n frames that of the last n. Models without states need a window
    of `context` frames. So do some models with states, whose forecasts get
    worse after hundreds of frames. Frames with times must come in order, one
    interval apart, within less than half an interval.
    """

    def __init__(
        self,
        model: Any,
        window: int | None = None,
        interval: float | datetime.timedelta | np.timedelta64 | None = None,
        gap: Literal["restart", "refuse"] = "restart",
        members: int | None = None,
        seed: int = 0,
    ) -> None:
        if window is not None:
            window = checks.check_positive("window", window)
        if not model.has_states and window != model.context:
            raise ValueError(
                "This model has no states. Its window must be 'auto' or its "
                f"context, {model.context}. Received: window={window!r}"
            )
        if gap not in GAPS:
            raise ValueError(
                f"`gap` must be 'restart' or 'refuse'. Received: gap={gap!r}"
            )
        if interval is not None:
            interval = as_interval(interval)
        self.members, self.seed = check_members(members, seed, model.noise)
        self.window, self._model, self._shape = window, model, None
        self._clock = Clock(interval, gap)
        self._restart()

    def __len__(self) -> int:
        """Return the number of frames since the start or the last gap."""
        return self._count

    def update(
        self,
        frame: npt.ArrayLike,
        time: datetime.datetime | np.datetime64 | None = None,
        covariates: npt.ArrayLike | None = None,
    ) -> Self:
        """Add the newest frame. An error leaves the stream unchanged.

        Args:
            frame: Array of floats, `(height, width, channels)`, or with a batch
                dimension in front, of one shape in the whole stream.
            time: `datetime.datetime` or `numpy.datetime64`, in UTC if it has no
                time zone. None in a stream without times.
            covariates: Array like the frame, with the k channels that a model
                with covariates needs.

        Returns:
            The stream itself.

        Raises:
            ValueError: If the frame or its time does not fit the stream.
            TypeError: If it is not floating-point, or `time` is not a time.
        """
        # Copy it: the caller may overwrite the original.
        frame = np.array(checks.filled(frame, "frame"))
        batch = self._checked(frame)
        if np.ndim(covariates) == 4:
            covariates = covariates[:, None]
        known = self._known(covariates, batch[:, None], 1)
        clock, missed = self._clock.after(time)
        if missed:
            self._restart()
        if self.window is None:
            self._advance(batch, known)
        else:
            self._frames = [*self._frames, batch][-self.window :]
            self._past_known = [*self._past_known, known][-self.window :]
        self._count += 1
        self._clock, self._shape = clock, frame.shape
        return self

    def forecast(
        self, horizon: int, covariates: npt.ArrayLike | None = None
    ) -> np.ndarray:
        """Forecast `horizon` frames; this does not change the stream.

        Args:
            horizon: Integer, frames to forecast.
            covariates: Array `(horizon - 1, height, width, k)` of the steps
                after the newest frame, with the batch axis of the frames in
                front, if any; or `(height, width, k)` if static.

        Returns:
            Array `(horizon, height, width, channels)`, with the axes of the
            frames' batch and of members in front, if any.

        Raises:
            ValueError: If `horizon` is not positive or frames are too few.
            RuntimeError: If there was no frame yet.
        """
        horizon = checks.check_positive("horizon", horizon, checks.FRAMES)
        self._check_started("A forecast")
        *batch, height, width, channels = self._shape
        frames = np.empty((*(batch or [1]), 1, height, width, channels))
        if np.ndim(covariates) == 4:
            covariates = covariates[None]
        known = self._known(covariates, frames, horizon - 1)
        if self.window is None:
            forecast = self._go_on(horizon, known)
        else:
            past, options = np.stack(self._frames, axis=1), {}
            if self._model.covariates:
                known = np.concatenate([*self._past_known, known], axis=1)
                options["covariates"] = known
            options |= {"members": self.members, "seed": self.seed}
            forecast = self._model.forecast(past, horizon, **options)
        return forecast if len(self._shape) == 4 else forecast[0]

    def save(self, path: PathLike) -> None:
        """Write the stream to a file atomically, once it has a frame."""
        path = check_path("path", path)
        self._check_started("A file")
        check_folder(path)
        clock = self._clock
        record = {
            "model": _config(self._model),
            "weights": _hash_of_weights(self._model),
            "shape": self._shape,
            "count": self._count,
            "window": self.window,
            "members": self.members,
            "seed": self.seed,
            "gap": clock.gap,
            "interval": clock.interval and seconds(clock.interval),
            "last": None if clock.last is None else str(clock.last),
        }
        arrays = self._frames or [self._next, *self._states]
        if self._model.covariates:
            arrays = [*arrays, *self._past_known]
        arrays = list(map(_array, arrays))
        # On PyTorch the last digits depend on the order in memory.
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

    def export(
        self,
        path: PathLike,
        format: Literal[
            "tf_saved_model", "onnx", "litert", "torch"
        ] = "tf_saved_model",
        size: Sequence[int] | None = None,
        verbose: bool | None = None,
        **kwargs: Any,
    ) -> pathlib.Path:
        """Write one step of the model, with its states, as a file.

        The step is a function of a list, `[frame, *states]`, of models with
        covariates or noise `[frame, covariates, noise, *states]`. It returns
        the next frame and the new states in the same order. States are zero at
        first. The caller loops, see `examples/onnx_stream.py`: with a `window`
        it starts again from the last `window` frames for each forecast.

        Args:
            path: As in `Forecaster.export`.
            format: The same, but not `"openvino"`.
            size: Tuple `(height, width)` of a frame, pixels. None means that
                of the stream's frames, else that of the model.
            verbose: As in `Forecaster.export`.
            **kwargs: As in `keras.Model.export`.

        Returns:
            `pathlib.Path` of the file or folder.

        Raises:
            ValueError: If the model has no states, or as `Forecaster.export`.
            FileExistsError: If the path exists.

        Example:
        >>> model.stream().export("step.onnx", format="onnx", size=(50, 70))
        """
        from msrnn_keras.models.exporting import export_step

        if size is None:
            size = (self._shape or self._model.image_shape)[-3:-1]
        return export_step(self._model, path, format, size, verbose, **kwargs)

    def _restart(self):
        """Forget all frames."""
        self._count, self._frames, self._past_known = 0, [], []
        self._next = self._states = None

    def _advance(self, batch, known):
        """Update the states."""
        stepper, size = self._model._stepper, batch.shape[1:3]
        extras = self._extras(known)
        samples = np.arange(len(batch) * extras.count)
        states = self._states
        if states is None:
            states = stepper.start(len(samples), size)
        stepper.refresh()
        given = extras.at(0, samples, size, self._count)
        batch = batch[samples // extras.count]
        self._next, self._states = stepper.advance(batch, states, given)

    def _go_on(self, horizon, known):
        """Return the forecast from the states, with the batch dimension."""
        stepper, size = self._model._stepper, self._shape[-3:-1]
        stepper.refresh()
        frames, states = [self._next], self._states
        samples, extras = np.arange(len(frames[0])), self._extras(known)
        for step in range(horizon - 1):
            given = extras.at(step, samples, size, self._count)
            frame, states = stepper.advance(frames[-1], states, given)
            frames.append(frame)
        frames = np.stack(list(map(ops.convert_to_numpy, frames)), axis=1)
        return extras.grouped(frames.astype(stepper.cell.variable_dtype))

    def _extras(self, known):
        """Return what enters the coming steps besides frames."""
        seed = self.seed if self._model.noise else None
        return StepInputs(self.members, seed, known)

    def _known(self, covariates, frames, steps):
        """Return the checked covariates of the next steps, or None."""
        count = self._model.covariates
        if not count:
            if covariates is None:
                return None
            raise ValueError(
                "The model has no covariates. "
                f"Received: covariates of type {type(covariates).__name__}"
            )
        if covariates is None and steps == 0:
            covariates = np.zeros((*frames.shape[2:4], count), "float32")
        return check_covariates(covariates, frames, count, steps)

    def _check_started(self, what):
        """Refuse to go on without a frame."""
        if not self._count:
            raise RuntimeError(
                f"{what} needs a frame: call update(frame) first. "
                "Received: 0 frames"
            )

    def _checked(self, frame):
        """Return a frame as a batch; refuse what does not fit."""
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
        batch = frame if frame.ndim == 4 else frame[None]
        model = self._model
        checks.check_frames(batch[:, None], model.image_shape[-1], "frame")
        holes = model.missing is not None
        checks.check_values(batch, "frame", model._limits, holes)
        return batch


def load_stream(model, path):
    """Load the stream of a model; see `Forecaster.load_stream`."""
    record, arrays = _read(path)
    config, saved = _config(model), record["model"]
    names = sorted({*config, *saved})
    other = [name for name in names if config.get(name) != saved.get(name)]
    if other or record["weights"] != _hash_of_weights(model):
        what = ", ".join(other) or "the weights"
        raise ValueError(
            "The stream was saved from another model: they differ in "
            f"{what}. Load that model first. Received: {str(path)!r}"
        )
    names = ("window", "interval", "gap", "members", "seed")
    options = {name: record[name] for name in names if name in record}
    stream = Stream(model, **options)
    stream._shape, stream._count = tuple(record["shape"]), record["count"]
    last = record["last"] and as_time(np.datetime64(record["last"]))
    stream._clock = stream._clock._replace(last=last, started=True)
    if stream.window is not None:
        count = min(stream._count, stream.window)
        stream._frames, stream._past_known = arrays[:count], arrays[count:]
        return stream
    types = [x.dtype for x in model._stepper.cell.state_inputs]
    tensors = map(ops.convert_to_tensor, arrays, types)
    stream._next, *stream._states = tensors
    return stream


def _read(path):
    """Return the record and the list of arrays of a file."""
    path = check_path("path", path)
    if not path.is_file():
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
    """Return the arguments that a forecast depends on, as in JSON."""
    config = keras.saving.serialize_keras_object(
        {k: v for k, v in model.get_config().items() if k not in FREE}
    )
    return json.loads(json.dumps(config, default=str))


def _hash_of_weights(model):
    """Return the SHA-256 of the variables that a forecast depends on."""
    digest = hashlib.sha256()
    for variable in model._forecast_variables:
        digest.update(_array(variable).tobytes())
    return digest.hexdigest()


def _array(tensor):
    """Return a tensor as an array that a file can store without loss."""
    if not isinstance(tensor, np.ndarray):
        tensor = ops.cast(tensor, at_least_float32(tensor))
    return ops.convert_to_numpy(tensor)
