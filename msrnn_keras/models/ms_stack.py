"""MSStack: the wiring of the multi-scale encoder/decoder."""

import inspect
import warnings

import keras
import numpy as np
from keras import ops

from msrnn_keras.layers.convolution import Untracked
from msrnn_keras.metrics.base import UNIT_RANGE, UNIT_REMEDY
from msrnn_keras.models.architectures import ALIASES, ARCHITECTURES, MULTI_SCALE
from msrnn_keras.models.rollout import Rollout, StepCell
from msrnn_keras.models.step_graph import (
    Wiring,
    build_cells,
    cell_arguments,
    lookup_cell,
)
from msrnn_keras.models.stepper import Stepper
from msrnn_keras.models.stream import Stream, load_stream
from msrnn_keras.models.validation import (
    BatchCheck,
    readable_nan_errors,
    restore_variables_on_error,
    validated,
)
from msrnn_keras.utils import checks
from msrnn_keras.utils.names import lookup, normalize


@keras.saving.register_keras_serializable(package="msrnn_keras")
class MSStack(keras.Model):
    """Multi-scale stack of recurrent layers that forecasts frames.

    A functional model: `(batch, time, height, width, channels)` in, the next
    `horizon` frames out. The first `context` frames are the past (fewer are
    fine); frames after them are the teacher in training and ignored
    otherwise. Any height, width and number of frames is accepted; frames are
    padded at the bottom and right to what the scales need, and cropped again.

    Args:
        cell: String, a name in `models.architectures.CELL_SPECS`, such as
            `"predrnn"`; or a subclass of `ConvRNNCell` of your own that is
            registered by `keras.saving.register_keras_serializable`.
        image_shape: Tuple `(height, width, channels)` of the frames the model
            is meant for, pixels. Height and width are a default, not a limit.
        context: Integer, number of past frames.
        horizon: Integer, number of frames to forecast.
        filters: Integer, channels of every recurrent layer.
        kernel_size: Integer, side of the cells' kernels, pixels.
        scales: Tuple of integers, one for each layer: 2 works at half the
            frame's height and width. Must read the same backwards.
        skips: String, `"none"`, `"add"`, `"unet3+"` or `"fc"`; see
            `models.step_graph.sources`. None is `"none"` where all scales
            are 1 and `"add"` otherwise.
        patch_size: Integer p, turns p×p pixels into channels before the
            stack and back after it.
        sampling: `msrnn_keras.ScheduledSampling` for training. None trains on
            the model's own predictions.
        warmup: Boolean, whether training also learns the predictions of the
            context frames.
        motion: Boolean, whether every layer but the last has MotionGRU and
            the motion highway. None is the cell's default: only `"motionrnn"`.
        decoupling_weight: Float, weight of the decoupling loss of PredRNN-V2.
            None is the cell's default: 0.01 for `"predrnn-v2"`, else 0.
        remat: String, what training computes again instead of keeping it:
            `"layer"`, what is inside a layer, or `"step"`, all of a time step
            but its states, which takes the least memory and the most time.
            None keeps everything.
        missing: String, what missing pixels (NaN) of the input are: `"mask"`,
            zeros with a mask of the pixels that are there in further
            channels, without loss as warm-up targets; None, an error.
        dtype: String or `keras.DTypePolicy`, such as `"mixed_bfloat16"`.
        name: String.
        **cell_options: Further arguments of the cell, such as `links` of
            `"trajgru"` and `attention_window` of `"preciplstm"`; with
            `motion`, `motion_limit` of `MotionCell`.

    Frames are floats, finite and within ±1e6. A model that `zoo.load` gave
    has the `value_range` (-0.5, 1.5), which frames must keep to; it may be
    set, is saved with the model, and None lifts it.

    Raises:
        ValueError: If an argument is out of its range or unknown, or the cell
            lacks what `motion` or `decoupling_weight` needs.

    Example:
    >>> model = MSStack("convlstm", image_shape=(64, 64, 1), filters=32)
    >>> model.compile("adam", loss=msrnn_keras.losses.FrameL1L2Loss())
    >>> model.fit(past, future)
    >>> future = model.predict(past)

    Reference:
        MS-RNN, 2022, arXiv:2206.03010.
    """

    def __init__(
        self,
        cell,
        image_shape=(64, 64, 1),
        context=10,
        horizon=10,
        filters=64,
        kernel_size=3,
        scales=MULTI_SCALE,
        skips=None,
        patch_size=1,
        sampling=None,
        warmup=True,
        motion=None,
        decoupling_weight=None,
        remat=None,
        missing=None,
        dtype=None,
        name=None,
        **cell_options,
    ):
        # === Layers ===
        cell, row = lookup_cell(cell)
        row = _with_extras(row, motion, decoupling_weight)
        _check_options(cell, row, cell_options)
        image_shape = _check_image_shape(image_shape)
        scales = _check_scales(scales)
        _check_sizes(context=context, horizon=horizon, patch_size=patch_size)
        _check_missing(missing)
        if skips is None:
            skips = "none" if set(scales) == {1} else "add"
        policy = keras.dtype_policies.get(dtype)
        sizes = {"filters": filters, "kernel_size": kernel_size, **cell_options}
        cells = build_cells(row, len(scales), policy, **sizes)
        channels = image_shape[-1]

        # === Wiring ===
        shape = (scales, skips, patch_size)
        wiring = Wiring(cells, channels, *shape, policy, missing)
        # Before the graph of any size, so that pictures show these sizes.
        step = wiring.graph(image_shape)
        step_cell = StepCell(wiring, channels, remat, dtype=policy)
        times = (context, horizon, sampling, row.decoupling_weight)
        options = {"dtype": policy.variable_dtype, "name": "rollout"}
        rollout = Rollout(step_cell, *times, **options)
        frames = _input(channels, policy)
        super().__init__(inputs=frames, outputs=rollout(frames), name=name)
        self.dtype_policy = policy

        # === Config ===
        self.cell, self.cell_options = cell, cell_options
        self.image_shape, self.patch_size = image_shape, patch_size
        self.context, self.horizon = context, horizon
        self.filters, self.kernel_size = filters, kernel_size
        self.scales, self.skips, self.remat = scales, skips, remat
        self.sampling, self.warmup, self.missing = sampling, warmup, missing
        self.motion, self.decoupling_weight = row.motion, row.decoupling_weight
        self._rollout, self._step = rollout, Untracked(step)
        self._stream_window, self._compiled_step = row.stream_window, None
        self._forecaster = Stepper(step_cell)

    def get_config(self):
        serialize = keras.saving.serialize_keras_object
        limits = self.value_range
        return {
            "cell": self.cell,
            "image_shape": self.image_shape,
            "context": self.context,
            "horizon": self.horizon,
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "scales": self.scales,
            "skips": self.skips,
            "patch_size": self.patch_size,
            "sampling": self.sampling and serialize(self.sampling),
            "warmup": self.warmup,
            "motion": self.motion,
            "decoupling_weight": self.decoupling_weight,
            "remat": self.remat,
            "missing": self.missing,
            "dtype": serialize(self.dtype_policy),
            "name": self.name,
            **({} if limits is None else {"value_range": list(limits)}),
            **self.cell_options,
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        config = dict(config)
        for key in ("sampling", "dtype"):
            if isinstance(config.get(key), dict):
                config[key] = keras.saving.deserialize_keras_object(
                    config[key], custom_objects=custom_objects
                )
        if "decoupling" in config:  # its name in version 0.1
            config["decoupling_weight"] = config.pop("decoupling")
        limits = config.pop("value_range", None)
        model = cls(**config)
        model.value_range = limits
        return model

    @property
    def value_range(self):
        """Tuple `(low, high)` that frames must lie within, or None: ±1e6."""
        return self._forecaster.value_range

    @value_range.setter
    def value_range(self, limits):
        if limits is not None:
            low, high = limits
            checks.check_finite("value_range", low)
            checks.check_finite("value_range", high)
            limits = (float(low), float(high))
        self._forecaster.value_range = limits

    # === Forecasting ===

    def __call__(self, frames, *args, **kwargs):
        checks.check_frames(frames, self.image_shape[-1])
        return super().__call__(frames, *args, **kwargs)

    def predict(
        self, x, batch_size=None, verbose="auto", steps=None, callbacks=None
    ):
        """Forecast the next `horizon` frames.

        Args:
            x: Array `(batch, time, height, width, channels)` of floats, or a
                data set of such batches. Only the first `context` frames
                count.
            batch_size: Integer, samples computed at a time; None is 32.
            verbose: As in `keras.Model.predict`.
            steps: As in `keras.Model.predict`.
            callbacks: As in `keras.Model.predict`.

        Returns:
            Array `(batch, horizon, height, width, channels)`.

        Raises:
            ValueError: If the frames have a wrong shape, contain NaN or inf,
                or leave the model's range.
            TypeError: If they are not floating-point.
        """
        check = self._batch_check()
        x = validated(x, check)
        if not checks.is_array(x) or steps or callbacks:
            self._drop_stale_functions()
            with restore_variables_on_error(self), readable_nan_errors(check):
                return super().predict(x, batch_size, verbose, steps, callbacks)
        length, clip = x.shape[1], self.context + self.horizon - 1
        if length > self.context and length != clip:
            warnings.warn(
                f"The model reads the first {self.context} frames and "
                f"ignores the others. To use all of them as past, call "
                f"model.forecast(frames, horizon=…). Received: {length} "
                "frames",
                stacklevel=2,
            )
        past = x[:, : self.context]
        return self._forecast(past, self.horizon, batch_size, verbose)

    def predict_on_batch(self, x):
        """As `predict`, of one batch."""
        return self.predict(x, batch_size=len(x), verbose=0)

    def forecast(self, frames, horizon=None, batch_size=None, verbose=0):
        """Forecast from all given frames, as far ahead as asked.

        Args:
            frames: Array `(batch, time, height, width, channels)` of floats,
                all of them the past.
            horizon: Integer, frames to forecast. None is the model's own.
            batch_size: Integer, samples computed at a time; None is 32.
            verbose: As in `keras.Model.predict`.

        Returns:
            Array `(batch, horizon, height, width, channels)`.

        Raises:
            ValueError: If `horizon` is not positive, or the frames have a
                wrong shape, contain NaN or inf, or leave the model's range.
            TypeError: If the frames are not floating-point.

        Example:
        >>> model.forecast(frames, horizon=30).shape
        (8, 30, 64, 64, 1)
        """
        horizon = self.horizon if horizon is None else horizon
        checks.check_positive("horizon", horizon)
        frames = self._checked(frames)
        return self._forecast(frames, horizon, batch_size, verbose)

    def _checked(self, data):
        return validated(data, self._batch_check())

    def _batch_check(self, *target):
        """The check of batches, with the target's limits and remedy if any."""
        limits, holes = self._forecaster.limits, self.missing is not None
        return BatchCheck(self.image_shape[-1], limits, holes, *target)

    def _forecast(self, past, horizon, batch_size, verbose, warmup=False):
        checks.check_not_empty(past)
        first = 0 if warmup else past.shape[1] - 1
        return self._forecaster.run(
            past,
            past.shape[1] + horizon - 1,
            lambda step, prediction, _: prediction if step >= first else None,
            batch_size,
            verbose,
        )

    def predict_all(self, frames, batch_size=None, verbose=0):
        """All predictions, those of the context frames first.

        Args:
            frames: Array `(batch, time, height, width, channels)` of floats;
                only the first `context` frames count.
            batch_size: Integer, samples computed at a time; None is 32.
            verbose: As in `keras.Model.predict`.

        Returns:
            Array `(batch, context + horizon - 1, …)`: prediction t is of
            frame t + 1.

        Raises:
            ValueError: If the frames have a wrong shape, contain NaN or inf,
                or leave the model's range.
            TypeError: If the frames are not floating-point.
        """
        frames = self._checked(frames)
        past = frames[:, : self.context]
        return self._forecast(past, self.horizon, batch_size, verbose, True)

    def decoupling_distances(self, frames, batch_size=None, verbose=0):
        """The decoupling distances of PredRNN-V2, for all predictions.

        Args:
            frames: Array `(batch, time, height, width, channels)` of floats;
                only the first `context` frames count.
            batch_size: Integer, samples computed at a time; None is 32.
            verbose: As in `keras.Model.predict`.

        Returns:
            Array `(context + horizon - 1, layers, batch, filters)` within
            [0, 1]: |cosine| over space of what a step adds to the cell state
            and to the memory. Zeros where the model has no decoupling.

        Raises:
            ValueError: If the frames have a wrong shape, contain NaN or inf,
                or leave the model's range.
            TypeError: If the frames are not floating-point.
        """
        frames = self._checked(frames)
        past = frames[:, : self.context]
        steps = past.shape[1] + self.horizon - 1
        if not self.decoupling_weight:
            shape = (steps, len(self.scales), len(past), self.filters)
            return np.zeros(shape, "float32")
        distances = self._forecaster.run(
            past,
            steps,
            lambda step, _, states: self._forecaster.cell.distances(states),
            batch_size,
            verbose,
        )
        return distances.transpose(1, 2, 0, 3)

    def stream(self, window="auto", interval=None, gap="restart"):
        """Start a forecast that is brought up to date frame by frame.

        Args:
            window: Integer n, a forecast is that of the last n frames; None,
                that of all frames; `"auto"`, what suits the architecture,
                see `stream_window` of `architectures.CellSpec`.
            interval: Time between two frames, for frames with times: seconds,
                `datetime.timedelta` or `numpy.timedelta64`. None takes it
                from the first two frames.
            gap: String, what a frame does that comes after missing ones:
                `"restart"`, it starts the stream anew; `"refuse"`, it raises.

        Returns:
            `msrnn_keras.models.stream.Stream`.

        Raises:
            ValueError: If an argument is out of its range.

        Example:
        >>> stream = model.stream(interval=300)
        >>> stream.update(frame, time=np.datetime64("2024-05-01T12:00"))
        >>> stream.forecast(horizon=12).shape
        (12, 64, 64, 1)
        """
        if window == "auto":
            window = self._stream_window and self.context
        return Stream(self, window, interval, gap)

    def load_stream(self, path):
        """Go on with a stream that `Stream.save` wrote.

        Args:
            path: Path of the file.

        Returns:
            `msrnn_keras.models.stream.Stream`, with the arguments it had.

        Raises:
            ValueError: If the file is none of a stream, or of a stream of
                another model or other weights.
            FileNotFoundError: If there is no such file.
        """
        return load_stream(self, path)

    @property
    def step(self):
        """The graph of one time step, for frames of `image_shape`.

        A functional `keras.Model` that `keras.utils.plot_model` draws: frame
        and states in, next frame and new states out.
        """
        return self._step.layer

    # === Training ===

    def fit(self, x=None, *args, **kwargs):
        """As `keras.Model.fit`, with x, y and weights checked first.

        A batch of a data set is checked as it is drawn; a bad one changes no
        weight. NaN in y marks missing pixels.

        Args:
            x: Past frames, or clips without their last frame (`context +
                horizon - 1` frames), which scheduled sampling needs; or a
                data set of `(x, y)`.
            *args: As in `keras.Model.fit`.
            **kwargs: As in `keras.Model.fit`.

        Returns:
            `keras.callbacks.History`.

        Raises:
            ValueError: If the frames have a wrong shape, contain NaN or inf,
                or leave the model's range.
            TypeError: If they are not floating-point.
        """
        return self._train(super().fit, x, *args, **kwargs)

    def evaluate(self, x=None, *args, **kwargs):
        """As `keras.Model.evaluate`, with x and y checked first."""
        if kwargs.get("_use_cached_eval_dataset"):
            # Within `fit`, which checks the validation data.
            return super().evaluate(x, *args, **kwargs)
        return self._train(super().evaluate, x, *args, **kwargs)

    def train_on_batch(self, x, *args, **kwargs):
        """As `keras.Model.train_on_batch`, with x and y checked first."""
        return self._train(super().train_on_batch, x, *args, **kwargs)

    def test_on_batch(self, x, *args, **kwargs):
        """As `keras.Model.test_on_batch`, with x and y checked first."""
        return self._train(super().test_on_batch, x, *args, **kwargs)

    def _train(self, method, *args, **kwargs):
        """Call a method of Keras with its data checked."""
        call = inspect.signature(method).bind(*args, **kwargs)
        check = self._batch_check(*self._target_limits())
        given = call.arguments
        given["x"] = validated(given["x"], check)
        for name in {"y", "sample_weight"} & set(given):
            part = check.target if name == "y" else check.weights
            given[name] = part(given[name])
        validation = given.get("validation_data")
        if isinstance(validation, (tuple, list)):
            x, *rest = validation
            given["validation_data"] = check((checks.filled(x), *rest))
        elif validation is not None:
            given["validation_data"] = validated(validation, check)
        self._drop_stale_functions()
        with restore_variables_on_error(self), readable_nan_errors(check):
            return method(*call.args, **call.kwargs)

    def _drop_stale_functions(self):
        """Have Keras compile its functions anew if the layers have changed."""
        step = self._forecaster.refresh()
        if step is not self._compiled_step:
            self.train_function = None
            self.test_function = None
            self.predict_function = None
            self._compiled_step = step

    def _target_limits(self):
        """What targets must lie within, and what to do if they do not."""
        compiled = getattr(self, "_compile_metrics", None)
        ours = keras.tree.flatten(
            [
                getattr(compiled, "_user_metrics", None),
                getattr(compiled, "_user_weighted_metrics", None),
            ]
        )
        if any(getattr(metric, "unit_range", False) for metric in ours):
            return UNIT_RANGE, UNIT_REMEDY
        return self.value_range or checks.LIMITS, checks.SCALE

    def quantize(self, mode=None, config=None, **kwargs):
        """Refuse: Keras quantizes no convolutions, of which a stack is made.

        Raises:
            NotImplementedError: Always.
        """
        raise NotImplementedError(
            "Keras quantizes Dense, EinsumDense and Embedding layers; the "
            "layers of a stack are convolutions and would stay as they are. "
            "Use a smaller number format instead: "
            "MSStack(…, dtype='mixed_float16'). "
            f"Received: mode={mode!r}"
        )

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        warmup = self._rollout.pop_warmup()
        checks.check_target(y, (self.horizon, *x.shape[2:]))
        if training and self.warmup and warmup is not None:
            # Frames 1, 2, … of the past are the targets of the warm-up.
            count = ops.shape(warmup)[1]
            target = ops.cast(x[:, 1 : count + 1], warmup.dtype)
            y = ops.concatenate([target, ops.cast(y, warmup.dtype)], axis=1)
            y_pred = ops.concatenate([warmup, y_pred], axis=1)
            if sample_weight is not None and len(sample_weight.shape) > 1:
                first = ops.ones_like(sample_weight[:, :1])
                first = ops.repeat(first, count, axis=1)
                sample_weight = ops.concatenate([first, sample_weight], axis=1)
        return super().compute_loss(
            x=x,
            y=y,
            y_pred=y_pred,
            sample_weight=sample_weight,
            training=training,
        )


def create(name, **kwargs):
    """Build an architecture by name.

    Args:
        name: String, such as `"ms-convlstm"`; see
            `msrnn_keras.models.architectures.ARCHITECTURES`.
        **kwargs: Arguments of `MSStack`, over those of the architecture.

    Returns:
        `MSStack`.

    Raises:
        ValueError: If the name or an argument is unknown.

    Example:
    >>> model = msrnn_keras.create("ms-convlstm", filters=32)
    """
    name = ALIASES.get(normalize(name), name)
    name, row = lookup(name, ARCHITECTURES, "architecture")
    # A model's name has no "+": TensorFlow would refuse it.
    safe = name.replace("++", "-plus-plus")
    return MSStack(row.cell, **{"scales": row.scales, "name": safe, **kwargs})


def _input(channels, policy):
    """Frames of any number and size, of which float64 keeps all digits."""
    shape = (None, None, None, channels)
    return keras.Input(shape, dtype=policy.variable_dtype, name="frames")


def _check_sizes(**sizes):
    for name, value in sizes.items():
        checks.check_positive(name, value)


def _check_missing(missing):
    if missing not in (None, "mask"):
        raise ValueError(
            f"`missing` must be None or 'mask'. Received: missing={missing!r}"
        )


def _check_image_shape(image_shape):
    try:
        height, width, channels = image_shape
    except (TypeError, ValueError):
        raise ValueError(
            "`image_shape` must be (height, width, channels). "
            f"Received: image_shape={image_shape!r}"
        ) from None
    for value in (height, width):
        if value is not None:
            checks.check_positive("image_shape", value)
    checks.check_positive("image_shape", channels)
    return (height, width, channels)


def _check_scales(scales):
    scales = tuple(scales)
    if not scales:
        raise ValueError(
            f"`scales` must name one layer or more. Received: scales={scales}"
        )
    for scale in scales:
        checks.check_positive("scales", scale)
    if scales != scales[::-1]:
        raise ValueError(
            "`scales` must read the same backwards, as (1, 2, 4, 4, 2, 1). "
            f"Received: scales={scales}"
        )
    return scales


def _check_options(cell, row, options):
    unknown = sorted(set(options) - cell_arguments(row))
    if unknown:
        raise ValueError(
            f"The cell {cell!r} and MSStack have no argument "
            f"{', '.join(unknown)}. Received: {unknown}"
        )


def _with_extras(row, motion, weight):
    """A row of `CELL_SPECS` with what the user chose otherwise."""
    if motion is not None:
        row = row._replace(motion=bool(motion))
    if row.motion:
        row = row._replace(stream_window="context")
    if weight is not None:
        if not isinstance(weight, (int, float)) or weight < 0:
            raise ValueError(
                "`decoupling_weight` must be a number, 0 or more. "
                f"Received: decoupling_weight={weight!r}"
            )
        row = row._replace(decoupling_weight=float(weight))
    return row
