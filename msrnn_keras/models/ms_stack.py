"""MSStack: a multi-scale encoder and decoder of recurrent layers."""

import inspect
from collections.abc import Sequence
from typing import Any, Literal, Self

import keras
import numpy as np
from keras import ops

from msrnn_keras.cells.base import ConvRNNCell
from msrnn_keras.layers.convolution import Untracked
from msrnn_keras.models.architectures import (
    ALIASES,
    ARCHITECTURES,
    MULTI_SCALE,
    names_of,
)
from msrnn_keras.models.forecaster import Forecaster, check_arguments
from msrnn_keras.models.rollout import Rollout, StepCell
from msrnn_keras.models.scheduled_sampling import (
    ScheduledSampling,
    check_sampling,
)
from msrnn_keras.models.step_graph import (
    Wiring,
    build_cells,
    cell_arguments,
    lookup_cell,
)
from msrnn_keras.models.step_inputs import split_inputs
from msrnn_keras.models.stepper import Stepper
from msrnn_keras.presets.configuration import find_class
from msrnn_keras.utils import checks
from msrnn_keras.utils.arguments import check_integers, check_within, is_number
from msrnn_keras.utils.names import lookup, normalize
from msrnn_keras.utils.typing import Config, Verbose


@keras.saving.register_keras_serializable(package="msrnn_keras")
class MSStack(Forecaster):
    """Multi-scale stack of recurrent layers that forecasts frames.

    A `Forecaster` for frames of any size, which also takes fewer than `context`
    past frames. It pads frames at the bottom and right to a multiple that the
    scales need, and crops the result.

    Args:
        cell: String, a name in `models.architectures.CELL_SPECS`, such as
            `"predrnn"`; or your own registered subclass of `ConvRNNCell`.
        image_shape: Tuple `(height, width, channels)` of a frame, pixels.
            Height and width are a default, not a limit.
        context, horizon: Integers, numbers of past and forecast frames.
        filters: Integer, channels of every recurrent layer.
        kernel_size: Integer, height and width of the cells' kernels, pixels.
        scales: Tuple of integers, one per layer, the same backwards: 2 works
            at half the height and width of a frame.
        skips: String, `"none"`, `"add"`, `"unet3+"` or `"fc"`, as in
            `models.step_graph.sources`. None: `"add"` if a scale is not 1.
        patch_size: Integer p, turns p×p pixels into channels and back.
        sampling: `ScheduledSampling`. None trains on its own forecasts.
        warmup: Boolean, whether the loss includes the context's predictions.
        motion: Boolean, whether all layers but the last are a `MotionCell`.
            None means only for `"motionrnn"`.
        decoupling_weight: Float, weight of the decoupling loss of PredRNN-V2.
            None means 0.01 for `"predrnn-v2"`, else 0.
        remat: String, what training computes again to save memory: `"layer"`,
            the inside of the layers; `"step"`, all but the states (least
            memory, slowest); None, nothing.
        missing: String. `"mask"` reads missing pixels (NaN) as zeros, adds a
            mask as channels and excludes them from the loss. None refuses them.
        residual: Boolean, whether a step predicts the change of its frame. The
            sum counts missing pixels as 0. Untrained, this is persistence.
        covariates: Integer k, channels that enter each step beside the frame
            and are known ahead, not forecast. Inputs are then the tuple
            `(frames, covariates)`, see `Forecaster`.
        noise: Boolean, whether white noise enters at the coarsest scale, so
            that forecasts are members of an ensemble.
        members: Integer, 2 or more, members of a model with `noise` in `fit`
            and `evaluate`, such as for `losses.AlmostFairCRPS`.
        dtype: String or `keras.DTypePolicy`, such as `"mixed_bfloat16"`.
        name: String.
        **cell_options: Further arguments of the cell, such as `links` of
            `"trajgru"`; with `motion`, also `motion_limit` of `MotionCell`.

    Every argument but `dtype` is an attribute of the same name. Frames must be
    within ±1e6, or within `value_range`; from `zoo.load`: (-0.5, 1.5).

    Raises:
        ValueError: If an argument is out of its range, unknown or unsuitable.

    Example:
    >>> model = MSStack("convlstm", image_shape=(64, 64, 1), filters=32)
    >>> model.compile("adam", loss=msrnn_keras.losses.FrameL1L2Loss())
    >>> model.fit(past, future)

    Reference: MS-RNN, 2022, arXiv:2206.03010.
    """

    has_states = True
    architectures = names_of("MSStack")
    preset_overrides = (
        *Forecaster.preset_overrides,
        *("context", "horizon", "members", "missing", "remat", "sampling"),
        "warmup",
    )

    def __init__(
        self,
        cell: str | type[ConvRNNCell],
        image_shape: Sequence[int] = (64, 64, 1),
        context: int = 10,
        horizon: int = 10,
        filters: int = 64,
        kernel_size: int = 3,
        scales: Sequence[int] = MULTI_SCALE,
        skips: Literal["none", "add", "unet3+", "fc"] | None = None,
        patch_size: int = 1,
        sampling: ScheduledSampling | None = None,
        warmup: bool = True,
        motion: bool | None = None,
        decoupling_weight: float | None = None,
        remat: Literal["layer", "step"] | None = None,
        missing: Literal["mask"] | None = None,
        residual: bool = False,
        covariates: int = 0,
        noise: bool = False,
        members: int = 2,
        dtype: str | keras.DTypePolicy | None = None,
        name: str | None = None,
        **cell_options: Any,
    ) -> None:
        # Layers
        cell, spec = lookup_cell(cell)
        spec = _with_extras(spec, motion, decoupling_weight)
        _check_options(cell, spec, cell_options)
        sizes = check_arguments(image_shape, context, horizon, missing)
        image_shape, context, horizon = sizes
        filters = checks.check_positive("filters", filters)
        kernel_size = checks.check_positive("kernel_size", kernel_size)
        patch_size = checks.check_positive("patch_size", patch_size)
        warmup = checks.check_boolean("warmup", warmup)
        residual = checks.check_boolean("residual", residual)
        covariates = checks.check_count("covariates", covariates, 0)
        noise = checks.check_boolean("noise", noise)
        members = checks.check_count("members", members, 2)
        scales, sampling = _check_scales(scales), check_sampling(sampling)
        if skips is None:
            skips = "none" if set(scales) == {1} else "add"
        policy = checks.dtype_policy(dtype)
        sizes = {"filters": filters, "kernel_size": kernel_size, **cell_options}
        cells = build_cells(spec, len(scales), policy, **sizes)

        # Wiring
        channels, shape = image_shape[-1], (scales, skips, patch_size)
        extras = (covariates, noise)
        wiring = Wiring(
            cells, channels, *shape, policy, missing, residual, *extras
        )
        # This graph comes first, so that pictures show the given sizes.
        step = wiring.graph(image_shape)
        step_cell = StepCell(wiring, channels, remat, dtype=policy)
        times = (context, horizon, sampling, spec.decoupling_weight)
        options = {"dtype": policy.variable_dtype, "name": "rollout"}
        options["members"] = members if noise else None
        rollout = Rollout(step_cell, *times, **options)
        inputs = self.frames_input(image_shape, policy, True, covariates)
        sizes = (image_shape, context, horizon)
        super().__init__(inputs, rollout(inputs), *sizes, missing, policy, name)

        # Config
        cell_options = _as_stored(cell_options, cells)
        self.cell, self.cell_options = cell, cell_options
        self.filters, self.kernel_size = filters, kernel_size
        self.scales, self.skips, self.patch_size = scales, skips, patch_size
        self.sampling, self.warmup, self.remat = sampling, warmup, remat
        self.motion, self.residual = spec.motion, residual
        self.covariates, self.noise, self.members = covariates, noise, members
        self.decoupling_weight = spec.decoupling_weight
        for option, value in cell_options.items():
            if not hasattr(self, option):  # Keras' own attributes stay
                setattr(self, option, value)
        self._rollout, self._step = rollout, Untracked(step)
        self._stepper, self._windowed = Stepper(step_cell), spec.stream_window

    def get_config(self) -> Config:
        serialize = keras.saving.serialize_keras_object
        first = ("cell", "filters", "kernel_size", "scales", "skips")
        last = ("warmup", "motion", "decoupling_weight", "remat")
        names = (*first, "patch_size", "sampling", *last)
        config = {name: getattr(self, name) for name in names}
        config["sampling"] = self.sampling and serialize(self.sampling)
        if self.residual:  # else as in files of version 0.2
            config["residual"] = True
        if self.covariates:
            config["covariates"] = self.covariates
        if self.noise:
            config |= {"noise": True, "members": self.members}
        options = {k: serialize(v) for k, v in self.cell_options.items()}
        return {**super().get_config(), **config, **options}

    @classmethod
    def from_config(
        cls, config: Config, custom_objects: Config | None = None
    ) -> Self:
        config = dict(config)
        if "decoupling" in config:  # its name in version 0.1
            config["decoupling_weight"] = config.pop("decoupling")
        return super().from_config(config, custom_objects)

    @property
    def step(self) -> keras.Model:
        """The graph of one time step, for `image_shape`: a `keras.Model`."""
        return self._step.layer

    def summary(self, *args: Any, **kwargs: Any) -> None:
        """Print the layers of one time step, as `keras.Model.summary` does."""
        step = keras.Model(self.step.inputs, self.step.outputs, name=self.name)
        step.summary(*args, **kwargs)

    def predict_all(
        self, frames: Any, batch_size: int | None = None, verbose: Verbose = 0
    ) -> np.ndarray:
        def pick(step, prediction, states):
            return prediction

        past, extras = self._past_of(frames)
        options = (pick, batch_size, verbose)
        return self._run(past, self.horizon, *options, **extras)

    def decoupling_distances(
        self, frames: Any, batch_size: int | None = None, verbose: Verbose = 0
    ) -> np.ndarray:
        """Return the decoupling distances of PredRNN-V2 for all predictions.

        Args:
            frames: Array `(batch, time, height, width, channels)` of floats.
            batch_size: As in `predict`.
            verbose: As in `predict`.

        Returns:
            Array `(context + horizon - 1, layers, batch, filters)` within
            [0, 1]: |cosine| over space between the increments of the cell
            state and of the memory. Zeros if the model has no decoupling.
        """
        past, extras = self._past_of(frames)
        if not self.decoupling_weight:
            steps, layers = past.shape[1] + self.horizon - 1, len(self.scales)
            return np.zeros((steps, layers, len(past), self.filters), "float32")

        def pick(step, prediction, states):
            return self._stepper.cell.distances(states)

        options = (pick, batch_size, verbose)
        distances = self._run(past, self.horizon, *options, **extras)
        return distances.transpose(1, 2, 0, 3)

    def _forecast(self, past, horizon, batch_size, verbose, extras=None):
        def pick(step, prediction, states):
            return prediction if step >= past.shape[1] - 1 else None

        return self._run(past, horizon, pick, batch_size, verbose, extras)

    def _run(self, past, horizon, pick, batch_size, verbose, extras=None):
        """Step through past and horizon; see `Stepper.run`."""
        checks.check_not_empty(past)
        steps = past.shape[1] + horizon - 1
        given = checks.check_call(batch_size=batch_size, verbose=verbose)
        batch_size, verbose = given.values()
        options = (pick, batch_size, verbose, extras)
        return self._stepper.run(past, steps, *options)

    def _past_of(self, x):
        """Return the checked past of the inputs, and what `_run` also takes."""
        x, covariates = split_inputs(self._validated(x), self.covariates)
        return x[:, : self.context], self._extras(covariates)

    @property
    def _stream_window(self):
        return self.context if self._windowed else None

    @property
    def _forecast_variables(self):
        return self._stepper.cell.model.variables

    def _loss_inputs(self, x, y, y_pred, sample_weight, training):
        """Prepend the warm-up; its targets are the frames 1, 2, … of x."""
        warmup = self._rollout.pop_warmup()
        if not (training and self.warmup) or warmup is None:
            return y, y_pred, sample_weight
        count = ops.shape(warmup)[-4]
        target = ops.cast(x[:, 1 : count + 1], warmup.dtype)
        y = ops.concatenate([target, ops.cast(y, warmup.dtype)], axis=1)
        y_pred = ops.concatenate([warmup, y_pred], axis=-4)
        if sample_weight is not None and len(sample_weight.shape) > 1:
            ones = ops.repeat(ops.ones_like(sample_weight[:, :1]), count, 1)
            sample_weight = ops.concatenate([ones, sample_weight], axis=1)
        return y, y_pred, sample_weight


