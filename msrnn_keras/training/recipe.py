"""Recipes: a small file with all settings to train a preset."""

import dataclasses
import functools
import json
import pathlib
import tomllib

import keras

from msrnn_keras import data
from msrnn_keras.data.datasets.catalog import published_sizes
from msrnn_keras.losses import AlmostFairCRPS, FrameL1L2Loss
from msrnn_keras.metrics import CRPS, MSE
from msrnn_keras.models.architectures import ARCHITECTURES
from msrnn_keras.models.lagrangian import Lagrangian
from msrnn_keras.models.ms_stack import class_of, create
from msrnn_keras.training import optimization
from msrnn_keras.training.settings import Training, check_numbers, check_types
from msrnn_keras.utils.arguments import check_known

LARGEST = 1 << 20  # bytes of a file
UNREADABLE = UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError
DATASETS = tuple(name for name in data.NAMES if name != "mnist-official")
# Crops of `image_shape`, but whole frames for the test.
CROPPED = ("radar", "recordings")
LOSSES = {
    "l1_l2": FrameL1L2Loss,
    "mse": functools.partial(FrameL1L2Loss, l1_weight=0.0),
    "crps": AlmostFairCRPS,
}
# Arguments of `data.load` that the `[data]` table must not set.
RESERVED = {
    *("name", "split", "path", "seed", "shuffle", "stride", "num_clips"),
    *("batch_size", "context", "horizon", "teacher_forcing", "image_shape"),
    *("dates", "digits", "workers", "use_multiprocessing", "max_queue_size"),
}


@dataclasses.dataclass(frozen=True)
class Recipe:
    """All settings to train a preset."""

    model: str  # name of the architecture
    dataset: str
    training: Training
    name: str  # of the file, without its suffix
    text: str  # of the file
    variant: str = "custom"  # last part of the preset's identifier
    init: str | None = None  # the preset whose weights a run starts from
    # Arguments of `msrnn_keras.create`; sizes default to those of the data.
    architecture: dict = dataclasses.field(default_factory=dict)
    # The `[data]` table: options of the data set, such as `num_digits`.
    options: dict = dataclasses.field(default_factory=dict)

    @property
    def model_class(self):
        """The class of the model that forecasts."""
        return Lagrangian if self.moving else class_of(self.model)

    @property
    def moving(self):
        """Whether the model is trained in the moving frame of the motion."""
        return bool(self.options.get("moving"))

    def build(self):
        """Return the untrained model, compiled, without the motion."""
        t = self.training
        keras.utils.set_random_seed(t.seed)
        options = {"dtype": t.precision} if t.precision else {}
        if t.sampling != "none":
            options["sampling"] = optimization.sampling(t)
        model = create(self.model, **options, **self.architecture)
        loss = LOSSES[t.loss]()
        metrics = [CRPS(), MSE()] if model.noise else [MSE()]
        model.compile(optimization.optimizer(t), loss=loss, metrics=metrics)
        return model

    def create(self, **arguments):
        """Return the untrained model that forecasts, not compiled.

        `arguments` are those of the architecture, and of `Lagrangian` if the
        data are `moving`.
        """
        names = Lagrangian.OWN if self.moving else ()
        own = {k: arguments.pop(k) for k in names if k in arguments}
        return self.wrap(create(self.model, **arguments), **own)

    def wrap(self, model, **own):
        """Return a model, with the motion if it is trained `moving`."""
        return Lagrangian(model, **own) if self.moving else model

    def data(self, split, path=None, **kwargs):
        """Return a split of the data set, as `msrnn_keras.data.load` does."""
        t, shape = self.training, self.architecture
        image_shape = tuple(shape["image_shape"])
        cropped = self.dataset in CROPPED
        drawn = self.dataset == "mnist" or (cropped and split != "test")
        options = {name: shape[name] for name in ("context", "horizon")}
        options |= {"batch_size": t.batch_size, "path": path, **self.options}
        if drawn:
            options["image_shape"] = image_shape[:2]
        if split == "test":
            options.pop("moving", None)  # scored on frames as they are
        if split == "train":
            options["seed"] = t.seed
            options["teacher_forcing"] = t.sampling != "none"
            if drawn:
                options["num_clips"] = t.batch_size * t.steps_per_epoch
        if split == "validation":
            options["num_clips"] = t.validation_clips
        dataset = data.load(self.dataset, split, **{**options, **kwargs})
        fixed_size = not (drawn or cropped)
        if fixed_size and dataset.image_shape != image_shape:
            raise ValueError(
                "The recipe's `image_shape` must be that of the data set, "
                f"{dataset.image_shape}. Received: image_shape={image_shape}"
            )
        return dataset

    def continues(self, text):
        """Return whether both recipes give the same weights at every step."""
        return _essence(self) == _essence(parse_recipe(text, self.name))

    def change_training(self, **settings):
        """Return a copy with other settings of `Training`."""
        training = dataclasses.replace(self.training, **settings)
        names = ("model", "dataset", "variant", "init")
        tables = {
            "": {name: getattr(self, name) for name in names},
            "\n[architecture]\n": self.architecture,
            "\n[training]\n": dataclasses.asdict(training),
            "\n[data]\n": self.options,
        }
        text = ""
        for title, table in tables.items():
            text += title if table else ""
            for name, value in table.items():
                if value is not None:
                    text += f"{name} = {json.dumps(value)}\n"
        return parse_recipe(text, f"{self.name}.toml")


