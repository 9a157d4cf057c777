"""The base class of all models that forecast frames."""

import dataclasses
import datetime
import inspect
import pathlib
import threading
import warnings
from collections.abc import Collection, Sequence
from typing import Any, Literal, NoReturn, Self

import keras
import numpy as np
import numpy.typing as npt

from msrnn_keras.backend.compiled_step import LayersSetup
from msrnn_keras.metrics.base import UNIT_RANGE, UNIT_REMEDY
from msrnn_keras.models.step_inputs import (
    StepInputs,
    check_covariates,
    check_members,
    check_takes_members,
    split_inputs,
)
from msrnn_keras.models.stream import Stream, load_stream
from msrnn_keras.models.validation import (
    BatchCheck,
    readable_nan_errors,
    restore_variables_on_error,
    validated,
)
from msrnn_keras.utils import checks
from msrnn_keras.utils.arguments import check_range
from msrnn_keras.utils.typing import Config, Names, PathLike, Tensor, Verbose


class _ClassProperty(property):
    """A property of the class, which its instances lack."""

    def __get__(self, instance, owner=None):
        if instance is not None:
            raise AttributeError("Read it on the class, not on an instance.")
        return self.fget(owner)


class Forecaster(keras.Model):
    """Base class of the models that forecast frames.

    A forecaster is a functional Keras model from frames `(batch, time, height,
    width, channels)` to the next `horizon` frames. Frames after the first
    `context` are ground truth for training and else ignored. A wrong shape,
    NaN, inf or a value beyond `value_range` is a `ValueError`, a dtype that is
    not floating-point a `TypeError`. A subclass

    - builds its graph from `frames_input` and passes input and output to
      `super().__init__`. The graph must ignore frames after the context.
    - adds its own arguments to `get_config` and stores each of them as an
      attribute of the same name.
    - sets `architectures` to the names of its models, as in preset names, and
      `preset_overrides` to the arguments that do not change its weights.
    - may override `_forecast`, `_loss_inputs`, `_stream_window`,
      `_predict_window` (the frames after a window), `_target_channels` and, if
      it has warm-up predictions, `predict_all`. With `has_states`, the past may
      be shorter than `context`; it overrides `_forecast` and has a `_stepper`.
      `any_size` is False if the weights depend on the size of a frame.
    - may set `covariates`, the channels of its second input, and `noise`, if
      its forecasts are members of an ensemble. Then `_forecast` also takes
      `StepInputs`, and the output of a graph with noise has an axis of members
      after the batch.
    - may have `published_weights()`, a dict from the names in checkpoints of
      published code to `models.published_weights.PublishedWeight`.

    Args:
        inputs: `keras.KerasTensor`, from `frames_input`.
        outputs: The same, `(batch, horizon, height, width, channels)`.
        image_shape: Tuple `(height, width, channels)` of a frame, pixels.
        context, horizon: Integers, numbers of past and forecast frames.
        missing: None, or `"mask"` if the model reads missing pixels (NaN).
        dtype, name: As in `keras.layers.Layer`.

    Example:
    >>> class Conv(Forecaster):
    ...     def __init__(self, image_shape, context, horizon, **kwargs):
    ...         frames = self.frames_input(image_shape, any_size=True)
    ...         past = keras.ops.unstack(frames[:, :context], context, axis=1)
    ...         x = keras.layers.Concatenate()(past)
    ...         x = keras.layers.Conv2D(horizon, 3, padding="same")(x)
    ...         future = keras.ops.moveaxis(x[..., None], 3, 1)
    ...         sizes = (image_shape, context, horizon)
    ...         super().__init__(frames, future, *sizes, **kwargs)
    """

    has_states = False
    any_size = True
    covariates, noise = 0, False
    architectures: Names = ()
    trained_on: Any = None  # `data.TrainedOn` of a preset
    preset_overrides: Names = ("dtype", "image_shape", "name", "value_range")

    def __init__(
        self,
        inputs: Any,
        outputs: Any,
        image_shape: Sequence[int],
        context: int,
        horizon: int,
        missing: Literal["mask"] | None = None,
        dtype: str | keras.DTypePolicy | None = None,
        name: str | None = None,
    ) -> None:
        sizes = check_arguments(image_shape, context, horizon, missing)
        super().__init__(inputs=inputs, outputs=outputs, name=name)
        self.dtype_policy = checks.dtype_policy(dtype)
        self.image_shape, self.context, self.horizon = sizes
        self.missing = missing
        self._value_range = self._setup = None
        # Keras' `predict` takes the variables away for a while on JAX.
        self._one_thread = threading.RLock()

    @staticmethod
    def frames_input(
        image_shape: Sequence[int],
        dtype: str | keras.DTypePolicy | None = None,
        any_size: bool = False,
        covariates: int = 0,
    ) -> Any:
        """Return the `keras.Input` of a graph, of any size if `any_size`.

        With covariates, it is a tuple of two.
        """
        *size, channels = image_shape
        size = (None, None) if any_size else size
        # float64 models keep all digits of the input.
        dtype = checks.dtype_policy(dtype).variable_dtype
        shape = (None, *size)
        frames = keras.Input((*shape, channels), dtype=dtype, name="frames")
        if not covariates:
            return frames
        options = {"dtype": dtype, "name": "covariates"}
        return frames, keras.Input((*shape, covariates), **options)

    def get_config(self) -> Config:
        limits = self.value_range
        return {
            "image_shape": self.image_shape,
            "context": self.context,
            "horizon": self.horizon,
            "missing": self.missing,
            "dtype": keras.saving.serialize_keras_object(self.dtype_policy),
            "name": self.name,
            **({} if limits is None else {"value_range": list(limits)}),
        }

    @classmethod
    def from_config(
        cls, config: Config, custom_objects: Config | None = None
    ) -> Self:
        deserialize = keras.saving.deserialize_keras_object
        config = {
            key: deserialize(x, custom_objects) if isinstance(x, dict) else x
            for key, x in config.items()
        }
        limits = config.pop("value_range", None)
        model = cls(**config)
        model.value_range = limits
        return model

    @property
    def value_range(self) -> tuple[float, float] | None:
        """Tuple `(low, high)`, the limits of frames. None means ±1e6."""
        return self._value_range

    @value_range.setter
    def value_range(self, limits: Collection[float] | None) -> None:
        if limits is not None:
            limits = check_range("value_range", limits)
        self._value_range = limits

    @_ClassProperty
    def presets(cls) -> list[str]:
        """List of strings, the names of the presets of this class."""
        from msrnn_keras.presets.registry import Library

        names = Library().names()
        return [x for x in names if x.split("/")[0] in cls.architectures]

    @classmethod
    def from_preset(
        cls, preset: PathLike, /, load_weights: bool = True, **overrides: Any
    ) -> Self:
        """Load a compiled model of this class.

        Args:
            preset: String, the name `MODEL/DATASET[/VARIANT]`, the path of a
                folder, or `"hf://USER/NAME[@REVISION]"`.
            load_weights: Boolean. False gives the untrained model.
            **overrides: Constructor arguments to replace. With weights, only
                those in `preset_overrides`.

        Raises:
            ValueError: If the preset is unknown or of another class, or an
                override does not keep the weights.

        Example:
        >>> model = msrnn_keras.MSStack.from_preset("ms-predrnn/mnist")
        """
        from msrnn_keras.presets.loading import load_preset

        return load_preset(preset, load_weights, model_class=cls, **overrides)

    def save_to_preset(self, folder: PathLike) -> pathlib.Path:
        """Write the model to a new folder that `from_preset` loads.

        Scheduled sampling and the optimizer's state are not kept.

        Returns:
            `pathlib.Path` of the folder.

        Raises:
            FileExistsError: If the folder exists.
            ValueError: If an argument of the model cannot be stored.

        Example:
        >>> model.save_to_preset("mine")
        >>> twin = msrnn_keras.MSStack.from_preset("./mine")
        """
        from msrnn_keras.presets.saving import save_preset

        return save_preset(self, folder)

    def export(
        self,
        path: PathLike,
        format: Literal[
            "tf_saved_model", "onnx", "litert", "openvino", "torch"
        ] = "tf_saved_model",
        verbose: bool | None = None,
        input_signature: Sequence[keras.InputSpec] | None = None,
        size: Sequence[int] | None = None,
        **kwargs: Any,
    ) -> pathlib.Path:
        """Write a file that forecasts without this package.

        The file does not check its input. In a SavedModel and an ONNX file of
        TensorFlow, batch, time and size vary; in a SavedModel of JAX, the batch
        alone. Other files are for one clip of `context` frames of
        `image_shape`. `Stream.export` writes a single step.

        Args:
            path: String or path, new: a folder for `"tf_saved_model"`, else a
                file, `.onnx`, `.tflite`, `.xml` or `.pt2`.
            format: String, `"tf_saved_model"` (TensorFlow, JAX), `"onnx"`,
                `"litert"` (TensorFlow), `"openvino"` or `"torch"` (PyTorch).
            verbose: Boolean, whether to print the path. None means True.
            input_signature: List of one `keras.InputSpec`, another shape.
            size: Tuple `(height, width)` of a frame, pixels. None means any
                size where it varies, else that of `image_shape`.
            **kwargs: As in `keras.Model.export`.

        Returns:
            `pathlib.Path` of the file or folder.

        Raises:
            ValueError: If the backend does not make this format.
            FileExistsError: If the path exists.
            ImportError: If a package is not installed.

        Example:
        >>> model.export("ms-convlstm.onnx", format="onnx")
        """
        from msrnn_keras.models.exporting import export_model

        given = (path, format, verbose, input_signature, size)
        return export_model(self, *given, **kwargs)

    def __call__(self, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        frames, _ = split_inputs(inputs, self.covariates)
        checks.check_frames(frames, self.image_shape[-1])
        checks.check_length(frames, self._least_frames)
        return super().__call__(inputs, *args, **kwargs)

    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: Verbose = "auto",
        steps: int | None = None,
        callbacks: Any = None,
    ) -> np.ndarray:
        """Forecast the next `horizon` frames.

        Args:
            x: Array `(batch, time, height, width, channels)` of floats, or
                a data set of such batches. The model reads `context` frames.
                With covariates, a tuple `(frames, covariates)`, see `forecast`.
            batch_size: Integer, samples per batch. None means 32.
            verbose: As in `keras.Model.predict`; so are the next two.
            steps: Integer, batches to draw from a data set.
            callbacks: List of `keras.callbacks.Callback`.

        Returns:
            Array `(batch, horizon, height, width, channels)`. A model with
            noise forecasts one member, that of `forecast(x, seed=0)`.
        """
        check = self._batch_check()
        given = {"batch_size": batch_size, "verbose": verbose, "steps": steps}
        given = checks.check_call(**given, callbacks=callbacks)
        batch_size, verbose, steps, callbacks = given.values()
        x = validated(x, check)
        arrays = checks.is_array(x) or (self.covariates and type(x) is tuple)
        if not arrays or steps or callbacks:
            if self.noise:
                raise TypeError(
                    "A model with noise forecasts arrays alone, without "
                    "`steps` and `callbacks`. "
                    f"Received: x of type {type(x).__name__}"
                )
            self._drop_stale_functions()
            with restore_variables_on_error(self), readable_nan_errors(check):
                return super().predict(x, batch_size, verbose, steps, callbacks)
        x, covariates = split_inputs(x, self.covariates)
        length, clip = x.shape[1], self.context + self.horizon - 1
        if length > self.context and length != clip:
            message = (
                f"The model reads the first {self.context} frames and "
                "ignores the others. To use all of them as past, call "
                f"model.forecast(frames, horizon=…). Received: {length} frames"
            )
            warnings.warn(message, stacklevel=2)
        sizes = (x[:, : self.context], self.horizon, batch_size, verbose)
        return self._forecast(*sizes, **self._extras(covariates))

    def predict_on_batch(self, x: Any) -> np.ndarray:
        """Forecast one batch as `predict` does."""
        frames, _ = split_inputs(x, self.covariates)
        return self.predict(x, batch_size=len(frames), verbose=0)

    def forecast(
        self,
        frames: npt.ArrayLike,
        horizon: int | None = None,
        batch_size: int | None = None,
        verbose: Verbose = 0,
        members: int | None = None,
        seed: int = 0,
        covariates: npt.ArrayLike | None = None,
    ) -> np.ndarray:
        """Forecast any number of frames after all given frames.

        Args:
            frames: Array `(batch, time, height, width, channels)` of floats. A
                model without states reads the last `context` frames.
            horizon: Integer, frames to forecast. None means `self.horizon`.
            batch_size: As in `predict`; with members, members per batch.
            verbose: As in `predict`.
            members: Integer, forecasts of each clip by a model with noise.
                None forecasts one, without the axis of members.
            seed: Integer, 0 or more, of the noise. Member m of a clip depends
                on it, on m and on the clip's place in the batch, not on the
                number of members.
            covariates: Array `(batch, time + horizon - 1, height, width, k)` of
                floats for a model with k covariates. Entry t enters with frame
                t, seen or forecast. `(height, width, k)` if static.

        Returns:
            Array `(batch, horizon, height, width, channels)`, with `members`
            `(batch, members, horizon, …)`.

        Raises:
            ValueError: If a shape or value is wrong, or the model has no noise
                or covariates.

        Example:
        >>> future = model.forecast(frames, horizon=30)
        """
        horizon = self.horizon if horizon is None else horizon
        horizon = checks.check_positive("horizon", horizon, checks.FRAMES)
        given = checks.check_call(batch_size=batch_size, verbose=verbose)
        batch_size, verbose = given.values()
        members, seed = check_members(members, seed, self.noise)
        check = dataclasses.replace(self._batch_check(), covariates=None)
        frames = validated(frames, check)
        if self.covariates:
            steps = frames.shape[1] + horizon - 1
            sizes = (frames, self.covariates, steps)
            covariates = check_covariates(covariates, *sizes)
        elif covariates is not None:
            raise ValueError(
                "The model has no covariates: build it with covariates=k. "
                f"Received: covariates of type {type(covariates).__name__}"
            )
        extras = self._extras(covariates, members, seed)
        future = self._forecast(frames, horizon, batch_size, verbose, **extras)
        return future[:, None] if members and not self.noise else future

    def _extras(self, covariates=None, members=None, seed=0):
        """Return what `_forecast` takes besides frames, as its arguments."""
        if not (self.noise or self.covariates):
            return {}
        seed = seed if self.noise else None
        return {"extras": StepInputs(members, seed, covariates)}

    def predict_all(
        self, frames: Any, batch_size: int | None = None, verbose: Verbose = 0
    ) -> np.ndarray:
        """Return the predictions of the warm-up and of the forecast.

        Args:
            frames: As x in `predict`, an array.
            batch_size: As in `predict`.
            verbose: As in `predict`.

        Returns:
            Array `(batch, context + horizon - 1, height, width, channels)`.
            Prediction t is of frame t + 1.

        Raises:
            NotImplementedError: If the model has no warm-up.
        """
        raise NotImplementedError(
            "This model predicts only the frames after the context. Use "
            f"`predict` or `forecast`. Received: {type(self).__name__}"
        )

    def stream(
        self,
        window: int | Literal["auto"] | None = "auto",
        interval: float | datetime.timedelta | np.timedelta64 | None = None,
        gap: Literal["restart", "refuse"] = "restart",
        members: int | None = None,
        seed: int = 0,
    ) -> Stream:
        """Start a forecast that is updated frame by frame.

        Args:
            window: Integer n, forecast from the last n frames; None, from all;
                `"auto"`, what suits the model. A model without states takes
                only `"auto"` or its `context`.
            interval: Seconds, `datetime.timedelta` or `numpy.timedelta64`
                between two frames. None takes it from the first two times.
            gap: String, when frames are missing before a frame: `"restart"` the
                stream or `"refuse"` the frame.
            members: As in `forecast`.
            seed: As in `forecast`.

        Returns:
            `msrnn_keras.models.stream.Stream`.

        Example:
        >>> stream = model.stream(interval=300)
        >>> future = stream.update(frame, time=time).forecast(horizon=12)
        """
        if isinstance(window, str) and window == "auto":
            window = self._stream_window
        return Stream(self, window, interval, gap, members, seed)

    def load_stream(self, path: PathLike) -> Stream:
        """Load a `Stream` from a file that `Stream.save` wrote.

        Raises:
            ValueError: If the file holds no stream, or that of another model.
        """
        return load_stream(self, path)

    def _forecast(self, past, horizon, batch_size, verbose):
        """Run the graph and feed its predictions back, see the class."""
        checks.check_not_empty(past)
        frames = np.asarray(past[:, -self.context :])
        while frames.shape[1] < self.context + horizon:
            window = frames[:, -self.context :]
            new = self._next_window(window, batch_size, verbose)
            frames = np.concatenate([frames, new], axis=1)
        return frames[:, self.context :][:, :horizon]

    def _next_window(self, window, batch_size, verbose):
        """Run the graph by functions that are up to date, in one thread."""
        with self._one_thread, restore_variables_on_error(self):
            self._drop_stale_functions()
            return self._predict_window(window, batch_size, verbose)

    def _predict_window(self, window, batch_size, verbose):
        """Return the frames after a window of `context` frames."""
        return super().predict(window, batch_size, verbose)

    @property
    def _target_channels(self):
        """The channels of a forecast. None means those of the frames."""
        return None

    @property
    def _stream_window(self):
        """The window of `stream("auto")`."""
        return self.context

    @property
    def _forecast_variables(self):
        """The variables that a forecast depends on."""
        return self.weights

    @property
    def _limits(self):
        """The lowest and the highest value of a frame."""
        if self.value_range or self.compute_dtype != "float16":
            return self.value_range or checks.LIMITS
        return (-65504.0, 65504.0)  # beyond, a number is infinite

    @property
    def _least_frames(self):
        """The lowest number of frames that the model takes."""
        return 1 if self.has_states else self.context

    def _validated(self, data):
        """Return data whose frames are checked."""
        return validated(data, self._batch_check())

    def _batch_check(self, *target):
        """The check of batches, with limits and remedy of the target if any."""
        channels, holes = self.image_shape[-1], self.missing is not None
        least = self._least_frames
        check = BatchCheck(channels, self._limits, holes, least, *target)
        if self.covariates:
            check.covariates = (self.covariates, self.context, self.horizon)
        return check

    def fit(
        self, x: Any = None, *args: Any, **kwargs: Any
    ) -> keras.callbacks.History:
        """Train as `keras.Model.fit` does, with x, y and weights checked.

        x are past frames, clips without their last frame (for scheduled
        sampling), or a data set of `(x, y)`, checked batch by batch. With
        covariates, x is a tuple, as in `predict`. A bad batch changes no
        weight. NaN in y marks missing pixels.
        """
        return self._train(super().fit, x, *args, **kwargs)

    def evaluate(self, x: Any = None, *args: Any, **kwargs: Any) -> Any:
        """Evaluate as `keras.Model.evaluate` does, with x and y checked."""
        if kwargs.get("_use_cached_eval_dataset"):  # checked by `fit`
            return super().evaluate(x, *args, **kwargs)
        return self._train(super().evaluate, x, *args, **kwargs)

    def train_on_batch(self, x: Any, *args: Any, **kwargs: Any) -> Any:
        """Train as `keras.Model.train_on_batch` does, with x and y checked."""
        return self._train(super().train_on_batch, x, *args, **kwargs)

    def test_on_batch(self, x: Any, *args: Any, **kwargs: Any) -> Any:
        """Test as `keras.Model.test_on_batch` does, with x and y checked."""
        return self._train(super().test_on_batch, x, *args, **kwargs)

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Tensor:
        frames, _ = split_inputs(x, self.covariates)
        channels = self._target_channels or frames.shape[-1]
        checks.check_target(y, (self.horizon, *frames.shape[2:4], channels))
        y, y_pred, sample_weight = self._loss_inputs(
            frames, y, y_pred, sample_weight, training
        )
        return super().compute_loss(x, y, y_pred, sample_weight, training)

    def _loss_inputs(self, x, y, y_pred, sample_weight, training):
        """Return target, prediction and weights as the loss takes them."""
        return y, y_pred, sample_weight

    def _train(self, method, *args, **kwargs):
        """Call a method of Keras with its data checked."""
        if self.noise:
            loss = getattr(self, "loss", None)
            check_takes_members(loss, self._compiled_metrics())
        call = inspect.signature(method).bind(*args, **kwargs)
        check, given = self._target_check(), call.arguments
        given.update(checks.check_call(**given))
        given["x"] = validated(given["x"], check)
        for name in {"y", "sample_weight"} & set(given):
            part = check.target if name == "y" else check.weights
            given[name] = part(given[name])
        if given.get("y") is not None:
            check.shape_of_target(given["x"], given["y"])
        if checks.is_array(given["x"]):
            if given.get("sample_weight") is not None:
                weights = given["sample_weight"]
                checks.check_same_count(given["x"], weights, "sample_weight")
        validation = given.get("validation_data")
        if isinstance(validation, (tuple, list)):
            x, *rest = validation
            x = x if self.covariates else checks.filled(x)
            given["validation_data"] = check((x, *rest))
        elif validation is not None:
            given["validation_data"] = validated(validation, check)
        self._drop_stale_functions()
        with restore_variables_on_error(self), readable_nan_errors(check):
            return method(*call.args, **call.kwargs)

    def _drop_stale_functions(self):
        """Make Keras compile its functions again if a layer has changed."""
        setup = LayersSetup(self)
        if self._setup is not None and setup != self._setup:
            self.train_function = self.test_function = None
            self.predict_function = None
        self._setup = setup

    def _target_check(self):
        """Return the check of batches with a target."""
        metrics = self._compiled_metrics()
        limits = (self.value_range or checks.LIMITS, checks.SCALE)
        if any(getattr(metric, "unit_range", False) for metric in metrics):
            limits = (UNIT_RANGE, UNIT_REMEDY)
        sizes = (self.horizon, self._target_channels)
        return self._batch_check(*limits, *sizes)

    def _compiled_metrics(self):
        """Return the metrics that `compile` was given."""
        compiled = getattr(self, "_compile_metrics", None)
        names = ("_user_metrics", "_user_weighted_metrics")
        return keras.tree.flatten([getattr(compiled, x, None) for x in names])

    def quantize(
        self, mode: Any = None, config: Any = None, **kwargs: Any
    ) -> NoReturn:
        """Raise NotImplementedError: Keras does not quantize convolutions."""
        raise NotImplementedError(
            "Keras does not quantize convolutions. Build the model with a "
            "smaller number format instead, for example "
            f"dtype='mixed_float16'. Received: mode={mode!r}"
        )


def check_arguments(image_shape, context, horizon, missing=None):
    """Return the checked `image_shape`, `context` and `horizon`."""
    context = checks.check_positive("context", context, checks.FRAMES)
    horizon = checks.check_positive("horizon", horizon, checks.FRAMES)
    if missing not in (None, "mask"):
        raise ValueError(
            f"`missing` must be None or 'mask'. Received: missing={missing!r}"
        )
    try:
        height, width, channels = image_shape
    except (TypeError, ValueError):
        wanted = "(height, width, channels)"
        raise checks.refused("image_shape", wanted, image_shape) from None
    size = [
        n if n is None else checks.check_positive("image_shape", n)
        for n in (height, width)
    ]
    channels = checks.check_positive("image_shape", channels)
    return (*size, channels), context, horizon
