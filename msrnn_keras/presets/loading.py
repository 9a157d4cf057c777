"""Models in a folder: a preset's, a run's, or a copy of a Hub repository.

A folder may come from anyone, so nothing is built of it but an `MSStack`.
"""

import json

import keras

from msrnn_keras.models.ms_stack import create
from msrnn_keras.presets.configuration import check_config
from msrnn_keras.presets.download import PresetFileError
from msrnn_keras.presets.registry import CONFIG, METADATA, WEIGHTS
from msrnn_keras.presets.saving import build, check_version, load_weights
from msrnn_keras.training import BEST, RECIPE
from msrnn_keras.training.recipe import LOSSES, load_recipe

FINE_TUNING = 10  # a loaded model learns at this part of the peak rate


def load_folder(folder, weights=True, **overrides):
    """Loads the model of a folder.

    Args:
        folder: `pathlib.Path` of a preset (`config.json`, `metadata.json`,
            `model.weights.h5`) or of a run of `msrnn train`.
        weights: bool, False for the untrained model.
        **overrides: `image_shape`, `horizon` and `dtype` in place of the
            folder's.

    Returns:
        `MSStack`, compiled. That of a run has the weights that scored best on
        validation. With weights, its `value_range` is that of pixels.

    Raises:
        PresetFileError: where a file is missing or cannot be read.
        ValueError: where the configuration is not one of this package,
            `image_shape` has other channels than the weights, or a weight is
            not a finite floating-point number.
        RuntimeError: where the preset needs a newer package.
    """
    if (folder / RECIPE).is_file():
        return _load_run(folder, weights, overrides)
    check_files(folder, (CONFIG, METADATA, *([WEIGHTS] if weights else [])))
    return load_files(lambda name: folder / name, weights, **overrides)


def load_files(file, weights=True, **overrides):
    """Loads the model of a preset's files.

    Args:
        file: function that gives the path of a file of the preset.
        weights: bool, False for the untrained model.
        **overrides: `image_shape`, `horizon` and `dtype` in place of the
            preset's.

    Returns:
        `MSStack`, compiled with the preset's loss and learning rate.

    Raises:
        ValueError: as of `load_folder`.
        RuntimeError: where the preset needs a newer package.
    """
    metadata = read_json(file(METADATA))
    if not isinstance(metadata.get("minimum_version"), str):
        raise ValueError(
            f"{METADATA} must say which `minimum_version` of msrnn-keras the "
            f"preset needs. Received: {sorted(metadata)}"
        )
    check_version(metadata)
    config = read_json(file(CONFIG))
    check_config(config)
    shape = overrides.get("image_shape")
    if weights and shape is not None:
        _check_channels(shape, config["model"]["config"]["image_shape"])
    return build(config, file(WEIGHTS) if weights else None, **overrides)


def check_files(folder, names):
    """Refuses a folder that lacks files.

    Args:
        folder: `pathlib.Path`.
        names: collection of strings, the files that must be there.

    Raises:
        PresetFileError: where one is not.
    """
    missing = [name for name in names if not (folder / name).is_file()]
    if missing:
        found = sorted(path.name for path in folder.glob("*"))
        raise PresetFileError(
            f"The folder {folder} must hold {', '.join(names)} of a preset, or "
            f"{RECIPE} of a run; {', '.join(missing)} is not there. "
            f"Received: {found}"
        )


def read_json(path):
    """Reads a JSON file that holds a dict.

    Args:
        path: `pathlib.Path`.

    Returns:
        dict.

    Raises:
        ValueError: where it holds anything else.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(
            f"{path.name} must be JSON. Received: {error} in {path}"
        ) from error
    if not isinstance(content, dict):
        raise ValueError(
            f"{path.name} must hold one JSON object. "
            f"Received: {type(content).__name__} in {path}"
        )
    return content


def _load_run(folder, weights, overrides):
    recipe = load_recipe(folder / RECIPE)
    best = folder / BEST
    if weights and not best.is_file():
        raise PresetFileError(
            f"The run has no {BEST} yet: go on with `msrnn train`, or use "
            f"`weights=False`. Received: {folder}"
        )
    shape = overrides.get("image_shape")
    if weights and shape is not None:
        _check_channels(shape, recipe.architecture["image_shape"])
    # As a preset is: nothing of its training but the weights.
    model = create(recipe.model, **{**recipe.architecture, **overrides})
    if weights:
        load_weights(model, best)
    model.compile(
        keras.optimizers.Adam(recipe.training.learning_rate / FINE_TUNING),
        loss=LOSSES[recipe.training.loss](),
    )
    return model


def _check_channels(image_shape, trained):
    if len(image_shape) != 3 or image_shape[2] != trained[2]:
        raise ValueError(
            f"`image_shape` must be (height, width, {trained[2]}), as the "
            "weights were trained on; use `weights=False` to train other "
            f"channels. Received: image_shape={tuple(image_shape)}"
        )
