"""The search space: which stacks are tried, and how they are trained."""

import functools
import inspect
import math
import time

import keras

from msrnn_keras.losses import FrameL1L2Loss
from msrnn_keras.metrics import MSE
from msrnn_keras.models.architectures import CELL_SPECS, MULTI_SCALE, PLAIN
from msrnn_keras.models.ms_stack import MSStack, create
from msrnn_keras.models.step_graph import SKIPS, cell_arguments
from msrnn_keras.tuning.choices import (
    NO_SAMPLING,
    among,
    integers,
    sampling_texts,
    scale_texts,
    schedule,
    several,
    span,
)
from msrnn_keras.utils.checks import is_array
from msrnn_keras.utils.names import lookup

_STACK = {
    name
    for name, parameter in inspect.signature(MSStack).parameters.items()
    if parameter.kind is not parameter.VAR_KEYWORD
}


class SearchSpace:
    """A search space of multi-scale stacks, for KerasTuner.

    Every argument that has several values is searched; one value alone is
    fixed. Tuples of scales are searched as text, `"1,2,4,4,2,1"`, and
    scheduled sampling as one choice of schedule and steps, `"linear 4000"`.

    Args:
        cell: Strings, names in `msrnn_keras.models.architectures.CELL_SPECS`.
        filters: Integers, channels of every recurrent layer.
        kernel_size: Integers, side of the cells' kernels, pixels.
        scales: Tuples of integers, one for each layer; each reads the same
            backwards.
        skips: Strings, of `"none"`, `"add"`, `"unet3+"`, `"fc"`.
        patch_size: Integers p: p×p pixels become channels.
        learning_rate: Tuple `(low, high)`, of Adam, searched on a log scale;
            or a number.
        sampling: Strings, of `"none"`, `"linear"`, `"reverse"`: the scheduled
            sampling, for data whose x is the clip without its last frame.
        sampling_steps: Integers, training steps of the schedules.
        batch_size: Integers, clips of a training step, for data that are
            arrays. None leaves it to the data, or to `fit`.
        clipnorm: Number, the norm to which Adam clips the gradient of each
            weight; None does not clip.
        seed: Integer, of weights and sampling, the same in every trial.
        name: String, of the hypermodel.
        **fixed: Further arguments of `msrnn_keras.MSStack`, the same in every
            trial: `image_shape`, `context`, `horizon`, `missing`, `dtype`, …
            An argument of a cell is given to the cells that take it.

    Raises:
        ValueError: If a value is none of those above, or there is none.

    Example:
    >>> space = MSRNNHyperModel(
    ...     cell=("convlstm", "predrnn"), filters=32, image_shape=(64, 64, 1)
    ... )
    >>> tuner = keras_tuner.RandomSearch(
    ...     space, objective=keras_tuner.Objective("val_mse", "min")
    ... )
    """

    def __init__(
        self,
        cell=("convlstm", "predrnn"),
        filters=(16, 32, 64),
        kernel_size=(3, 5),
        scales=(MULTI_SCALE, PLAIN),
        skips=("add", "unet3+"),
        patch_size=(2, 4),
        learning_rate=(1e-4, 3e-3),
        sampling=("linear", NO_SAMPLING),
        sampling_steps=(1_000, 4_000),
        batch_size=None,
        clipnorm=None,
        seed=0,
        name=None,
        **fixed,
    ):
        super().__init__(name=name)
        cells = several("cell", cell)
        self.choices = {
            "cell": [lookup(value, CELL_SPECS, "cell")[0] for value in cells],
            "filters": integers("filters", filters),
            "kernel_size": integers("kernel_size", kernel_size),
            "scales": scale_texts(scales),
            "skips": among("skips", skips, SKIPS),
            "patch_size": integers("patch_size", patch_size),
            "sampling": sampling_texts(sampling, sampling_steps),
        }
        if batch_size is not None:
            self.choices["batch_size"] = integers("batch_size", batch_size)
        self.learning_rate = span("learning_rate", learning_rate)
        if clipnorm is not None and not clipnorm > 0:
            raise ValueError(
                f"`clipnorm` must be positive. Received: clipnorm={clipnorm}"
            )
        self.clipnorm, self.seed, self.fixed = clipnorm, seed, fixed
        _check_known(fixed, self.choices["cell"])

    @property
    def dimensions(self):
        """How many hyperparameters have more than one value."""
        low, high = self.learning_rate
        several = [values for values in self.choices.values() if values[1:]]
        return len(several) + (low < high)

    def get_config(self):
        """The space as numbers, strings, lists and dicts."""
        return {
            **self.choices,
            "learning_rate": list(self.learning_rate),
            "clipnorm": self.clipnorm,
            "seed": self.seed,
            "fixed": {name: plain(v) for name, v in self.fixed.items()},
        }

    def build(self, hp):
        """A model of the space, compiled.

        Args:
            hp: `keras_tuner.HyperParameters`, which takes note of the space
                and gives the values.

        Returns:
            `MSStack`, untrained, with the loss `FrameL1L2Loss`, the metric
            `MSE` and Adam.

        Raises:
            ValueError: If `MSStack` refuses a value.
        """
        values = {
            name: hp.Choice(name, choices)
            for name, choices in self.choices.items()
        }
        low, high = self.learning_rate
        if low == high:
            rate = hp.Fixed("learning_rate", low)
        else:
            rate = hp.Float("learning_rate", low, high, sampling="log")
        keras.utils.set_random_seed(self.seed)
        name, arguments = architecture(values, self.fixed)
        model = create(name, sampling=schedule(values["sampling"]), **arguments)
        model.compile(
            keras.optimizers.Adam(rate, clipnorm=self.clipnorm),
            loss=FrameL1L2Loss(),
            metrics=[MSE()],
        )
        # So that Hyperband goes on with it, as saved with the weights.
        model.optimizer.build(model.trainable_variables)
        return model

    def fit(self, hp, model, x, *args, **kwargs):
        """Train a model of the space, as `model.fit`.

        Data sets with an `epoch`, such as `msrnn_keras.data.Clips`, begin at
        the same one in every trial. The results have `epochs` (all that the
        weights have seen), `seconds` and `parameters` beside the scores.

        Args:
            hp: `keras_tuner.HyperParameters` of the model.
            model: `MSStack`, of `build`.
            x: As of `MSStack.fit`.
            *args: As of `MSStack.fit`.
            **kwargs: As of `MSStack.fit`.

        Returns:
            `keras.callbacks.History`.

        Raises:
            ValueError: If the model refuses the data, or `batch_size` is
                searched and `x` is no array. It ends the search.
            TypeError: If the data are of a wrong type.
        """
        from keras_tuner import errors

        if "batch_size" in self.choices:
            if not is_array(x):
                raise errors.FatalValueError(
                    "`batch_size` can be searched only where x is an array. "
                    f"Received: x of type {type(x).__name__}"
                )
            kwargs["batch_size"] = hp.get("batch_size")
        if hasattr(x, "epoch"):
            x.epoch = kwargs.get("initial_epoch", 0)
            kwargs.setdefault("shuffle", False)
        start = time.monotonic()
        try:
            history = model.fit(x, *args, **kwargs)
        except ValueError as error:
            raise errors.FatalValueError(str(error)) from error
        except TypeError as error:
            raise errors.FatalTypeError(str(error)) from error
        done = len(history.epoch)
        count = sum(math.prod(w.shape) for w in model.trainable_weights)
        history.history |= {
            "epochs": [history.epoch[-1] + 1] * done,
            "seconds": [time.monotonic() - start] * done,
            "parameters": [count] * done,
        }
        return history


