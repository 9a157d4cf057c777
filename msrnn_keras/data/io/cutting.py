"""Parts and averages of recordings on a grid."""

import copy

import numpy as np

from msrnn_keras.data.datasets.blocks import block_means
from msrnn_keras.data.io.grids import dimensions
from msrnn_keras.data.io.orientation import north_and_east
from msrnn_keras.data.lazy_frames import map_frames

_EVEN = 1e-2  # share of a step by which steps may differ
_MULTIPLE = 1e-3  # share by which a resolution may differ from a multiple
# Attributes that describe the grid of the file.
_OF_GRID = ("GRIB_", "geospatial_", "GeoTransform")


def cut(recording, bbox=None, resolution=None):
    """Return the part of a recording in a box, averaged to a resolution.

    Args:
        recording: `Recording` with coordinates.
        bbox: Tuple `(west, south, east, north)` in the unit of the coordinates;
            the pixels with their centers in the box are kept. Longitudes may
            differ by 360°.
        resolution: Number, size of a pixel in the unit of the coordinates, a
            multiple of that of the file. Blocks of pixels are averaged over the
            valid ones, reflectivity as Z, and missing where more than half of
            the pixels are.

    Returns:
        `Recording`, whose frames are read on demand if the given ones are.

    Raises:
        ValueError: If the box is not in the grid, or the resolution no multiple
            of its pixels, or the recording has no coordinates.
    """
    if bbox is None and resolution is None:
        return recording
    grid = recording.coordinates
    names = () if grid is None else north_and_east(grid)
    if grid is None or not set(names) <= set(grid.coords):
        raise ValueError(
            "`bbox` and `resolution` need a file with coordinates along rows "
            f"and columns. Received: bbox={bbox}, resolution={resolution}"
        )
    (values,) = grid.data_vars.values()
    plane = dimensions(grid, values)[1:]
    inside = {} if bbox is None else _inside(grid, names, bbox)
    rows, columns = (inside.get(name, slice(None)) for name in plane)
    frames = recording.frames[:, rows, columns]
    grid = _without_extent(grid.isel(inside))
    if resolution is not None:
        side = _side(grid, names, resolution)
        frames = map_frames(frames, _means(recording.unit, side), side)
        grid = coarse_grid(grid, side)
    part = copy.copy(recording)
    part.frames, part.coordinates = frames, grid
    part.image_shape = frames.shape[1:]
    return part


def coarse_grid(grid, side):
    """Return coordinates of blocks of `side` pixels."""
    (values,) = grid.data_vars.values()
    time, *plane = dimensions(grid, values)
    edges = [  # of cells, whose mean is not that of the block
        key
        for key, x in grid.coords.items()
        if set(x.dims) & set(plane) and set(x.dims) - {time, *plane}
    ]
    coarse = grid.drop_vars(edges)
    if side > 1:
        sides = dict.fromkeys(plane, side)
        coarse = coarse.coarsen(sides, boundary="trim").mean(keep_attrs=True)
        coarse = _without_extent(coarse)
    for key in plane if edges else ():
        if key in coarse.coords:
            coarse[key].attrs.pop("bounds", None)
            coarse[key].encoding.pop("bounds", None)
    return coarse


def _without_extent(grid):
    """Return a grid without attributes of another extent."""
    grid = grid.copy()
    for owner in (grid, *grid.variables.values()):
        for key in list(owner.attrs):
            if str(key).startswith(_OF_GRID):
                del owner.attrs[key]
    return grid


def _inside(grid, names, bbox):
    """Return the slices of the dimensions that are in a box."""
    if np.shape(bbox) != (4,) or not np.isfinite(bbox).all():
        raise ValueError(
            "`bbox` must be four numbers, west, south, east and north. "
            f"Received: bbox={bbox}"
        )
    west, south, east, north = map(float, bbox)
    sides = zip(names, ((south, north), (west, east)), strict=True)
    return {name: _range(grid[name], *side, bbox) for name, side in sides}


def _range(axis, low, high, bbox):
    """Return the slice of an axis between two values."""
    values = axis.to_numpy().astype("float64")
    half = _step(axis) / 2 if len(values) > 1 else 0.0
    first, last = values.min() - half, values.max() + half
    turns = (0, 360, -360) if _is_longitude(axis) else (0,)
    slack = 1e-6 * half
    for turn in turns:
        start, stop = low + turn, high + turn
        if first - slack <= start <= stop <= last + slack:
            kept = (values >= start - slack) & (values <= stop + slack)
            places = np.flatnonzero(kept)
            if len(places):
                return slice(int(places[0]), int(places[-1]) + 1)
    raise ValueError(
        "`bbox` must be within the grid, west before east and south before "
        f"north, and have the center of a pixel: {axis.name!r} is from "
        f"{first:.9g} to {last:.9g} {axis.attrs.get('units', '')}. "
        f"Received: bbox={bbox}"
    )


def _is_longitude(axis):
    unit = str(axis.attrs.get("units", "")).lower()
    return unit.startswith("degree") and unit.rstrip("s").endswith(
        ("e", "east")
    )


def _step(axis):
    """Return the step of an evenly spaced axis."""
    steps = np.diff(axis.to_numpy().astype("float64"))
    step = np.median(steps)
    if not len(steps) or np.abs(steps - step).max() > _EVEN * abs(step):
        raise ValueError(
            "`bbox` and `resolution` need a grid of at least two rows and "
            "columns that are evenly spaced. Received: steps of "
            f"{axis.name!r} {sorted(set(steps.tolist()))[:3]}"
        )
    return abs(step)


def _side(grid, names, resolution):
    """Return the number of pixels per side of a block."""
    steps = [_step(grid[name]) for name in names]
    unit = grid[names[0]].attrs.get("units", "")
    ratios = [resolution / step for step in steps]
    side = round(ratios[0]) if np.isfinite(ratios[0]) else 0
    is_multiple = side > 0 and np.allclose(ratios, side, rtol=_MULTIPLE)
    if not is_multiple or side > min(grid.sizes[name] for name in names):
        raise ValueError(
            "`resolution` must be a multiple of the size of a pixel, "
            f"{steps[0]:.9g}×{steps[1]:.9g} {unit}, and at most the size of "
            f"the grid. Received: resolution={resolution}"
        )
    return side


def _means(unit, side):
    """Return a function from a frame to the means of its blocks."""
    is_dbz = unit.lower() == "dbz"

    def means(frame):
        values = 10 ** (frame / 10) if is_dbz else frame
        channels = np.moveaxis(values, -1, 0)
        values = [block_means(x, side, least=-np.inf) for x in channels]
        values = np.stack(values, axis=-1)
        return 10 * np.log10(values) if is_dbz else values

    return means
