"""A preset's folder: written once from a trained model, and read into one."""

import json
import re
import shutil
import uuid
from pathlib import Path

import h5py
import keras
import numpy as np

import msrnn_keras
from msrnn_keras.models.ms_stack import MSStack
from msrnn_keras.presets.registry import (
    CARD,
    CONFIG,
    METADATA,
    WEIGHTS,
    folder_of,
    validation_mse,
)
from msrnn_keras.utils.checks import PIXELS
from msrnn_keras.utils.weights_file import check_weights_file

REQUIRED = (
    "license",
    "recipe",
    "source",
    "hardware",
    "training",
    "input",
    "scores",
)
UNFINISHED = re.compile(r"\.[1-9][0-9]*\.[0-9a-f]{32}")


class WeightRangeError(ValueError):
    """A weight is too large for float16."""


def write_preset(
    root,
    model,
    metadata,
    card,
    compile,
    weights_dtype="float32",
    weights=None,
    files=None,
):
    """Writes a trained model as a new revision of a preset.

    The folder appears whole or not at all. Run
    `python -m tools.publishing.manifest` after it to list the preset.

    Args:
        root: folder of all presets, e.g. `"zoo/presets"`.
        model: `MSStack`, trained.
        metadata: dict of JSON values with the keys `model`, `dataset`,
            `variant`, `revision`, `license`, `recipe`, `source` (who trained
            it, from what), `hardware`, `training` (a summary), `input`
            (`scaling` and `interval` of the frames) and `scores`:
            `{"validation": PROTOCOLS, "test": PROTOCOLS}` where PROTOCOLS is
            `{"forecast": {"mse": …, …}, "ms-rnn": {…}}`.
        card: string, the model card in Markdown.
        compile: dict, the `loss` (name or `keras.losses.Loss`) and the
            `learning_rate` (float) that a loaded model is compiled with.
        weights_dtype: `"float32"` or `"float16"`, how weights are stored.
        weights: path of a file that `write_model` made of this model in this
            dtype, to be copied as it is; None writes the model's weights.
        files: dict, name to path of further files, such as pictures.

    Returns:
        `pathlib.Path` of the new folder.

    Raises:
        ValueError: where metadata is incomplete.
        WeightRangeError: where a weight does not fit into float16.
        FileExistsError: where this revision exists.
    """
    _check_metadata(metadata)
    folder = Path(root) / folder_of(metadata)
    if folder.exists():
        raise FileExistsError(
            "A published revision never changes; choose the next `revision`. "
            f"Received: {folder}"
        )
    temporary = folder.with_name(f".{folder.name}.{uuid.uuid4().hex}")
    try:
        write_model(temporary, model, metadata, compile, weights_dtype, weights)
        (temporary / CARD).write_bytes(card.encode("utf-8"))
        for name, path in (files or {}).items():
            shutil.copyfile(path, temporary / name)
        temporary.rename(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return folder


def write_model(
    folder, model, metadata, compile, weights_dtype="float32", weights=None
):
    """Writes the three files that a model is loaded from.

    The parameter count, the input's sizes, the weights' dtype and the minimum
    package version are added to the metadata. A loaded model computes in
    float32, whatever the model was trained in, and samples nothing.

    Args:
        folder: `pathlib.Path` to write to; made if missing.
        model: `MSStack`, trained.
        metadata: dict of JSON values, with `input` and the preset's names.
        compile: dict, as of `write_preset`.
        weights_dtype: `"float32"` or `"float16"`, how weights are stored.
        weights: path of a file of weights to copy; None writes the model's.

    Raises:
        WeightRangeError: where a weight does not fit into float16.

    Example:
        write_model(folder, model, metadata, {"loss": "mse", …}, "float16")
    """
    if weights_dtype not in ("float32", "float16"):
        raise ValueError(
            "`weights_dtype` must be 'float32' or 'float16'. "
            f"Received: weights_dtype={weights_dtype!r}"
        )
    folder.mkdir(parents=True, exist_ok=True)
    _write_json(folder / CONFIG, _config(model, **compile))
    _write_json(folder / METADATA, complete(metadata, model, weights_dtype))
    if weights is None:
        _write_weights(folder / WEIGHTS, model, weights_dtype)
    else:
        shutil.copyfile(weights, folder / WEIGHTS)


def round_weights(source, target):
    """Writes a file of float32 weights again, in float16.

    Args:
        source: path of the file.
        target: path to write to.

    Raises:
        WeightRangeError: where a weight does not fit into float16.
    """
    with h5py.File(source) as given, h5py.File(target, "w") as rounded:
        _copy_as_float16(given, rounded)


def remove_unfinished(folder):
    """Removes what a killed `write_preset` left of the revisions of a preset.

    Args:
        folder: path of the preset's folder, MODEL/DATASET/VARIANT in that of
            all presets; it need not exist.
    """
    for path in Path(folder).glob(".*"):
        if UNFINISHED.fullmatch(path.name):
            shutil.rmtree(path, ignore_errors=True)


def build(config, weights=None, **overrides):
    """Builds the compiled model of a preset.

    Args:
        config: dict, content of `config.json`.
        weights: path of the preset's weights, or None for random ones.
        **overrides: arguments of `MSStack` that replace those in `config`.

    Returns:
        `MSStack`, compiled with the preset's loss and learning rate.

    Raises:
        OSError: where the weights cannot be read.
        ValueError: where a weight is not a finite floating-point number.
    """
    model = MSStack.from_config({**config["model"]["config"], **overrides})
    if weights is not None:
        load_weights(model, weights)
    model.compile(
        optimizer=keras.optimizers.Adam(config["compile"]["learning_rate"]),
        loss=keras.losses.get(config["compile"]["loss"]),
    )
    return model


def load_weights(model, path):
    """Loads trained weights, for frames of pixels.

    Args:
        model: `MSStack`; its `value_range` becomes that of pixels.
        path: path of a file of weights.

    Raises:
        OSError: where the weights cannot be read.
        ValueError: where a weight is not a finite floating-point number.
    """
    check_weights_file(path)
    model.load_weights(path)
    model.value_range = PIXELS


def check_version(metadata):
    """Raises a RuntimeError where a preset needs a newer package."""
    minimum = metadata["minimum_version"]
    if _release(msrnn_keras.__version__) < _release(minimum):
        raise RuntimeError(
            f"This preset needs msrnn-keras {minimum} or newer: run "
            "`pip install --upgrade msrnn-keras`. "
            f"Received: msrnn-keras {msrnn_keras.__version__}"
        )


def _check_metadata(metadata):
    missing = [key for key in REQUIRED if key not in metadata]
    if missing:
        raise ValueError(
            f"`metadata` must have the keys {', '.join(missing)}. "
            f"Received: {sorted(metadata)}"
        )
    if validation_mse(metadata["scores"]) is None:
        raise ValueError(
            "`metadata['scores']` must have ['validation']['forecast']['mse'], "
            "by which a variant is chosen. "
            f"Received: scores={metadata['scores']}"
        )


def complete(metadata, model, weights_dtype):
    """Gives the metadata of a preset with what the model itself says.

    It is as it will be read from its file, so that a card made of it is the
    same as one that is made later.

    Args:
        metadata: dict, with `input` and `revision`.
        model: `MSStack`.
        weights_dtype: string, how its weights are stored.

    Returns:
        dict.
    """
    sizes = {
        "image_shape": list(model.image_shape),
        "context": model.context,
        "horizon": model.horizon,
    }
    completed = {
        **metadata,
        "revision": str(metadata["revision"]),
        "input": {**metadata["input"], **sizes},
        "parameters": model.count_params(),
        "weights_dtype": weights_dtype,
        "minimum_version": msrnn_keras.__version__,
    }
    return json.loads(_to_json(completed))


def _config(model, loss, learning_rate):
    if not isinstance(loss, str):
        loss = keras.losses.serialize(loss)
    return {
        "model": {"class": "MSStack", "config": _loaded_config(model)},
        "compile": {"loss": loss, "learning_rate": learning_rate},
    }


def _loaded_config(model):
    """What a published model is built with: nothing of its training."""
    config = {**model.get_config(), "sampling": None, "dtype": "float32"}
    config.pop("value_range", None)  # `load_weights` sets it.
    return config


def _to_json(value):
    return json.dumps(value, indent=2, sort_keys=True, allow_nan=False)


def _write_json(path, value):
    path.write_bytes((_to_json(value) + "\n").encode("utf-8"))


def _write_weights(path, model, dtype):
    # Of what training saves, a preset leaves out the optimizer and counters.
    full = path.with_name(f"full.{path.name}")
    model.save_weights(full)
    bare = MSStack.from_config(_loaded_config(model))
    bare.load_weights(full)
    bare.save_weights(path if dtype == "float32" else full)
    if dtype == "float16":
        round_weights(full, path)
    full.unlink()


def _copy_as_float16(source, target):
    target.attrs.update(source.attrs)
    for name, item in source.items():
        if isinstance(item, h5py.Group):
            _copy_as_float16(item, target.create_group(name))
        elif item.dtype == np.float32:
            with np.errstate(over="ignore"):
                half = item[()].astype("float16")
            if not np.isfinite(half).all():
                raise WeightRangeError(
                    "A weight does not fit into float16; store float32. "
                    f"Received: weights_dtype='float16', {item.name}"
                )
            target[name] = half
        else:
            source.copy(item, target, name)


def _release(version):
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])
