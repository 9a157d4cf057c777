"""MSStack: the wiring of the multi-scale encoder/decoder."""

import inspect
import math
import warnings

import keras
from keras import ops

from msrnn_keras import inputs as checks
from msrnn_keras import layers
from msrnn_keras.architectures import ARCHITECTURES, MULTI_SCALE
from msrnn_keras.cells import CELLS
from msrnn_keras.names import lookup
from msrnn_keras.rollout import Rollout, StepCell
from msrnn_keras.streaming import Stream
from msrnn_keras.topology import sources


@keras.saving.register_keras_serializable(package="msrnn_keras")
class MSStack(keras.Model):
    """Multi-scale stack of recurrent layers that forecasts frames.

    A functional model: `(batch, time, height, width, channels)` in, the next
    `horizon` frames out. The first `context` frames are the past (fewer are
    fine); frames after them are the teacher in training and ignored
    otherwise. Any height, width and number of frames is accepted; frames are
    padded at the bottom and right to what the scales need, and cropped again.

    Args:
        cell: String, name of the cell (`"convlstm"`).
        image_shape: Tuple `(height, width, channels)` of the frames the model
            is meant for, pixels. Height and width are a default, not a limit.
        context: Integer, number of past frames.
        horizon: Integer, number of frames to forecast.
        filters: Integer, channels of every recurrent layer.
        kernel_size: Integer, side of the cells' kernels, pixels.
        scales: Tuple of integers, one for each layer: 2 works at half the
            frame's height and width. Must read the same backwards.
        skips: String, `"none"`, `"add"`, `"unet3+"` or `"fc"`; see
            `msrnn_keras.topology.sources`. None is `"none"` where all scales
            are 1 and `"add"` otherwise.
        patch_size: Integer p, turns p×p pixels into channels before the
            stack and back after it.
        sampling: `msrnn_keras.Sampling`, scheduled sampling in training.
            None trains on the model's own predictions.
        warmup: Boolean, whether training also learns the predictions of the
            context frames.
        dtype: String or `keras.DTypePolicy`, such as `"mixed_bfloat16"`.
        name: String.
        **cell_options: Further arguments of the cell.

    Raises:
        ValueError: If an argument is out of its range or unknown.

    Example:

    >>> model = MSStack("convlstm", image_shape=(64, 64, 1), filters=32)
    >>> model.compile("adam", loss=msrnn_keras.losses.L1L2())
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
        dtype=None,
        name=None,
        **cell_options,
    ):
        # === Layers ===
        cell, cell_class = lookup(cell, CELLS, "cell")
        _check_options(cell, cell_class, cell_options)
        image_shape = _check_image_shape(image_shape)
        scales = _check_scales(scales)
        for key, value in (
            ("context", context),
            ("horizon", horizon),
            ("patch_size", patch_size),
        ):
            _check_positive(key, value)
        if skips is None:
            skips = "none" if set(scales) == {1} else "add"
        sources(1, len(scales), skips)
        policy = keras.dtype_policies.get(dtype)
        channels = image_shape[-1]
        cells = [
            cell_class(
                filters,
                kernel_size,
                dtype=policy,
                name=f"layer_{index}",
                **cell_options,
            )
            for index in range(len(scales))
        ]
        embed = keras.layers.Conv2D(filters, 1, dtype=policy, name="embed")
        head = keras.layers.Conv2D(
            channels * patch_size**2, 1, dtype=policy, name="head"
        )
        wiring = Wiring(cells, embed, head, scales, skips, patch_size, policy)

        # === Functional model ===
        step = wiring.graph((None, None, channels))
        step_cell = StepCell(
            step, cells, wiring.layer_shapes, channels, dtype=policy
        )
        rollout = Rollout(
            step_cell, context, horizon, sampling, dtype=policy, name="rollout"
        )
        frames = keras.Input((None, None, None, channels), name="frames")
        super().__init__(inputs=frames, outputs=rollout(frames), name=name)
        if dtype is not None:
            self.dtype_policy = policy

        # === Config ===
        self.cell = cell
        self.image_shape = image_shape
        self.context = context
        self.horizon = horizon
        self.filters = filters
        self.kernel_size = kernel_size
        self.scales = scales
        self.skips = skips
        self.patch_size = patch_size
        self.sampling = sampling
        self.warmup = warmup
        self.cell_options = cell_options
        self._rollout = rollout
        self._views = _Views(step_cell, wiring)

    def get_config(self):
        serialize = keras.saving.serialize_keras_object
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
            "dtype": serialize(self.dtype_policy),
            "name": self.name,
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
        return cls(**config)

    # === Forecasting ===

    def __call__(self, frames, *args, **kwargs):
        checks.check_frames(frames, self.image_shape[-1])
        return super().__call__(frames, *args, **kwargs)

    def predict(self, x, *args, **kwargs):
        """Forecast the next `horizon` frames.

        Args:
            x: Array `(batch, time, height, width, channels)` of floats, or a
                data set of such batches. Only the first `context` frames
                count.
            *args: As in `keras.Model.predict`.
            **kwargs: As in `keras.Model.predict`.

        Returns:
            Array `(batch, horizon, height, width, channels)`.

        Raises:
            ValueError: If the frames have a wrong shape or contain NaN.
            TypeError: If they are not floating-point.
        """
        x = checks.checked(x, self.image_shape[-1])
        if checks.is_array(x):
            length, clip = x.shape[1], self.context + self.horizon - 1
            if length > self.context and length != clip:
                warnings.warn(
                    f"The model reads the first {self.context} frames and "
                    f"ignores the others. To use all of them as past, call "
                    f"model.forecast(frames, horizon=…). Received: {length} "
                    "frames",
                    stacklevel=2,
                )
        return super().predict(x, *args, **kwargs)

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
                wrong shape or contain NaN.
            TypeError: If the frames are not floating-point.

        Example:

        >>> model.forecast(frames, horizon=30).shape
        (8, 30, 64, 64, 1)
        """
        horizon = self.horizon if horizon is None else horizon
        _check_positive("horizon", horizon)
        return self._predict_view(
            (None, horizon, False), frames, batch_size, verbose
        )

    def rollout(self, frames, batch_size=None, verbose=0):
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
            ValueError: If the frames have a wrong shape or contain NaN.
            TypeError: If the frames are not floating-point.
        """
        return self._predict_view(
            (self.context, self.horizon, True), frames, batch_size, verbose
        )

    def _predict_view(self, key, frames, batch_size, verbose):
        frames = checks.checked(frames, self.image_shape[-1])
        view = self._views.get(*key)
        return view.predict(frames, batch_size=batch_size, verbose=verbose)

    def stream(self):
        """A forecast that is brought up to date frame by frame.

        Returns:
            `msrnn_keras.streaming.Stream`.
        """
        return Stream(self._views.step_cell)

    @property
    def step(self):
        """The graph of one time step, for frames of `image_shape`.

        A functional `keras.Model` that `keras.utils.plot_model` draws: frame
        and states in, next frame and new states out.
        """
        return self._views.wiring.graph(self.image_shape)

    # === Training ===

    def fit(self, x=None, *args, **kwargs):
        """As `keras.Model.fit`, with the frames checked first.

        Args:
            x: Past frames, or clips without their last frame (`context +
                horizon - 1` frames), which scheduled sampling needs; or a
                data set of `(x, y)`.
            *args: As in `keras.Model.fit`.
            **kwargs: As in `keras.Model.fit`.

        Returns:
            `keras.callbacks.History`.

        Raises:
            ValueError: If the frames have a wrong shape or contain NaN.
            TypeError: If they are not floating-point.
        """
        return self._run(super().fit, x, *args, **kwargs)

    def evaluate(self, x=None, *args, **kwargs):
        """As `keras.Model.evaluate`, with the frames checked first."""
        return self._run(super().evaluate, x, *args, **kwargs)

    def _run(self, method, x, *args, **kwargs):
        x = checks.checked(x, self.image_shape[-1])
        with checks.plain_errors():
            return method(x, *args, **kwargs)

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        warmup = self._rollout.pop_warmup()
        _check_target(y, y_pred)
        if training and self.warmup and warmup is not None:
            # Frames 1, 2, … of the past are the targets of the warm-up.
            count = ops.shape(warmup)[1]
            target = ops.cast(x[:, 1 : count + 1], warmup.dtype)
            y = ops.concatenate([target, ops.cast(y, warmup.dtype)], axis=1)
            y_pred = ops.concatenate([warmup, y_pred], axis=1)
        return super().compute_loss(
            x=x,
            y=y,
            y_pred=y_pred,
            sample_weight=sample_weight,
            training=training,
        )


class Wiring:
    """How the layers of a stack feed one another within a time step.

    Args:
        cells: List of cells, one for each layer.
        embed: Layer from a frame's channels to the cells' channels.
        head: Layer from the cells' channels to a frame's channels.
        scales: Tuple of integers, one for each layer.
        skips: String, the topology.
        patch_size: Integer, pixels.
        policy: `keras.DTypePolicy` of the layers made here.
    """

    def __init__(self, cells, embed, head, scales, skips, patch_size, policy):
        self.cells = cells
        self.embed = embed
        self.head = head
        self.scales = scales
        self.skips = skips
        self.patch_size = patch_size
        self.policy = policy
        needs = [
            scale * cell.size_multiple
            for scale, cell in zip(scales, cells, strict=True)
        ]
        self.multiple = patch_size * math.lcm(*needs)

    def layer_shapes(self, image_shape):
        """`(height, width)` of every layer for a frame's `(height, width)`."""
        return [
            tuple(
                None if n is None else _padded(n, self.multiple) // factor
                for n in image_shape[:2]
            )
            for factor in (self.patch_size * scale for scale in self.scales)
        ]

    def graph(self, image_shape):
        """The functional model of one time step.

        Args:
            image_shape: Tuple `(height, width, channels)` of a frame; height
                and width may be None.

        Returns:
            `keras.Model` from `[frame, *states]` to `[frame, *states]`.
        """
        depth = len(self.cells)
        frame = keras.Input(image_shape, name="frame")
        states = self._state_inputs(image_shape)
        outputs, new_states = [], []
        x = self._before(frame)
        for index, cell in enumerate(self.cells):
            if index == 0:
                x = self._resample(x, 1, self.scales[0], "input")
            else:
                chosen = sources(index, depth, self.skips)
                x = self._gather(outputs, chosen, index)
            x, new = cell(x, states[index])
            outputs.append(x)
            new_states.extend(new)
        x = self._resample(x, self.scales[-1], 1, "output")
        prediction = self._after(x, frame)
        flat = [state for layer in states for state in layer]
        return keras.Model(
            [frame, *flat], [prediction, *new_states], name="step"
        )

    def _state_inputs(self, image_shape):
        return [
            [
                keras.Input(shape, name=f"{field}_{index}")
                for field, shape in zip(
                    cell.State._fields, cell.state_shapes(size), strict=True
                )
            ]
            for index, (cell, size) in enumerate(
                zip(self.cells, self.layer_shapes(image_shape), strict=True)
            )
        ]

    def _before(self, frame):
        x = layers.PadToMultiple(self.multiple, dtype=self.policy, name="pad")(
            frame
        )
        if self.patch_size > 1:
            x = layers.SpaceToDepth(
                self.patch_size, dtype=self.policy, name="to_patches"
            )(x)
        return self.embed(x)

    def _after(self, x, frame):
        x = self.head(x)
        if self.patch_size > 1:
            x = layers.DepthToSpace(
                self.patch_size, dtype=self.policy, name="to_pixels"
            )(x)
        return layers.CropToFrame(dtype=self.policy, name="crop")([x, frame])

    def _gather(self, outputs, chosen, index):
        """The sum of earlier layers' outputs, at a layer's scale."""
        maps = [
            self._resample(
                outputs[source],
                self.scales[source],
                self.scales[index],
                f"{source}_to_{index}",
            )
            for source in reversed(chosen)
        ]
        if len(maps) == 1:
            return maps[0]
        add = keras.layers.Add(dtype=self.policy, name=f"skips_to_{index}")
        return add(maps)

    def _resample(self, x, source, target, name):
        if source == target:
            return x
        direction = "down" if target > source else "up"
        return layers.Resample(
            source, target, dtype=self.policy, name=f"{direction}_{name}"
        )(x)


