"""Load a model: from a preset's name, a folder, or the Hugging Face Hub."""

import os
from dataclasses import replace
from functools import partial
from pathlib import Path

import keras

from msrnn_keras.presets import configuration, hub, registry, sizes
from msrnn_keras.presets.configuration import late_import
from msrnn_keras.presets.download import PresetFileError, locate
from msrnn_keras.presets.registry import CONFIG, METADATA, WEIGHTS, read_json
from msrnn_keras.utils.arguments import check_boolean, refused
from msrnn_keras.utils.checks import PIXELS
from msrnn_keras.utils.files import naming
from msrnn_keras.utils.weights_file import check_weights_file

RECIPE, BEST = "recipe.toml", "best.weights.h5"  # in a run's folder
FINE_TUNING = 10  # divides the learning rate of the training
# Arguments that keep the weights. A class with others has the attribute
# `preset_overrides`.
OVERRIDES = (
    "context dtype horizon image_shape missing name remat sampling "
    "value_range warmup"
).split()


def load_preset(
    preset,
    /,
    load_weights=True,
    model_class=None,
    *,
    revision=None,
    cache_dir=None,
    base_url=None,
    library=None,
    **overrides,
):
    """Return the compiled model of a preset; see `zoo.load`."""
    library = library or registry.Library()
    load_weights = check_boolean("weights", load_weights)
    if not isinstance(preset, (str, os.PathLike)) or preset == "":
        wanted = "MODEL/DATASET[/VARIANT], a folder or hf://USER/NAME"
        raise refused("model", wanted, preset)
    options = {"model_class": model_class, **overrides}
    if str(preset).startswith(hub.PREFIX):
        _refuse(base_url=base_url)
        folder = hub.pull_address(preset, revision, cache_dir)
        return load_folder(folder, load_weights, **options)
    if isinstance(preset, os.PathLike) or not library.knows(preset):
        folder = Path(preset).expanduser()
        if not folder.is_dir():
            raise _not_found(preset, library)
        _refuse(revision=revision, base_url=base_url)
        return load_folder(folder, load_weights, **options)
    entry = library.find(preset, revision)
    if entry.revision is None:
        if load_weights:
            raise registry.no_weights([entry], f"weights={load_weights}")
        return _load_recipe(library.recipe(entry), **options)
    if load_weights and not entry.has_weights:
        raise ValueError(
            f"The preset {entry.folder} has no weights; use "
            f"`weights=False`. Received: weights={load_weights}"
        )
    places = {"cache_dir": cache_dir, "base_url": base_url}
    file = partial(locate, entry, root=library.root, **places)
    return load_files(file, load_weights, **options)


def load_folder(folder, weights=True, **options):
    """Return the model of a preset's folder or of a run of `msrnn train`."""
    folder = Path(folder)
    if (folder / RECIPE).is_file():
        return _load_run(folder, weights, **options)
    needed = (CONFIG, METADATA, WEIGHTS) if weights else (CONFIG, METADATA)
    configuration.check_files(folder, needed)
    return load_files(lambda name: folder / name, weights, **options)


def load_files(file, weights=True, **options):
    """Return the model of a preset; `file(name)` is the path of its file."""
    metadata = read_json(file(METADATA))
    configuration.check_version(metadata)
    config = read_json(file(CONFIG))
    with naming(file(CONFIG)):
        configuration.check_config(config)
    options["source"] = file(CONFIG)
    model = build(config, file(WEIGHTS) if weights else None, **options)
    model.trained_on = _trained_on(metadata.get("input", {}))
    model.loaded_from = _preset_of(metadata)
    return model


def _preset_of(metadata):
    """Return the preset and revision in metadata, None if it says none."""
    known = [metadata.get(x) for x in ("model", "dataset", "variant")]
    revision = metadata.get("revision")
    if revision is None or not all(known):
        return None
    return f"{'/'.join(map(str, known))}, revision {revision}"


def _trained_on(given):
    """Return `TrainedOn` of the `input` of metadata, None if it says none."""
    data = late_import("data")
    if "units" not in given:
        return None
    scalings = {"MinMax": data.MinMax, "RainRate": data.RainRate}
    try:
        units, (interval, unit) = given["units"], given["interval"].split()
        step = given.get("grid_step")
        return data.TrainedOn(
            scalings[units["class_name"]].from_config(units["config"]),
            float(interval) if unit == "s" else None,
            None if step is None else float(step),
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"`input` of {METADATA} must have `units` of MinMax or RainRate, "
            "an `interval` such as '300 s', and perhaps a `grid_step` in km. "
            f"Received: {error!r}"
        ) from error


def build(config, weights=None, **options):
    """Return the compiled model of the content of a `config.json`."""
    cls = configuration.find_class(config["model"]["class"])
    arguments = config["model"]["config"]
    model = _build(cls, cls.from_config, arguments, weights, **options)
    rate, loss = (config["compile"][key] for key in ("learning_rate", "loss"))
    with naming(options.get("source", CONFIG)):
        loss = keras.losses.get(loss)
    model.compile(keras.optimizers.Adam(rate), loss=loss)
    return model


