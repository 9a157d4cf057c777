"""The weights that a run begins from."""

import h5py
import numpy as np

from msrnn_keras.models.transfer import initialize_weights


def save_initial(model, source, path):
    """Write the weights of a new model that begins from another one.

    Args:
        model: `MSStack`, untrained; changed in place.
        source: `keras.Model` with the weights to begin from.
        path: `pathlib.Path` of the file to write.

    Raises:
        ValueError: If the weights of the two models do not fit.
    """
    initialize_weights(source, model)
    model.save_weights(path)


def same_weights(path, other):
    """Return whether two files hold the same weights.

    Args:
        path: `pathlib.Path` of a `.weights.h5` file.
        other: `pathlib.Path` of another one.

    Returns:
        Boolean.
    """
    a, b = _read(path), _read(other)
    return a.keys() == b.keys() and all(
        np.array_equal(a[name], b[name]) for name in a
    )


def _read(path):
    """Return the arrays of a file by name."""
    arrays = {}

    def keep(name, item):
        if isinstance(item, h5py.Dataset):
            arrays[name] = item[()]

    with h5py.File(path) as file:
        file.visititems(keep)
    return arrays
