"""Grids of radar files, as CF coordinates in meters or degrees."""

import numpy as np

from msrnn_keras.utils.extras import require

_NAMES = {
    "m": {"x": "projection_x_coordinate", "y": "projection_y_coordinate"},
    "degrees": {"x": "longitude", "y": "latitude"},
}
_EAST_AND_NORTH = {"x": "degrees_east", "y": "degrees_north"}
_LENGTHS = {"a", "b", "R", "h", "x_0", "y_0"}  # in the unit of the ellipsoid
_LEAST_RADIUS = 1e5  # of an ellipsoid in meters; less is in kilometers


def grid_coordinates(metadata, shape):
    """Return the pixels' centers and the projection of a radar image.

    Args:
        metadata: Dict, of a pysteps importer.
        shape: Tuple `(height, width)`.

    Returns:
        Dict of coordinates for `xarray.Dataset`: `x` and `y` in meters or
        degrees, and `crs`, those that the metadata tells.

    Example:
    >>> field, _, metadata = import_odim_hdf5("radar.h5")
    >>> grid_coordinates(metadata, field.shape)["crs"]
    """
    unit = metadata.get("cartesian_unit") or "m"
    file_factor = {"km": 1000.0}.get(unit, 1.0)
    unit = "degrees" if unit.startswith("degree") else "m"
    factor, coordinates = file_factor, {}
    if metadata.get("projection"):
        crs, attributes, projection_factor = _projection(metadata["projection"])
        coordinates["crs"] = ((), 0, attributes)
        # Importers that give these made the corners of them, by pyproj.
        if crs is not None and {"ll_lon", "ll_lat"} <= set(metadata):
            unit = "degrees" if crs.is_geographic else "m"
            factor = projection_factor
    if not {"x1", "x2", "y1", "y2"} <= set(metadata):
        return coordinates
    for axis, length in zip("yx", shape, strict=True):
        low, high = (factor * float(metadata[f"{axis}{i}"]) for i in (1, 2))
        size = metadata.get(f"{axis}pixelsize")
        size = None if size is None else file_factor * float(size)
        centers = _centers(low, high, size, length)
        if axis == "y" and metadata.get("yorigin") == "upper":
            centers = centers[::-1]
        attributes = {
            "units": _EAST_AND_NORTH[axis] if unit == "degrees" else "m",
            "standard_name": _NAMES[unit][axis],
            "axis": axis.upper(),
        }
        coordinates[axis] = (axis, centers, attributes)
    return coordinates


def _centers(low, high, size, length):
    """Return the centers of pixels between two edges.

    Where `low` and `high` are one pixel closer than the size of the pixels
    wants it, they are centers themselves.
    """
    if size and length > 1 and abs((high - low) / size - length + 1) < 0.01:
        return np.linspace(low, high, length)
    return low + (np.arange(length) + 0.5) * (high - low) / length


def _projection(proj4):
    """Return a projection in meters, its attributes, and the factor to them."""
    pyproj = require("pyproj", "radar")
    try:
        crs = pyproj.CRS(proj4)
    except pyproj.exceptions.CRSError:
        return None, {"proj4": proj4}, 1.0
    if crs.is_geographic:
        return crs, {**crs.to_cf(), "proj4": proj4}, 1.0
    factor = crs.axis_info[0].unit_conversion_factor if crs.axis_info else 1.0
    in_km = crs.ellipsoid.semi_major_metre < _LEAST_RADIUS
    if in_km:
        factor *= 1000
    if factor != 1:
        proj4 = _in_meters(proj4, in_km)
        crs = pyproj.CRS(proj4)
    return crs, {**crs.to_cf(), "proj4": proj4}, factor


def _in_meters(proj4, in_km):
    """Return a PROJ string with lengths in meters."""
    parts = []
    for part in proj4.split():
        key, equals, value = part.removeprefix("+").partition("=")
        if key in ("units", "to_meter"):
            continue
        if in_km and key in _LENGTHS:
            value = repr(1000 * float(value))
        parts.append(f"+{key}{equals}{value}")
    return " ".join([*parts, "+units=m"])
