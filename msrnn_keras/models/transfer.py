"""Transfer of weights between models that differ in a few layers."""

import warnings

import keras

from msrnn_keras.layers.position_tables import position_tables, resized_table


def transfer_weights(source: keras.Model, target: keras.Model) -> list[str]:
    """Copy the weights of one model to another where they fit.

    Weights are matched by path and must have the same shape; those of the mask
    of a model with `missing="mask"` start at zero. Position tables of another
    size of frames are interpolated, with a warning.

    Args:
        source: Trained model.
        target: Model of the same class, changed in place.

    Returns:
        List of the paths of the weights that were not copied.

    Raises:
        ValueError: If no weight of a recurrent layer fits.

    Example:
    >>> model = msrnn_keras.create("ms-convlstm", horizon=20, missing="mask")
    >>> fresh = transfer_weights(zoo.load("ms-convlstm", "mnist"), model)
    """
    known = {weight.path: weight for weight in source.weights}
    tables, fresh = _resized_tables(source, target), []
    for weight in target.weights:
        value = _fitting(known.get(weight.path), weight, target.missing)
        value = tables.get(weight.path, value)
        if value is None:
            fresh.append(weight.path)
        else:
            weight.assign(value)
    # Of recurrent layers, or of all if there are none.
    paths = {weight.path for weight in target.weights}
    recurrent = {path for path in paths if "layer_" in path} or paths
    if recurrent <= set(fresh):
        raise ValueError(
            "No recurrent layer of the source fits the target. Both models "
            "must have the same cell and the same `filters`. "
            f"Received: {source.name} and {target.name}"
        )
    return fresh


def _resized_tables(source, target):
    """Return the values of the position tables that differ in size."""
    old, new = position_tables(source), position_tables(target)
    known = {weight.path: weight for weight in source.weights}
    values = {
        path: resized_table(
            keras.ops.convert_to_numpy(known[path]), old[path], new[path]
        )
        for path in set(old) & set(new)
        if old[path] != new[path]
    }
    values = {
        path: value for path, value in values.items() if value is not None
    }
    if values:
        warnings.warn(
            f"{len(values)} position tables were interpolated, because the "
            "model is for another size of frames: train it further, or check "
            f"its forecasts. Received: image_shape={source.image_shape} and "
            f"{target.image_shape}",
            stacklevel=3,
        )
    return values


def initialize_weights(source, target):
    """Copy all trainable weights as `transfer_weights` does, or none.

    The layer of the noise of a model keeps its own if the source has no noise.
    """
    known = {w.path: w for w in source.trainable_variables}
    wanted = {w.path: w for w in target.trainable_variables}
    if target.noise and not source.noise:
        wanted = {p: w for p, w in wanted.items() if "noise_mix/" not in p}
    values = {
        path: _fitting(known.get(path), weight, target.missing)
        for path, weight in wanted.items()
    }
    wrong = [path for path, value in values.items() if value is None]
    wrong += [path for path in known if path not in wanted]
    if wrong:
        shapes = ", ".join(
            f"{path} {_shape(known, path)} for {_shape(wanted, path)}"
            for path in wrong[:5]
        )
        raise ValueError(
            f"{len(wrong)} initial weights do not fit the model. "
            f"Received: {shapes}"
        )
    for path, value in values.items():
        wanted[path].assign(value)


def _shape(weights, path):
    """Return the shape of a weight for an error message."""
    return tuple(weights[path].shape) if path in weights else "no weight"


def _fitting(old, new, missing):
    """Return the new values of a weight, or None if nothing fits."""
    if old is None:
        return None
    value = keras.ops.convert_to_numpy(old)
    if old.shape == new.shape:
        return value
    if len(value.shape) != 4 or missing != "mask":
        return None
    doubled = (*old.shape[:-2], 2 * old.shape[-2], old.shape[-1])
    if tuple(new.shape) != doubled:
        return None
    widened = keras.ops.convert_to_numpy(new) * 0
    widened[..., : old.shape[-2], :] = value
    return widened