def create(name: str, **kwargs: Any) -> Forecaster:
    """Build a model by the name of its architecture.

    Args:
        name: String, a key of `models.architectures.ARCHITECTURES`.
        **kwargs: Arguments of the architecture's class, such as `MSStack` or
            `SimVP`, which replace the architecture's.

    Raises:
        ValueError: If the name or an argument is unknown.

    Example:
    >>> model = msrnn_keras.create("ms-convlstm", filters=32)
    """
    name, row = _find(name)
    kind = find_class(row.model)
    taken = inspect.signature(kind).parameters
    unknown = sorted(set(kwargs) - set(taken))
    if unknown and "cell_options" not in taken:
        raise ValueError(
            f"{name} has no argument {', '.join(unknown)}; it has "
            f"{', '.join(taken)}. Received: {', '.join(unknown)}"
        )
    # TensorFlow refuses "+" in the name of a model.
    safe = name.replace("++", "-plus-plus")
    return kind(**{**row.options, "name": safe, **kwargs})


def class_of(name):
    """Return the class of the models of an architecture."""
    return find_class(_find(name)[1].model)


def _find(name):
    """Return the canonical name and the row of an architecture."""
    name = ALIASES.get(normalize(name), name)
    return lookup(name, ARCHITECTURES, "architecture")


