"""Write a trained model as a new revision of a preset."""

import re
import shutil
from pathlib import Path

import h5py
import numpy as np

from msrnn_keras.presets import saving
from msrnn_keras.presets.registry import (
    CARD,
    WEIGHTS,
    folder_of,
    validation_mse,
)
from msrnn_keras.utils.files import reserve

REQUIRED = "license recipe source hardware training input scores".split()
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
    """Write a trained model as a new revision, whole or not at all.

    Return the folder in `root`, the folder of all presets. `metadata` has
    `model`, `dataset`, `variant`, `revision` and the keys in `REQUIRED`;
    `compile` is a dict with the `loss` (name or `keras.losses.Loss`) and the
    `learning_rate` of a loaded model. `weights`, the path of a file in
    `weights_dtype`, is copied if given; `files` maps names to paths of more
    files to copy.
    """
    _check_metadata(metadata)

    def write(path):
        write_model(path, model, metadata, compile, weights_dtype, weights)
        (path / CARD).write_bytes(card.encode("utf-8"))
        for name, source in (files or {}).items():
            shutil.copyfile(source, path / name)

    remedy = "A published revision never changes; choose the next `revision`."
    return saving.write_folder(Path(root) / folder_of(metadata), write, remedy)


def write_model(
    folder, model, metadata, compile, weights_dtype="float32", weights=None
):
    """Write the three files that a published model is loaded from.

    It computes in float32 and has no scheduled sampling, however it was
    trained. The arguments are those of `write_preset`.
    """
    if weights_dtype not in ("float32", "float16"):
        raise ValueError(
            "`weights_dtype` must be 'float32' or 'float16'. "
            f"Received: weights_dtype={weights_dtype!r}"
        )
    loss = saving.serialize_loss(compile["loss"])
    config = saving.model_config(model)
    config["config"]["dtype"] = "float32"
    config["config"].pop("value_range", None)  # Loading sets that of pixels.
    compiled = {"loss": loss, "learning_rate": compile["learning_rate"]}
    config = {"model": config, "compile": compiled}
    completed = saving.complete(metadata, model, weights_dtype)
    saving.write_tables(folder, config, completed)
    path = folder / WEIGHTS
    if weights is not None:
        shutil.copyfile(weights, path)
    elif weights_dtype == "float32":
        saving.write_weights(path, model, config)
    else:
        full = path.with_name(f"float32.{WEIGHTS}")
        saving.write_weights(full, model, config)
        round_weights(full, path)
        full.unlink()


def round_weights(source, target):
    """Write a file of float32 weights again, in float16."""
    reserve(target, source.stat().st_size)
    with h5py.File(source) as given, h5py.File(target, "w") as rounded:
        _copy_as_float16(given, rounded)


def remove_unfinished(folder):
    """Remove what a killed `write_preset` left in MODEL/DATASET/VARIANT."""
    for path in Path(folder).glob(".*"):
        if UNFINISHED.fullmatch(path.name):
            shutil.rmtree(path, ignore_errors=True)


def _check_metadata(metadata):
    """Refuse metadata that lack a key, or the score that ranks variants."""
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


def _copy_as_float16(source, target):
    """Copy a group of an HDF5 file with its float32 arrays in float16."""
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