class _Views:
    """The same stack rolled out otherwise, built when first asked for.

    A plain object, so that Keras does not track or save the models in it.
    """

    def __init__(self, step_cell, wiring):
        self.step_cell = step_cell
        self.wiring = wiring
        self._models = {}

    def get(self, context, horizon, keep_warmup):
        key = (context, horizon, keep_warmup)
        if key not in self._models:
            cell = self.step_cell
            frames = keras.Input((None, None, None, cell.filters))
            rollout = Rollout(
                cell,
                context,
                horizon,
                keep_warmup=keep_warmup,
                dtype=cell.dtype_policy,
            )
            self._models[key] = keras.Model(frames, rollout(frames))
        return self._models[key]


def create(name, **kwargs):
    """Build an architecture by name.

    Args:
        name: String, such as `"ms-convlstm"`; see
            `msrnn_keras.architectures.ARCHITECTURES`.
        **kwargs: Arguments of `MSStack`, over those of the architecture.

    Returns:
        `MSStack`.

    Raises:
        ValueError: If the name or an argument is unknown.

    Example:

    >>> model = msrnn_keras.create("ms-convlstm", filters=32)
    """
    _, row = lookup(name, ARCHITECTURES, "architecture")
    return MSStack(row.cell, **{"scales": row.scales, **kwargs})