def load_recipe(path):
    """Read a recipe.

    Args:
        path: Path of a TOML file; see `zoo/recipes/`.

    Returns:
        `Recipe`.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If a key or a value is missing, unknown or invalid.

    Example:
    >>> recipe = load_recipe("zoo/recipes/ms-convlstm/mnist/small.toml")
    """
    path = pathlib.Path(path)
    if not path.is_file():
        message = f"There is no such recipe. Received: {str(path)!r}"
        raise FileNotFoundError(message)
    if path.stat().st_size > LARGEST:
        raise ValueError(
            f"A recipe may have at most {LARGEST:,} bytes. "
            f"Received: {path.stat().st_size:,} in {str(path)!r}"
        )
    return parse_recipe(path.read_bytes(), str(path))


def parse_recipe(text, path):
    """Return the recipe of a TOML text or its bytes; errors name the path."""
    try:
        if isinstance(text, bytes):
            text = text.decode("utf-8").replace("\r\n", "\n")
        table = tomllib.loads(text)
        training = table.pop("training", {})
        if not _has_states(table.get("model")):
            training = {"sampling": "none", **training}
        own = {
            "training": Training(**training),
            "options": table.pop("data", {}),
            "name": pathlib.Path(path).stem,
            "text": text,
        }
        recipe = Recipe(**table, **own)
        if isinstance(recipe.architecture, dict) and recipe.dataset in DATASETS:
            sizes = published_sizes(recipe.dataset)
            architecture = {**sizes, **recipe.architecture}
            if "decoupling" in architecture:  # its name in version 0.1
                old = architecture.pop("decoupling")
                architecture["decoupling_weight"] = old
            recipe = dataclasses.replace(recipe, architecture=architecture)
    except (*UNREADABLE, TypeError) as error:
        raise ValueError(
            f"The recipe cannot be read: {error}. Received: {path!r}"
        ) from error
    _check(recipe)
    return recipe


def _essence(recipe):
    """Return the settings that determine the weights at a training step."""
    t = recipe.training
    endless = t.schedule == "constant" and t.decay_steps is None
    epochs = 1 if endless else t.epochs
    training = dataclasses.replace(t, threads=None, epochs=epochs)
    return dataclasses.replace(recipe, training=training, text="", name="")


def _has_states(model):
    """Return whether a model takes scheduled sampling, or is unknown."""
    row = ARCHITECTURES.get(model) if isinstance(model, str) else None
    return row is None or row.model == "MSStack"


def _check(recipe):
    """Refuse a recipe with an invalid value."""
    t = recipe.training
    if t.sampling != "none" and not _has_states(recipe.model):
        raise ValueError(
            f"{recipe.model} has no scheduled sampling; leave `sampling` out. "
            f"Received: sampling={t.sampling!r}"
        )
    check_types(recipe)
    check_types(t)
    check_known("dataset", recipe.dataset, DATASETS)
    check_known("loss", t.loss, LOSSES)
    given = sorted({"dtype", "sampling"} & set(recipe.architecture))
    if "sampling" in given or (given and t.precision):
        raise ValueError(
            "Give `precision` and `sampling` in [training], not `dtype` and "
            f"`sampling` in [architecture]. Received: {', '.join(given)}"
        )
    noise = bool(recipe.architecture.get("noise"))
    if noise != (t.loss == "crps"):
        raise ValueError(
            '`loss = "crps"` is of models with `noise = true` in '
            "[architecture], which need it. "
            f"Received: loss={t.loss!r}, noise={noise}"
        )
    if recipe.architecture.get("covariates"):
        raise ValueError(
            "The data sets of recipes have no covariates: train such a model "
            "in Python. Received: "
            f"covariates={recipe.architecture['covariates']!r}"
        )
    if recipe.moving and recipe.architecture.get("missing") != "mask":
        raise ValueError(
            "Moved frames have unknown borders: `moving` in [data] needs "
            '`missing = "mask"` in [architecture]. Received: '
            f"missing={recipe.architecture.get('missing')!r}"
        )
    reserved = sorted(set(recipe.options) & set(RESERVED))
    if reserved:
        raise ValueError(
            "[data] takes only options of the data set; set the rest in the "
            "recipe's other tables or on the command line. "
            f"Received: {', '.join(reserved)}"
        )
    check_numbers(t)
    optimization.check(t)
