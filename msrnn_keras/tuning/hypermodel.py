"""The search space of a `keras_tuner` search, and its training."""

import functools
import itertools
import math
import time
from collections.abc import Collection, Sequence
from typing import Any

import keras
import keras_tuner
from keras_tuner.errors import FatalTypeError, FatalValueError

from msrnn_keras.losses import FrameL1L2Loss
from msrnn_keras.metrics import MSE
from msrnn_keras.models.architectures import MULTI_SCALE, PLAIN
from msrnn_keras.models.forecaster import Forecaster
from msrnn_keras.models.ms_stack import create
from msrnn_keras.models.step_graph import SKIPS
from msrnn_keras.presets.sizes import weight_shapes
from msrnn_keras.tuning import space
from msrnn_keras.utils.arguments import (
    check_count,
    check_positive,
    check_within,
)
from msrnn_keras.utils.checks import is_array
from msrnn_keras.utils.typing import Config


class MSRNNHyperModel(keras_tuner.HyperModel):
    """A search space of multi-scale stacks for KerasTuner.

    Every argument with several values is searched; a single value is fixed.

    Args:
        cell: Strings, names in `msrnn_keras.models.architectures.CELL_SPECS`.
        filters: Integers, channels of every recurrent layer.
        kernel_size: Integers, side of the cells' kernels in pixels.
        scales: Tuples of integers, as in `MSStack`.
        skips: Strings, of `"none"`, `"add"`, `"unet3+"`, `"fc"`.
        patch_size: Integers p: p×p pixels become channels.
        learning_rate: Number, or tuple `(low, high)` searched on a log scale.
        sampling: Strings, of `"none"`, `"linear"`, `"reverse"`; the last two
            are for data whose x is the clip without its last frame.
        sampling_steps: Integers, training steps of the schedules.
        batch_size: Integers, for data in arrays; None leaves it to `fit`.
        clipnorm: Number, maximum norm of the gradient of each weight, or None.
        seed: Integer, of weights and sampling, the same in every trial.
        name: String, of the hypermodel.
        **fixed: Further arguments of `msrnn_keras.MSStack` or of the cells.

    Raises:
        ValueError: If a value is invalid, or an argument has none.

    Example:
    >>> space = MSRNNHyperModel(filters=32, image_shape=(64, 64, 1))
    >>> tuner = tune(space, (x, y), (x_val, y_val), "runs/tuning")
    """

    def __init__(
        self,
        cell: str | Collection[str] = ("convlstm", "predrnn"),
        filters: int | Collection[int] = (16, 32, 64),
        kernel_size: int | Collection[int] = (3, 5),
        scales: Sequence[Any] = (MULTI_SCALE, PLAIN),
        skips: str | Collection[str] = ("add", "unet3+"),
        patch_size: int | Collection[int] = (2, 4),
        learning_rate: float | Sequence[float] = (1e-4, 3e-3),
        sampling: str | Collection[str] = ("linear", space.NO_SAMPLING),
        sampling_steps: int | Collection[int] = (1_000, 4_000),
        batch_size: int | Collection[int] | None = None,
        clipnorm: float | None = None,
        seed: int = 0,
        name: str | None = None,
        **fixed: Any,
    ) -> None:
        super().__init__(name=name)
        sizes = functools.partial(space.choices, check=check_positive)
        self.choices = {
            "cell": space.choices("cell", cell, space.cell_name),
            "filters": sizes("filters", filters),
            "kernel_size": sizes("kernel_size", kernel_size),
            "scales": space.scale_texts(scales),
            "skips": space.choices("skips", skips, known=SKIPS),
            "patch_size": sizes("patch_size", patch_size),
            "sampling": space.sampling_texts(sampling, sampling_steps),
        }
        if batch_size is not None:
            self.choices["batch_size"] = sizes("batch_size", batch_size)
        self.learning_rate = space.span("learning_rate", learning_rate)
        if clipnorm is not None:
            clipnorm = check_within("clipnorm", clipnorm, "(0, inf]")
        self.clipnorm, self.seed = clipnorm, check_count("seed", seed, 0)
        self.fixed = fixed
        self.check_models()

    def check_models(self) -> None:
        """Refuse arguments with which a model cannot be built."""
        space.check_fixed(self.fixed, self.choices["cell"])
        # Those that depend on each other; a build takes no memory here.
        for cell, filters in itertools.product(
            self.choices["cell"], self.choices["filters"]
        ):
            values = {name: x[0] for name, x in self.choices.items()}
            values |= {"cell": cell, "filters": filters, "scales": "1,1"}
            name, arguments = space.architecture(values, self.fixed)
            weight_shapes(functools.partial(create, name, **arguments))

    @property
    def dimensions(self) -> int:
        """Number of hyperparameters with more than one value."""
        spaces = (*self.choices.values(), self.learning_rate)
        return sum(len(set(values)) > 1 for values in spaces)

    def get_config(self) -> Config:
        """Return the space as numbers, strings, lists and dicts."""
        fixed = {name: space.plain(x) for name, x in self.fixed.items()}
        own = {"clipnorm": self.clipnorm, "seed": self.seed, "fixed": fixed}
        rate = {"learning_rate": list(self.learning_rate)}
        return {**self.choices, **rate, **own}

    def build(self, hp: keras_tuner.HyperParameters) -> Forecaster:
        """Return a compiled `MSStack` for the values of `hp`."""
        values = {name: hp.Choice(name, x) for name, x in self.choices.items()}
        low, high = self.learning_rate
        if low == high:
            rate = hp.Fixed("learning_rate", low)
        else:
            rate = hp.Float("learning_rate", low, high, sampling="log")
        keras.utils.set_random_seed(self.seed)
        name, arguments = space.architecture(values, self.fixed)
        if "sampling" in values:
            arguments["sampling"] = space.schedule(values["sampling"])
        model = create(name, **arguments)
        adam = keras.optimizers.Adam(rate, clipnorm=self.clipnorm)
        model.compile(adam, loss=FrameL1L2Loss(), metrics=[MSE()])
        # Hyperband resumes a trial with the optimizer saved with its weights.
        model.optimizer.build(model.trainable_variables)
        return model

    def fit(
        self,
        hp: keras_tuner.HyperParameters,
        model: keras.Model,
        x: Any,
        *args: Any,
        **kwargs: Any,
    ) -> Any:
        """Train a model from `build` as `model.fit` does.

        Data sets with an `epoch` start at the same one in every trial. The
        results also have `epochs`, `seconds` and `parameters`.
        """
        if "batch_size" in self.choices:
            kwargs["batch_size"] = hp.get("batch_size")
            if not is_array(x):
                raise FatalValueError(
                    "`batch_size` can be searched only if x is an array. "
                    f"Received: x of type {type(x).__name__}"
                )
        if hasattr(x, "epoch"):
            x.epoch = kwargs.get("initial_epoch", 0)
            kwargs.setdefault("shuffle", False)
        start = time.monotonic()
        try:
            history = model.fit(x, *args, **kwargs)
        except ValueError as error:
            raise FatalValueError(str(error)) from error
        except TypeError as error:
            raise FatalTypeError(str(error)) from error
        done = len(history.epoch)
        count = sum(math.prod(w.shape) for w in model.trainable_weights)
        history.history |= {
            "epochs": [history.epoch[-1] + 1] * done,
            "seconds": [time.monotonic() - start] * done,
            "parameters": [count] * done,
        }
        return history
