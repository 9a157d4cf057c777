"""Weights of one model for another one that differs in a few layers."""

import keras


def transfer_weights(source, target):
    """Give a model the weights of another one, as far as they fit.

    Weights are matched by their path and must have the same shape. One that
    reads more channels than before, as the embedding of a model with
    `missing="mask"` does, takes over the first ones and starts from zeros for
    the others, so that it begins as the old model.

    Args:
        source: `MSStack` that was trained.
        target: `MSStack`, changed in place.

    Returns:
        List of the paths of the weights that kept their own values.

    Raises:
        ValueError: If no weight of a recurrent layer fits.

    Example:
    >>> model = msrnn_keras.create("ms-convlstm", horizon=20, missing="mask")
    >>> transfer_weights(zoo.load("ms-convlstm", "mnist"), model)
    []
    """
    known = {weight.path: weight for weight in source.weights}
    fresh = []
    for weight in target.weights:
        value = _fitting(known.get(weight.path), weight, target.missing)
        if value is None:
            fresh.append(weight.path)
        else:
            weight.assign(value)
    recurrent = {w.path for w in target.weights if "layer_" in w.path}
    if recurrent <= set(fresh):
        raise ValueError(
            "No recurrent layer of the one model fits the other; both must "
            "be of the same cell and filters. "
            f"Received: {source.name} and {target.name}"
        )
    return fresh


def _fitting(old, new, missing):
    """The values for a weight, or None where it keeps its own."""
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
