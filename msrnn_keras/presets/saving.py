"""Write a model to a preset's folder, from which it is loaded again."""

import json
import shutil
import uuid

import keras

from msrnn_keras.presets import configuration
from msrnn_keras.presets.loading import build_weights, check_sizes
from msrnn_keras.presets.registry import CONFIG, METADATA, WEIGHTS
from msrnn_keras.utils import weights_file
from msrnn_keras.utils.arguments import check_path
from msrnn_keras.utils.files import check_can_write, writing

REMEDY = "Choose a folder that does not exist yet."
NO_INTERVAL = "1 frame"  # for frames without times
DEFAULT_COMPILE = {"loss": "mse", "learning_rate": 1e-4}


def save_preset(model, folder):
    """Write a model to a new folder, whole or not at all; return its path.

    `load_preset` gives the model back without the state of its training.
    """
    folder = check_path("folder", folder)
    if folder.exists():
        raise FileExistsError(f"{REMEDY} Received: {folder}")
    check_can_write(folder)
    build_weights(model)
    config = {"model": model_config(model), "compile": _compile_config(model)}
    check_sizes(type(model), config["model"]["config"])

    trained = getattr(model, "trained_on", None)  # not every Keras model
    metadata = {} if trained is None else {"input": describe_input(trained)}

    def write(path):
        write_tables(path, config, complete(metadata, model, "float32"))
        write_weights(path / WEIGHTS, model, config)

    return write_folder(folder, write, REMEDY)


def write_folder(folder, write, remedy):
    """Write a new folder by `write(temporary folder)`; return its path."""
    if folder.exists():
        raise FileExistsError(f"{remedy} Received: {folder}")
    temporary = folder.with_name(f".{folder.name}.{uuid.uuid4().hex}")
    with writing(folder.parent):
        temporary.mkdir(parents=True)
        try:
            write(temporary)
            temporary.rename(folder)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    return folder


def write_tables(folder, config, metadata):
    """Write the configuration and the metadata."""
    configuration.check_config(config)
    folder.mkdir(parents=True, exist_ok=True)
    for name, value in ((CONFIG, config), (METADATA, metadata)):
        (folder / name).write_bytes(f"{_to_json(value)}\n".encode())


def write_weights(path, model, config):
    """Write the weights without the optimizer and the counters of training."""
    full = path.with_name(f"full.{path.name}")
    weights_file.save_weights(model, full)
    arguments = {**config["model"]["config"]}
    arguments.pop("value_range", None)
    bare = build_weights(type(model).from_config(arguments))
    bare.load_weights(full)
    weights_file.save_weights(bare, path)
    full.unlink()


def complete(metadata, model, weights_dtype):
    """Return metadata, as read from its file, with the model's properties."""
    sizes = {
        key: getattr(model, key)
        for key in ("image_shape", "context", "horizon")
        if hasattr(model, key)
    }
    completed = {
        **metadata,
        "input": {**metadata.get("input", {}), **sizes},
        "parameters": model.count_params(),
        "weights_dtype": weights_dtype,
        "minimum_version": configuration.package_version(),
    }
    if "revision" in metadata:
        completed["revision"] = str(metadata["revision"])
    return json.loads(_to_json(completed))


def describe_input(trained):
    """Return the `input` of metadata of a `data.TrainedOn`."""
    interval, step = trained.interval, trained.grid_step
    return {
        **({} if step is None else {"grid_step": step}),
        "interval": NO_INTERVAL if interval is None else f"{interval:g} s",
        "units": {
            "class_name": type(trained.scaling).__name__,
            "config": trained.scaling.get_config(),
        },
    }


def model_config(model):
    """Return the class and the arguments of a model, without its training."""
    registered = keras.saving.get_registered_name(type(model))
    config = model.get_config()
    if "sampling" in config:
        config["sampling"] = None
    if hasattr(model, "value_range"):
        config["value_range"] = model.value_range
    name = registered.removeprefix(f"{configuration.PACKAGE}>")
    return {"class": name, "config": config}


def serialize_loss(loss):
    """Return the name or the configuration of a loss."""
    name = loss if isinstance(loss, str) else getattr(loss, "__name__", "")
    if loss in (name, getattr(keras.losses, name, None)):
        return name
    return keras.losses.serialize(loss)


def _compile_config(model):
    loss = getattr(model, "loss", None)
    if not getattr(model, "compiled", False) or loss is None:
        return DEFAULT_COMPILE
    rate = keras.ops.convert_to_numpy(model.optimizer.learning_rate)
    return {"loss": serialize_loss(loss), "learning_rate": float(rate)}


def _to_json(value):
    return json.dumps(value, indent=2, sort_keys=True, allow_nan=False)
