"""Lagrangian: optical flow moves the frames, a model forecasts the change."""

from typing import Any, NoReturn, Self

import keras
import numpy as np
import numpy.typing as npt

from msrnn_keras.layers.convolution import Untracked
from msrnn_keras.models.forecaster import Forecaster
from msrnn_keras.models.step_inputs import check_members
from msrnn_keras.presets.configuration import find_class
from msrnn_keras.presets.saving import model_config
from msrnn_keras.utils import checks, motion
from msrnn_keras.utils.matching import probability_match
from msrnn_keras.utils.typing import Config, Verbose

# Arguments of the wrapped model that the config has as its own.
SHARED = ("image_shape", "context", "horizon", "missing", "dtype", "name")


@keras.saving.register_keras_serializable(package="msrnn_keras")
class Lagrangian(Forecaster):
    """A model that forecasts along the motion of the frames.

    The optical flow of the last `context` frames (`utils.motion`) moves them to
    the present, the wrapped model forecasts in the moving frame, and the result
    is moved to its lead times. The model need not learn motion, but growth and
    decay alone. Untrained, an `MSStack` with `residual=True` gives the flow.

    The flow is NumPy outside of the graph. So this class takes arrays in
    `predict`, `forecast` and `stream`, and refuses to be called or evaluated.
    `fit` trains the wrapped model, `.model`, in the moving frame. The weights
    file of both is the same.

    Args:
        model: `Forecaster` with `missing="mask"`, since moved frames have
            unknown borders. Its sizes, dtype and name are those of this model.
        fill: Number, the value of unknown pixels of a forecast: those missing
            in the last frame, and inflow. None leaves them NaN.
        matched: Boolean, whether forecasts have the values of the moved last
            frame, rank by rank: heavy rain stays heavy, at a higher squared
            error. See `probability_match`.
        blend: Number in [0, 1], the share of the smoothed flow in the forecast.
        blur, factor: Numbers, see `baselines.SmoothedFlow`.

    Every argument is an attribute of the same name.

    Raises:
        ValueError: If an argument is out of its range, or the model unsuitable.
        ImportError: If `pysteps` or OpenCV is not installed.

    Example:
    >>> stack = msrnn_keras.create(
    ...     "ms-convlstm", context=6, horizon=12, residual=True, missing="mask"
    ... )
    >>> model = Lagrangian(stack)
    >>> model.compile("adam", loss=msrnn_keras.losses.FrameL1L2Loss())
    >>> model.fit(past, future)
    >>> future = model.predict(past)
    """

    OWN = ("fill", "matched", "blend", "blur", "factor")
    preset_overrides = (*Forecaster.preset_overrides, "horizon", *OWN)

    def __init__(
        self,
        model: Forecaster,
        fill: float | None = 0.0,
        matched: bool = False,
        blend: float = 0.0,
        blur: float = 0.25,
        factor: float = 0.85,
    ) -> None:
        _check_model(model)
        blend = checks.check_finite("blend", blend)
        blur = checks.check_finite("blur", blur)
        factor = checks.check_finite("factor", factor)
        if not (0 <= blend <= 1 and blur >= 0):
            raise ValueError(
                "`blend` must be in [0, 1] and `blur` 0 or more. "
                f"Received: blend={blend}, blur={blur}"
            )
        if fill is not None:
            fill = checks.check_finite("fill", fill)
        motion.check_installed()
        super().__init__(
            model.inputs[0],
            model.outputs[0],
            model.image_shape,
            model.context,
            model.horizon,
            model.missing,
            model.dtype_policy,
            model.name,
        )
        self.fill = fill
        self.matched = checks.check_boolean("matched", matched)
        self.blend, self.blur, self.factor = blend, blur, factor
        self._model = Untracked(model)  # its layers are those of this graph

    @property
    def model(self) -> Forecaster:
        """The wrapped model, of frames in the moving frame."""
        return self._model.layer

    @property
    def noise(self) -> bool:
        """Whether forecasts are members of an ensemble."""
        return self.model.noise

    @property
    def any_size(self) -> bool:
        """Whether frames may have any size."""
        return self.model.any_size

    def get_config(self) -> Config:
        config = {name: getattr(self, name) for name in self.OWN}
        wrapped = model_config(self.model)
        wrapped["config"] = {
            key: value
            for key, value in wrapped["config"].items()
            if key not in (*SHARED, "value_range")
        }
        return {**super().get_config(), "model": wrapped, **config}

    @classmethod
    def from_config(
        cls, config: Config, custom_objects: Config | None = None
    ) -> Self:
        config = dict(config)
        wrapped, limits = config.pop("model"), config.pop("value_range", None)
        shared = {key: config.pop(key) for key in SHARED}
        with keras.saving.custom_object_scope(custom_objects or {}):
            wrapped_class = find_class(wrapped["class"])
            if wrapped_class is None:
                raise ValueError(
                    "The wrapped model must be of a registered class, whose "
                    f"module has been imported. Received: {wrapped['class']!r}"
                )
            inner = wrapped_class.from_config({**wrapped["config"], **shared})
        model = cls(inner, **config)
        model.value_range = limits
        return model

    def summary(self, *args: Any, **kwargs: Any) -> None:
        """Print the layers of the wrapped model."""
        self.model.summary(*args, **kwargs)

    def compile(self, *args: Any, **kwargs: Any) -> None:
        """Compile the wrapped model, as `keras.Model.compile` does.

        Losses and metrics are those of frames in the moving frame. A saved
        `Lagrangian` is not compiled.
        """
        self.model.compile(*args, **kwargs)

    def fit(
        self,
        x: Any = None,
        y: Any = None,
        *,
        validation_data: Any = None,
        **kwargs: Any,
    ) -> keras.callbacks.History:
        """Train the wrapped model on clips in the moving frame.

        Arrays are moved by the flow of their past, once, before the first
        epoch. A data set with `moving=True` is moved already. It is better: it
        moves whole frames and crops then; the flow of a crop is worse.

        Args:
            x: Data set with `moving=True`, or array `(batch, context, height,
                width, channels)` of floats, the past frames, NaN if missing.
            y: Array `(batch, horizon, height, width, channels)`, the future;
                None with a data set.
            validation_data: Data set with `moving=True`, tuple `(x, y)` of
                arrays, or None.
            **kwargs: As in `keras.Model.fit`, without `sample_weight`.

        Returns:
            `keras.callbacks.History`, of the losses in the moving frame.

        Raises:
            TypeError: If the clips are neither, or have weights.
            ValueError: If the frames have wrong shapes or values.

        Example:
        >>> clips = data.load("radar", "train", path="radar", moving=True)
        >>> model.fit(clips, epochs=10, shuffle=False)
        """
        if kwargs.get("sample_weight") is not None:
            raise TypeError(
                "`sample_weight` would not move with the clips. "
                "Received: a `sample_weight`"
            )
        if isinstance(validation_data, tuple):
            validation_data = self._moved(*validation_data)
        elif validation_data is not None:
            _check_moving(validation_data)
        if y is None and not checks.is_array(x):
            _check_moving(x)
        else:
            x, y = self._moved(x, y)
        return self.model.fit(x, y, validation_data=validation_data, **kwargs)

    def _moved(self, x, y, *weights):
        """Return past and future of clips in the moving frame."""
        if weights or not (checks.is_array(x) and checks.is_array(y)):
            raise TypeError(
                "The optical flow needs arrays of clips, past and future, "
                "without weights. Received: "
                f"{[type(part).__name__ for part in (x, y, *weights)]}"
            )
        past = np.asarray(self._validated(x))
        if past.shape[1] != self.context:
            raise ValueError(
                f"`x` must have {self.context} past frames. "
                f"Received: {past.shape[1]} frames"
            )
        shape = (len(past), self.horizon, *past.shape[2:])
        future = keras.ops.convert_to_numpy(checks.filled(y))
        if future.shape != shape:
            raise ValueError(
                f"`y` must have the shape {shape}. Received: {future.shape}"
            )
        checks.check_floats(future, "y")
        checks.check_values(future, "y", self._limits, allow_nan=True)
        clips = np.concatenate([past, future], axis=1)
        moved = [motion.to_moving_frame(clip, self.context) for clip in clips]
        return tuple(np.split(np.stack(moved), [self.context], axis=1))

    def predict(
        self,
        x: npt.ArrayLike,
        batch_size: int | None = None,
        verbose: Verbose = "auto",
        steps: int | None = None,
        callbacks: Any = None,
    ) -> np.ndarray:
        """Forecast the next `horizon` frames of an array.

        Args:
            x: Array `(batch, time, height, width, channels)` of floats, NaN if
                missing; not a data set. The model reads `context` frames.
            batch_size: Integer, samples per batch. None means 32.
            verbose: As in `keras.Model.predict`.
            steps: None, as is the next: they belong to data sets.
            callbacks: None.

        Returns:
            Array `(batch, horizon, height, width, channels)`.

        Raises:
            TypeError: If `x` is a data set.
        """
        if not checks.is_array(x) and not isinstance(x, (list, tuple)):
            raise TypeError(
                "The optical flow needs arrays: call `predict` for each batch. "
                f"Received: x of type {type(x).__name__}"
            )
        if steps or callbacks:
            raise TypeError(
                "Arrays have no steps, and the optical flow no callbacks. "
                f"Received: steps={steps}, callbacks={callbacks}"
            )
        return super().predict(checks.stacked(x), batch_size, verbose)

    def forecast(
        self,
        frames: npt.ArrayLike,
        horizon: int | None = None,
        batch_size: int | None = None,
        verbose: Verbose = 0,
        matched: bool | None = None,
        fields: npt.ArrayLike | None = None,
        members: int | None = None,
        seed: int = 0,
    ) -> np.ndarray:
        """Forecast any number of frames after all given frames.

        Args:
            frames: Array `(batch, time, height, width, channels)` of floats,
                NaN if missing. The model reads the last `context` frames.
            horizon: Integer, frames to forecast. None means `self.horizon`.
            batch_size: As in `predict`.
            verbose: As in `predict`.
            matched: Boolean, as in the class. None means `self.matched`.
            fields: Array `(batch, 2, height, width)`, the motion in pixels per
                frame to the right and down. None means the optical flow.
            members: As in `Forecaster.forecast`.
            seed: As in `Forecaster.forecast`.

        Returns:
            Array `(batch, horizon, height, width, channels)`, with `members`
            `(batch, members, horizon, …)`.

        Example:
        >>> future = model.forecast(frames, horizon=18, matched=True)
        """
        horizon = self.horizon if horizon is None else horizon
        horizon = checks.check_positive("horizon", horizon)
        members, seed = check_members(members, seed, self.noise)
        past = self._validated(frames)
        options = {"matched": matched, "fields": fields}
        options |= self._extras(None, members, seed)
        future = self._forecast(past, horizon, batch_size, verbose, **options)
        return future[:, None] if members and not self.noise else future

    def _forecast(
        self,
        past,
        horizon,
        batch_size,
        verbose,
        extras=None,
        matched=None,
        fields=None,
    ):
        checks.check_not_empty(past[:, -1:])
        past = np.asarray(past[:, -self.context :])
        past = past.astype(np.promote_types(past.dtype, "float32"))
        if fields is None:
            fields = [motion.motion_field(x) for x in past.mean(axis=-1)]
        _check_fields(fields, past)
        now = range(self.context)[::-1]
        moved = _advect(past, fields, now)
        present = moved[:, -1]
        options = (batch_size, verbose, *([extras] if extras else []))
        future = self.model._forecast(moved, horizon, *options)
        _check_finite(future)
        if extras and extras.members:  # each member is a clip from here on
            future = future.reshape(-1, *future.shape[2:])
            present = np.repeat(present, extras.members, axis=0)
            fields = np.repeat(fields, extras.members, axis=0)
        future = np.where(np.isnan(present)[:, None], np.nan, future)
        ahead = range(1, horizon + 1)
        future = _advect(future.astype(past.dtype), fields, ahead)
        matched = self.matched if matched is None else matched
        if matched or self.blend:
            flow = _advect(present, fields, ahead)
        if self.blend:
            smooth = [motion.blurred(x, self.blur) for x in flow]
            smooth = self.factor * np.stack(smooth)
            future += self.blend * (smooth - future)
        if matched:
            future = probability_match(future, flow)
        if self.fill is not None:
            future = np.where(np.isnan(future), self.fill, future)
        future = future.astype(self.variable_dtype)
        return extras.grouped(future) if extras else future

    @property
    def _forecast_variables(self):
        return self.model._forecast_variables

    def export(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise NotImplementedError(
            "The optical flow is no part of the graph: export the network, "
            "`model.model.export(…)`, which forecasts moved frames. "
            "Received: an export of Lagrangian"
        )

    def __call__(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise _no_graph("a call")

    def _train(self, method, *args, **kwargs):
        raise _no_graph(f"`{method.__name__}`")


def _advect(clips, fields, steps):
    """Move the frames of each clip along its field."""
    pairs = zip(clips, fields, strict=True)
    return np.stack([motion.advect(x, field, steps) for x, field in pairs])


def _check_model(model):
    if not isinstance(model, Forecaster) or isinstance(model, Lagrangian):
        raise ValueError(
            "`model` must be a `Forecaster`, and not `Lagrangian` itself. "
            f"Received: model={model!r}"
        )
    if model.missing != "mask":
        raise ValueError(
            "Moved frames have unknown borders: build the model with "
            f"missing='mask'. Received: missing={model.missing!r}"
        )
    if model.covariates:
        raise ValueError(
            "Covariates do not move with the frames: build the model without. "
            f"Received: covariates={model.covariates}"
        )
    if model._target_channels not in (None, model.image_shape[-1]):
        raise ValueError(
            "The model must forecast the channels that it reads. Received: "
            f"{model.image_shape[-1]} and {model._target_channels} channels"
        )


def _check_moving(clips):
    if not getattr(clips, "moving", False):
        raise TypeError(
            "The optical flow needs arrays, or a data set whose clips it has "
            "moved: `data.load(..., moving=True)`. "
            f"Received: {type(clips).__name__}"
        )


def _check_fields(fields, past):
    shape = (len(past), 2, *past.shape[2:4])
    if np.shape(fields) != shape or not np.isfinite(fields).all():
        raise ValueError(
            f"`fields` must be finite, of the shape {shape}. "
            f"Received: shape {np.shape(fields)}"
        )


def _check_finite(future):
    """Refuse what a fill would hide."""
    if not np.isfinite(future).all():
        raise ValueError(
            "The wrapped model forecast numbers that are not finite; check its "
            "weights, or shorten the horizon. Received: NaN or infinity"
        )


def _no_graph(what):
    """Return the error for what would skip the motion."""
    return NotImplementedError(
        "The optical flow is no part of the graph: forecast with `predict` or "
        "`forecast`, score with `evaluation.evaluate`, and train with `fit`, "
        "or `model.model` on clips in the moving frame. "
        f"Received: {what} of Lagrangian"
    )
