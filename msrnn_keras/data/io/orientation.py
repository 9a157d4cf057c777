"""Orientation of frames: north at the top, west on the left."""

import numpy as np

from msrnn_keras.data.io.grids import dimensions

_NORTH = {"y", "lat", "latitude", "northing"}
_NORTH |= {"projection_y_coordinate", "grid_latitude"}
_NORTH |= {"degrees_north", "degree_north", "degrees_n", "degree_n"}
_EAST = {"x", "lon", "longitude", "easting"}
_EAST |= {"projection_x_coordinate", "grid_longitude"}
_EAST |= {"degrees_east", "degree_east", "degrees_e", "degree_e"}


def north_up(recording, frames):
    """Return a view of frames with north at the top and west on the left."""
    if recording.coordinates is None:
        return frames
    north, east = _slopes(recording.coordinates)
    if _is_turned(north):
        frames = np.swapaxes(frames, -3, -2)
        north, east = north[::-1], east[::-1]
    if north[0] > 0:
        frames = frames[..., ::-1, :, :]
    if east[1] < 0:
        frames = frames[..., ::-1, :]
    return frames


def north_and_east(grid):
    """Return the names of the dimensions that run north and east."""
    (values,) = grid.data_vars.values()
    plane = dimensions(grid, values)[1:]
    return plane[::-1] if _is_turned(_slopes(grid)[0]) else plane


def _is_turned(north):
    return abs(north[1]) > abs(north[0])


def _slopes(grid):
    """Return the steps to the north and east along both dimensions."""
    (values,) = grid.data_vars.values()
    plane = dimensions(grid, values)[1:]
    north, east = (_slope(grid, plane, names) for names in (_NORTH, _EAST))
    # By default, rows go south and columns go east.
    if north is None:
        is_turned = east is not None and abs(east[0]) > abs(east[1])
        north = (0, -1) if is_turned else (-1, 0)
    if east is None:
        east = (1, 0) if _is_turned(north) else (0, 1)
    return north, east


def _slope(grid, plane, names):
    """Return the steps of a coordinate along both dimensions, or None."""
    found = []
    for name, values in grid.coords.items():
        if not values.dims or not set(values.dims) <= set(plane):
            continue
        keys = ("axis", "standard_name", "units")
        said = [str(values.attrs.get(key, "")).lower() for key in keys]
        other = (_NORTH | _EAST) - names
        is_one = names & {*said, str(name).lower()}
        steps = [_step(values, dim) for dim in plane]
        if is_one and not other & set(said) and any(steps):
            found.append(((any(said), -len(values.dims)), steps))
    if found:
        return max(found)[1]
    named = [str(dim).lower() in names for dim in plane]
    sign = -1 if names is _NORTH else 1
    return [sign * x for x in named] if any(named) else None


def _step(values, dim):
    """Return the median difference between neighbors; longitudes may wrap."""
    if dim not in values.dims or values.sizes[dim] < 2:
        return 0.0
    steps = np.diff(values.to_numpy(), axis=values.dims.index(dim))
    return float(np.nan_to_num(np.nanmedian(steps)))
