"""Interpolation of learned position tables to maps of another size."""

import numpy as np


def position_tables(model):
    """Return a dict from the path of a table to its grid.

    A layer with tables has an attribute `table_grids`: pairs of a variable
    `(rows, …)` and of the sizes `(time, height, width)` that its rows are
    numbered by, row-major. `centered` layers number differences of positions.
    """
    return {
        table.path: (grid, getattr(layer, "centered", False))
        for layer in model._flatten_layers()
        for table, grid in getattr(layer, "table_grids", ())
    }


def resized_table(table, old, new):
    """Interpolate a table linearly along height and width.

    Args:
        table: Array `(rows, channels)`.
        old: Pair of the grid of `table` and of whether it is centered, as in
            `position_tables`.
        new: The same of the result.

    Returns:
        Array, or None if the grids differ in time or in their kind.
    """
    (old_grid, centered), (new_grid, other) = old, new
    if old_grid[0] != new_grid[0] or centered != other:
        return None
    values = np.reshape(table, (*old_grid, -1))
    for axis in (1, 2):
        values = _interpolated(values, new_grid[axis], axis, centered)
    return values.reshape(-1, values.shape[-1])


def _interpolated(values, target, axis, centered):
    """Interpolate an axis; the zero of a centered one stays in the middle."""
    length = values.shape[axis]
    if length == target:
        return values
    if centered:
        where = np.linspace(0, length - 1, target)
    else:
        where = (np.arange(target) + 0.5) * length / target - 0.5
    where = np.clip(where, 0, length - 1)
    low = np.floor(where).astype(int)
    high = np.minimum(low + 1, length - 1)
    shape = [-1 if i == axis else 1 for i in range(values.ndim)]
    share = (where - low).reshape(shape).astype(values.dtype)
    below, above = (np.take(values, i, axis) for i in (low, high))
    return below * (1 - share) + above * share
