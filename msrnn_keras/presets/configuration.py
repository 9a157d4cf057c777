"""Checks of a preset's folder, which may come from anyone."""

import importlib
import re
import reprlib
import sys

import keras

from msrnn_keras import losses
from msrnn_keras.presets.download import PresetFileError
from msrnn_keras.presets.registry import CONFIG, METADATA

PACKAGE = "msrnn_keras"
LONGEST, DEEPEST = 100, 4  # lists in a configuration, such as `scales`
# Where the models are registered.
MODULES = {
    "Earthformer": "models.earthformer",
    "Lagrangian": "models.lagrangian",
    "MSStack": "models.ms_stack",
    "SimVP": "models.simvp",
}
# Of Keras; their classes hold plain arguments and run no code of a user.
OPTIONS = ("keras.constraints", "keras.initializers", "keras.regularizers")


def check_files(folder, names):
    """Refuse a folder that lacks one of the named files."""
    missing = [name for name in names if not (folder / name).is_file()]
    if missing:
        found = sorted(path.name for path in folder.glob("*"))
        raise PresetFileError(
            f"The folder {folder} must hold {', '.join(names)} of a preset, or "
            f"recipe.toml of a run; {', '.join(missing)} is not there. "
            f"Received: {found}"
        )


def package_version():
    """Return the version of this package, which is always imported here."""
    return sys.modules[PACKAGE].__version__


def check_version(metadata):
    """Refuse a preset that needs a newer version of the package."""
    minimum = metadata.get("minimum_version")
    if not isinstance(minimum, str):
        raise ValueError(
            f"{METADATA} must say which `minimum_version` of msrnn-keras the "
            f"preset needs. Received: {sorted(metadata)}"
        )
    if _release(package_version()) < _release(minimum):
        raise RuntimeError(
            f"This preset needs msrnn-keras {minimum} or newer: run "
            "`pip install --upgrade msrnn-keras`. "
            f"Received: msrnn-keras {package_version()}"
        )


def late_import(module):
    """Import a module of this package that itself imports presets."""
    return importlib.import_module(f"{PACKAGE}.{module}")


def register_models():
    """Import all models, so that Keras finds the class of a saved one."""
    for module in MODULES.values():
        late_import(module)


def find_class(name):
    """Return the model class of a name of this package or of Keras, or None."""
    if not isinstance(name, str):
        return None
    if name in MODULES:
        late_import(MODULES[name])
    registered = name if ">" in name else f"{PACKAGE}>{name}"
    found = keras.saving.get_registered_object(registered)
    is_model = isinstance(found, type) and issubclass(found, keras.Model)
    return found if is_model else None


def check_config(config):
    """Refuse a configuration that is not of one model with plain arguments."""
    # No class is looked up but the model, a dtype policy and a known loss.
    problem = _first_problem(config)
    if problem is not None:
        raise ValueError(
            f"{CONFIG} must hold a registered model with plain arguments, a "
            "loss of Keras or msrnn_keras, and a learning rate. "
            f"Received: {reprlib.repr(problem)}"
        )


def _first_problem(config):
    """Return the first part of a configuration that is not allowed, or None."""
    if not _has_keys(config, "model", "compile"):
        return {"config": config}
    model, compiled = config["model"], config["compile"]
    problem = _first_problem_of_model(model)
    if problem is not None:
        return problem
    if not _has_keys(compiled, "loss", "learning_rate"):
        return {"compile": compiled}
    if not isinstance(compiled["learning_rate"], int | float):
        return {"learning_rate": compiled["learning_rate"]}
    if not (isinstance(compiled["loss"], str) or _is_loss(compiled["loss"])):
        return {"loss": compiled["loss"]}
    return None


def _first_problem_of_model(model):
    """Return the first part of a model that is not allowed, or None."""
    if not (
        _has_keys(model, "class", "config")
        and find_class(model["class"])
        and isinstance(model["config"], dict)
    ):
        return {"model": model}
    for name, value in model["config"].items():
        if name == "model" and isinstance(value, dict):  # a wrapped one
            problem = _first_problem_of_model(value)
            if problem is not None:
                return problem
            continue
        policy = name == "dtype" and _is_policy(value)
        if not (_is_plain(value) or policy or _is_option(value)):
            return {name: value}
    return None


def _has_keys(table, *keys):
    return isinstance(table, dict) and set(table) == set(keys)


def _is_plain(value, levels=DEEPEST):
    """Return whether a value is a scalar, None or a list of limited size."""
    if isinstance(value, list | tuple):
        small = levels > 0 and len(value) <= LONGEST
        return small and all(_is_plain(item, levels - 1) for item in value)
    return value is None or isinstance(value, str | int | float | bool)


def _is_object(value):
    """Return whether a value is an object, serialized with plain arguments."""
    return (
        _has_keys(value, "class_name", "config", "module", "registered_name")
        and isinstance(value["class_name"], str)
        and isinstance(value["module"], str)
        and isinstance(value["config"], dict)
        and all(map(_is_plain, value["config"].values()))
    )


def _is_policy(value):
    return (
        _is_object(value)
        and (value["module"], value["class_name"]) == ("keras", "DTypePolicy")
        and value["registered_name"] is None
    )


def _is_option(value):
    return (
        _is_object(value)
        and value["module"] in OPTIONS
        and value["registered_name"] is None
    )


def _is_loss(value):
    if not _is_object(value):
        return False
    found, registered = None, value["registered_name"]
    if value["module"] == "keras.losses" and registered is None:
        found = getattr(keras.losses, value["class_name"], None)
    elif value["module"] == losses.__name__ and isinstance(registered, str):
        found = keras.saving.get_registered_object(registered)
    return isinstance(found, type) and issubclass(found, keras.losses.Loss)


def _release(version):
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])