def _check_scales(scales):
    """Check the scales and return them as a tuple."""
    scales = check_integers("scales", scales)
    if not scales or scales != scales[::-1]:
        raise ValueError(
            "`scales` must have one layer or more and read the same backwards, "
            f"as (1, 2, 4, 4, 2, 1). Received: scales={scales}"
        )
    return scales


def _check_options(cell, spec, options):
    """Refuse options that no cell of the stack takes."""
    unknown = sorted(set(options) - cell_arguments(spec))
    if unknown:
        raise ValueError(
            f"The cell {cell!r} and MSStack have no argument "
            f"{', '.join(unknown)}. Received: {unknown}"
        )


def _as_stored(options, cells):
    """Return options of cells, numbers of the types that the cells store."""
    stored = dict(options)
    for layer in (x for cell in cells for x in cell._flatten_layers()):
        for name, value in options.items():
            own = getattr(layer, name, None)
            if is_number(value) and is_number(own) and own == value:
                stored[name] = own
    return stored


def _with_extras(spec, motion, weight):
    """Return a `CellSpec` with the choices of the user."""
    if motion is not None:
        spec = spec._replace(motion=checks.check_boolean("motion", motion))
    if spec.motion:
        spec = spec._replace(stream_window="context")
    if weight is not None:
        weight = check_within("decoupling_weight", weight, "[0, inf]")
        spec = spec._replace(decoupling_weight=float(weight))
    return spec
