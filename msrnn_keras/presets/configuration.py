"""What a preset's `config.json` may ask for: an `MSStack` and nothing else.

A configuration may come from anyone. Keras looks classes up by the names that
a configuration gives; here only the names that a preset needs pass.
"""

import keras

from msrnn_keras import losses
from msrnn_keras.presets.registry import CONFIG

LOSSES = {"keras.losses": keras.losses, "msrnn_keras.losses": losses}


def check_config(config):
    """Refuses a configuration of anything but an `MSStack`.

    It may hold plain values, a dtype policy, and a loss of Keras or of this
    package. No other class is looked up, whatever the file asks for.

    Args:
        config: content of `config.json`.

    Raises:
        ValueError: where it holds anything else.
    """
    problem = _first_problem(config)
    if problem is not None:
        raise ValueError(
            f"{CONFIG} must hold an MSStack with plain arguments and a dtype "
            "policy, a loss of Keras or msrnn_keras, and a learning rate. "
            f"Received: {problem}"
        )


def _first_problem(config):
    """The first part of a configuration that may not be there, or None."""
    if not _has_keys(config, "model", "compile"):
        return {"config": config}
    model, compiled = config["model"], config["compile"]
    if not _has_keys(model, "class", "config") or model["class"] != "MSStack":
        return {"model": model}
    if not isinstance(model["config"], dict):
        return {"model": model}
    for name, value in model["config"].items():
        if not (_is_plain(value) or name == "dtype" and _is_policy(value)):
            return {name: value}
    if not _has_keys(compiled, "loss", "learning_rate"):
        return {"compile": compiled}
    if not isinstance(compiled["learning_rate"], int | float):
        return {"learning_rate": compiled["learning_rate"]}
    if not (isinstance(compiled["loss"], str) or _is_loss(compiled["loss"])):
        return {"loss": compiled["loss"]}
    return None


def _has_keys(table, *keys):
    return isinstance(table, dict) and set(table) == set(keys)


def _is_plain(value):
    """Whether a value is a number, string, boolean, None or a list of them."""
    values = value if isinstance(value, list) else [value]
    return all(
        x is None or isinstance(x, str | int | float | bool) for x in values
    )


def _is_object(value):
    """Whether a value is an object that Keras wrote, of plain arguments."""
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


def _is_loss(value):
    if not _is_object(value):
        return False
    name = value["class_name"]
    known = getattr(LOSSES.get(value["module"]), name, None)
    return (
        isinstance(known, type)
        and issubclass(known, keras.losses.Loss)
        and value["registered_name"] in (None, f"msrnn_keras>{name}")
    )