@functools.cache
def hypermodel_class():
    """The class `MSRNNHyperModel`, a `keras_tuner.HyperModel`."""
    import keras_tuner

    return type(
        "MSRNNHyperModel",
        (SearchSpace, keras_tuner.HyperModel),
        {"__doc__": SearchSpace.__doc__, "__module__": "msrnn_keras.tuning"},
    )


def architecture(values, fixed):
    """What `create` needs to build a point of the space.

    Args:
        values: Dict, the hyperparameters' values.
        fixed: Dict, the arguments that are the same in every trial.

    Returns:
        Tuple of the name of the architecture and a dict of arguments.
    """
    cell = values["cell"]
    scales = tuple(int(scale) for scale in values["scales"].split(","))
    arguments = {"scales": scales}
    for name in ("filters", "kernel_size", "skips", "patch_size"):
        arguments[name] = values[name]
    taken = _STACK | cell_arguments(CELL_SPECS[cell])
    arguments |= {k: v for k, v in fixed.items() if k in taken}
    return cell if set(scales) == {1} else f"ms-{cell}", arguments


def plain(value):
    """A value as JSON and TOML know it."""
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, keras.DTypePolicy):
        return value.name
    return value.item() if hasattr(value, "item") else value


def _check_known(fixed, cells):
    """Refuses what neither MSStack nor any of the cells takes."""
    known = _STACK.union(*(cell_arguments(CELL_SPECS[cell]) for cell in cells))
    unknown = sorted(set(fixed) - known)
    if unknown:
        raise ValueError(
            f"Neither MSStack nor {', '.join(cells)} takes such an argument. "
            f"Received: {', '.join(unknown)}"
        )