def _padded(size, multiple):
    return size + -size % multiple


def _check_positive(name, value):
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(
            f"`{name}` must be a positive integer. Received: {name}={value!r}"
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
            _check_positive("image_shape", value)
    _check_positive("image_shape", channels)
    return (height, width, channels)


def _check_scales(scales):
    scales = tuple(scales)
    if not scales:
        raise ValueError(
            f"`scales` must name one layer or more. Received: scales={scales}"
        )
    for scale in scales:
        _check_positive("scales", scale)
    if scales != scales[::-1]:
        raise ValueError(
            "`scales` must read the same backwards, as (1, 2, 4, 4, 2, 1). "
            f"Received: scales={scales}"
        )
    return scales


def _check_options(cell, cell_class, options):
    known = inspect.signature(cell_class.__init__).parameters
    unknown = sorted(set(options) - set(known))
    if unknown:
        raise ValueError(
            f"The cell {cell!r} and MSStack have no argument "
            f"{', '.join(unknown)}. Received: {unknown}"
        )


def _check_target(y, y_pred):
    if y is None or len(y.shape) != len(y_pred.shape):
        shape = None if y is None else tuple(y.shape)
        raise ValueError(
            "The target must be frames (batch, horizon, height, width, "
            f"channels). Received: y.shape={shape}"
        )
    for given, made in zip(y.shape[1:], y_pred.shape[1:], strict=True):
        if given is not None and made is not None and given != made:
            raise ValueError(
                f"The target must be the frames to forecast, "
                f"{tuple(y_pred.shape[1:])}. Received: {tuple(y.shape[1:])}"
            )