def build_weights(model):
    """Return a model, whose weights exist even if it was never called."""
    if not model.built:
        model(keras.Input((model.context, *model.image_shape)))
    return model


def _build(
    cls, make, config, weights, model_class=None, source=CONFIG, **overrides
):
    """Return a model, with some arguments replaced, and load its weights."""
    _check_class(cls, model_class)
    if weights is not None:
        _check_overrides(cls, config, overrides)
    with naming(source):
        shapes = _shapes(cls, make, config)
        if weights is None and shapes is not None:
            sizes.check_parameters(shapes)
    if weights is not None:
        check_weights_file(weights, shapes)
    changed = {**config, **overrides}
    # Weights are trained on pixels, unless the configuration says otherwise.
    limits = changed.pop("value_range", PIXELS if weights else None)
    model = build_weights(make(changed))
    if weights is not None:
        _load_fitting(model, make, config, weights)
    if hasattr(model, "value_range"):
        model.value_range = limits
    return model


def _shapes(cls, make, config):
    """Return the shapes of the weights of a model, before it is built."""
    if not check_sizes(cls, config):
        return None
    given = {k: v for k, v in config.items() if k != "value_range"}
    return sizes.weight_shapes(lambda: build_weights(make(given)))


def check_sizes(cls, config):
    """Refuse a model that no file may have; return False for others' models."""
    known = cls.__module__.startswith(f"{configuration.PACKAGE}.")
    if known:
        sizes.check_sizes(config, cls.any_size)
    return known


def _load_fitting(model, make, config, weights):
    """Load weights into a model that may differ in `missing` or its size."""
    missing = getattr(model, "missing", None)
    shape = config.get("image_shape")
    any_size = getattr(model, "any_size", True) or shape is None
    if missing == config.get("missing") and (
        any_size or tuple(shape) == model.image_shape
    ):
        return model.load_weights(weights)
    source = make({k: v for k, v in config.items() if k != "value_range"})
    build_weights(source).load_weights(weights)
    fresh = late_import("models.transfer").transfer_weights(source, model)
    if fresh:
        raise ValueError(
            "The weights do not fit a model with another `missing`. Received: "
            f"missing={missing!r}, no values for {', '.join(fresh)}"
        )


def _check_class(cls, model_class):
    if model_class is not None and not issubclass(cls, model_class):
        raise ValueError(
            f"The model must be of the class {model_class.__name__}, or call "
            f"zoo.load. Received: a preset of {cls.__name__}"
        )


def _check_overrides(cls, config, overrides):
    allowed = getattr(cls, "preset_overrides", OVERRIDES)
    wrong = sorted(set(overrides) - set(allowed))
    if wrong:
        raise ValueError(
            f"`{'` and `'.join(wrong)}` cannot be replaced; the weights depend "
            "on it. Use `weights=False` (from_preset: `load_weights=False`), "
            f"or replace {', '.join(allowed)}. Received: {', '.join(wrong)}"
        )
    shape, trained = overrides.get("image_shape"), config.get("image_shape")
    if shape is not None and (len(shape) != 3 or shape[2] != trained[2]):
        raise ValueError(
            f"`image_shape` must be (height, width, {trained[2]}), as the "
            "weights were trained on; use `weights=False` to train other "
            f"channels. Received: image_shape={tuple(shape)}"
        )


def _load_run(folder, weights, **options):
    """Return the model of a run's folder, without its training settings."""
    recipe = late_import("training.recipe").load_recipe(folder / RECIPE)
    best = folder / BEST
    if weights and not best.is_file():
        raise PresetFileError(
            f"The run has no {BEST} yet: continue `msrnn train`, or use "
            f"`weights=False`. Received: {folder}"
        )
    model = _build(
        recipe.model_class,
        lambda config: recipe.create(**config),
        recipe.architecture,
        best if weights else None,
        source=folder / RECIPE,
        **options,
    )
    training = recipe.training
    rate = training.learning_rate / FINE_TUNING
    loss = late_import("training.recipe").LOSSES[training.loss]()
    model.compile(keras.optimizers.Adam(rate), loss=loss)
    return model


def _load_recipe(path, model_class=None, dtype=None, **overrides):
    recipe = late_import("training.recipe").load_recipe(path)
    _check_class(recipe.model_class, model_class)
    architecture = {**recipe.architecture, **overrides}
    training = recipe.training
    if dtype is not None:
        architecture.pop("dtype", None)
        training = replace(training, precision=dtype)
    recipe = replace(recipe, architecture=architecture, training=training)
    return recipe.wrap(recipe.build())


def _not_found(name, library):
    """Return the error for what is neither a preset nor a folder."""
    try:
        library.find(str(name))
    except ValueError as error:
        return ValueError(
            f"There is no preset or existing folder {str(name)!r}; on the Hub "
            f"it would be {hub.PREFIX}USER/NAME. {error}"
        )


def _refuse(**options):
    """Refuse options that only a published preset has."""
    given = {name: v for name, v in options.items() if v is not None}
    if given:
        raise ValueError(
            f"`{'` and `'.join(given)}` belong to a published preset, not to a "
            f"folder. Received: {given}"
        )
