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


def initialize_weights(source, target):
    """Give a model all trainable weights of another one.

    Weights are matched by their path and must have the same shape. As in
    `transfer_weights`, a model with `missing="mask"` can begin from one
    without. Counters and random states stay as they are.

    Args:
        source: `keras.Model` that was trained.
        target: `MSStack`, changed in place if all weights fit.

    Raises:
        ValueError: If a weight of one model does not fit the other.
    """
    known = {w.path: w for w in source.trainable_variables}
    wanted = {w.path: w for w in target.trainable_variables}
    values = {
        path: _fitting(known.get(path), weight, target.missing)
        for path, weight in wanted.items()
    }
    wrong = [path for path, value in values.items() if value is None]
    wrong += [path for path in known if path not in wanted]
    if wrong:
        shapes = [
            f"{path} {_shape(known, path)} for {_shape(wanted, path)}"
            for path in wrong[:5]
        ]
        raise ValueError(
            f"{len(wrong)} weights to begin from do not fit the model. "
            f"Received: {', '.join(shapes)}"
        )
    for path, value in values.items():
        wanted[path].assign(value)


def _shape(weights, path):
    """Return the shape of a weight in words."""
    return tuple(weights[path].shape) if path in weights else "no weight"


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
