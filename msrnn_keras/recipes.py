"""Recipes: one small file says all that is needed to train a preset."""

import dataclasses
import pathlib
import tomllib

import keras

from msrnn_keras.data.moving_mnist import MovingMNIST
from msrnn_keras.losses import L1L2
from msrnn_keras.metrics import MSE
from msrnn_keras.schedules import Sampling
from msrnn_keras.stack import create

DATASETS = {"mnist": MovingMNIST}
LOSSES = {"l1_l2": L1L2}
POSITIVE = (
    "batch_size",
    "epochs",
    "steps_per_epoch",
    "learning_rate",
    "sampling_steps",
    "validation_clips",
)


@dataclasses.dataclass(frozen=True)
class Training:
    """The `[training]` table of a recipe.

    Args:
        batch_size: Integer, clips in a training step.
        epochs: Integer. An epoch ends with validation and a checkpoint.
        steps_per_epoch: Integer, training steps.
        learning_rate: Float, the peak; reached after `warmup_steps`, then
            falling to 0 along a cosine.
        warmup_steps: Integer, training steps.
        sampling_steps: Integer, steps until scheduled sampling has fallen
            linearly from the true frames to the model's own.
        validation_clips: Integer, validation clips scored after each epoch.
        loss: String, `"l1_l2"`.
        seed: Integer, of weights, data and sampling.
    """

    batch_size: int
    epochs: int
    steps_per_epoch: int
    learning_rate: float
    warmup_steps: int
    sampling_steps: int
    validation_clips: int
    loss: str = "l1_l2"
    seed: int = 0

    @property
    def steps(self):
        return self.epochs * self.steps_per_epoch


@dataclasses.dataclass(frozen=True)
class Recipe:
    """What a preset is trained from.

    Args:
        model: String, name of the architecture.
        dataset: String, name of the data set.
        variant: String, name of the preset among those of this model and data
            set.
        architecture: Dict, arguments of `msrnn_keras.create`.
        training: `Training`.
        name: String, file name without its ending.
        text: String, the file itself.
    """

    model: str
    dataset: str
    variant: str
    architecture: dict
    training: Training
    name: str
    text: str

    def build(self):
        """The untrained model, compiled.

        Returns:
            `MSStack`.
        """
        t = self.training
        keras.utils.set_random_seed(t.seed)
        model = create(
            self.model,
            sampling=Sampling.linear(t.sampling_steps),
            **self.architecture,
        )
        rate = keras.optimizers.schedules.CosineDecay(
            initial_learning_rate=0.0,
            decay_steps=t.steps - t.warmup_steps,
            warmup_target=t.learning_rate,
            warmup_steps=t.warmup_steps,
        )
        model.compile(
            keras.optimizers.Adam(rate), loss=LOSSES[t.loss](), metrics=[MSE()]
        )
        return model

    def data(self, split, path=None, **kwargs):
        """Batches of a split of the recipe's data set.

        Args:
            split: String, `"train"`, `"validation"` or `"test"`.
            path: Path of the data; None looks in the usual places.
            **kwargs: Arguments of the data set, over the recipe's.

        Returns:
            `keras.utils.PyDataset` of `(x, y)`.
        """
        t, shape = self.training, self.architecture
        options = {
            "batch_size": t.batch_size,
            "context": shape["context"],
            "horizon": shape["horizon"],
            "image_shape": tuple(shape["image_shape"][:2]),
            "path": path,
        }
        if split == "train":
            options["num_clips"] = t.batch_size * t.steps_per_epoch
            options["seed"] = t.seed
            options["teacher"] = True
        if split == "validation":
            options["num_clips"] = t.validation_clips
        return DATASETS[self.dataset](split, **{**options, **kwargs})


def load_recipe(path):
    """Read a recipe.

    Args:
        path: Path of a TOML file; see `zoo/recipes/`.

    Returns:
        `Recipe`.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not TOML, a key is missing or unknown, or a value
            cannot be.

    Example:
    >>> recipe = load_recipe("zoo/recipes/ms-convlstm-mnist-small.toml")
    >>> model = recipe.build()
    """
    path = pathlib.Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f"There is no recipe there. Received: {str(path)!r}"
        )
    try:
        text = path.read_text(encoding="utf-8")
        table = tomllib.loads(text)
        training = Training(**table.pop("training", {}))
        recipe = Recipe(**table, training=training, name=path.stem, text=text)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, TypeError) as error:
        raise ValueError(
            f"The recipe cannot be read: {error}. Received: {str(path)!r}"
        ) from error
    _check(recipe)
    return recipe


def _check(recipe):
    t = recipe.training
    for owner in (recipe, t):
        _check_types(owner)
    _check_known("dataset", recipe.dataset, DATASETS)
    _check_known("loss", t.loss, LOSSES)
    missing = {"image_shape", "context", "horizon"} - set(recipe.architecture)
    if missing:
        raise ValueError(
            "The recipe's [architecture] must say "
            f"{', '.join(sorted(missing))}. Received: {recipe.architecture}"
        )
    for name in POSITIVE:
        value = getattr(t, name)
        if not value > 0:
            raise ValueError(
                f"`{name}` must be positive. Received: {name}={value}"
            )
    if not 0 <= t.warmup_steps < t.steps:
        raise ValueError(
            f"`warmup_steps` must be less than the {t.steps} steps of the "
            f"training. Received: warmup_steps={t.warmup_steps}"
        )


def _check_types(table):
    for field in dataclasses.fields(table):
        value = getattr(table, field.name)
        kinds = (int, float) if field.type is float else field.type
        if isinstance(value, bool) or not isinstance(value, kinds):
            raise ValueError(
                f"`{field.name}` must be of type {field.type.__name__}. "
                f"Received: {field.name}={value!r}"
            )


def _check_known(name, value, table):
    if value not in table:
        raise ValueError(
            f"`{name}` must be one of {', '.join(table)}. "
            f"Received: {name}={value!r}"
        )
