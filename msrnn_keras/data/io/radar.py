"""Read frames from the radar files that pysteps supports."""

import glob
import pathlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from msrnn_keras.data.io import radar_times
from msrnn_keras.data.io.grids import recording_of
from msrnn_keras.data.io.images import natural
from msrnn_keras.data.io.knmi import with_quantity
from msrnn_keras.data.io.recording import Recording, split_at_gaps
from msrnn_keras.data.scaling import Scaling
from msrnn_keras.data.sources import check_interval, check_scaling
from msrnn_keras.utils.arguments import check_path
from msrnn_keras.utils.extras import require
from msrnn_keras.utils.files import check_file
from msrnn_keras.utils.typing import PathLike

_VARIABLES = {"mm/h": "rainfall_rate", "dBZ": "equivalent_reflectivity_factor"}
_DEGREES = {
    "x": ("degrees_east", "longitude"),
    "y": ("degrees_north", "latitude"),
}
_LENGTHS = {"a", "b", "R", "h", "x_0", "y_0"}  # in the unit of the ellipsoid
_LEAST_RADIUS = 1e5  # of an ellipsoid in meters; a smaller one is in km


def from_radar(
    files: PathLike | Sequence[PathLike],
    importer: str,
    pattern: str | None = None,
    scaling: Scaling | None = None,
    interval: float | None = None,
    period: float | None = None,
    **importer_options: Any,
) -> Recording:
    """Read radar images, one file per time, through pysteps.

    Args:
        files: Path of a folder, pattern as `"radar/*.pgm"`, or list of paths.
        importer: String, name of a pysteps importer, such as `"odim_hdf5"`.
        pattern: String, the time in the file names as of `strftime`, such as
            `"AQC%y%j%H%M?_*.gif"`; None is YYYYMMDDHHMM[SS]. Names without a
            date are ordered by the times in the files, else as listed.
        scaling: `Scaling`; None is for mm/h (`RainRate`) and dBZ (-10 to 60).
        interval: Number, seconds between two frames, as in `from_arrays`.
        period: Number, accumulation period of sums (mm), seconds; None is that
            of the file, else the interval.
        **importer_options: Options of the importer, such as `qty="DBZH"`, which
            `"knmi_hdf5"` takes from the file if it contains reflectivity.

    Returns:
        `Recording` of one channel in mm/h or dBZ, NaN outside the range.

    Raises:
        FileNotFoundError, ImportError: If files or the extra are missing.
        ValueError: If an argument or a file cannot be used.

    Example:
    >>> clips = Clips(from_radar("radar/*.pgm", "fmi_pgm"), 5, 12)

    Reference: Pulkkinen et al., 2019, https://doi.org/10.5194/gmd-12-4185-2019
    """
    packages = ("xarray", "pyproj", "pysteps")  # pyproj is imported late
    xarray, _, pysteps = (require(name, "radar") for name in packages)
    try:
        read = pysteps.io.get_method(importer, "importer")
    except (ValueError, TypeError) as error:
        raise ValueError(
            f"`importer` must name an importer of pysteps ({error}). "
            f"Received: {importer!r}"
        ) from error
    check_interval(interval)
    check_interval(period, "period")
    check_scaling(scaling)
    paths = _paths(files)
    times = radar_times.file_times(paths, pattern)
    if times is not None:
        order = np.argsort(times, kind="stable")
        paths, times = [paths[index] for index in order], times[order]
    elif not isinstance(files, (list, tuple)):
        radar_times.check_name_order(paths)
    step = split_at_gaps(times, interval)[0]
    fields, metadata = [], {}
    for path in paths:
        options = with_quantity(importer, path, importer_options)
        field, metadata = _read(read, path, importer, options)
        if fields and field.shape != fields[0].shape:
            raise ValueError(
                f"All files must have the same size, {fields[0].shape}. "
                f"Received: {field.shape} in {str(path)!r}"
            )
        seconds = _period(metadata, path, period, step, importer_options)
        if seconds is not None:
            # The importer's own period is often constant.
            metadata["accutime"] = seconds / 60
            field, metadata = pysteps.utils.to_rainrate(field, metadata)
        fields.append(field.astype("float32"))
    if scaling is None and not metadata.get("unit"):
        raise ValueError(
            f"The importer {importer} gives no unit: pass a `scaling`, "
            "RainRate() for mm/h or MinMax(low, high). "
            f"Received: scaling=None for {str(path)!r}"
        )
    dataset = _dataset(xarray, np.stack(fields), metadata)
    if times is not None:
        dataset = dataset.assign_coords(time=times)
    recording = recording_of(dataset, scaling, interval, metadata)
    recording.frames = np.asarray(recording.frames)  # they are in memory
    return recording


def _paths(files):
    """Return the files; those of a folder or a pattern sorted by name."""
    if isinstance(files, (list, tuple)):
        paths = [check_path("files", file) for file in files]
    else:
        files = path = check_path("files", files)
        found = path.iterdir() if path.is_dir() else glob.glob(str(files))
        paths = sorted(map(pathlib.Path, found), key=natural)
        paths = [x for x in paths if x.is_file() and x.name[0] != "."]
    for path in paths:
        check_file(path)
    if not paths:
        raise FileNotFoundError(
            f"`files` must match at least one file. Received: {files!r}"
        )
    return paths


def _read(read, path, importer, options):
    """Return field and metadata of a file."""
    try:
        field, _, metadata = read(str(path), **options)
    except Exception as error:
        raise ValueError(
            f"The file cannot be read by the importer {importer} "
            f"({type(error).__name__}: {error}). Received: {str(path)!r}"
        ) from error
    return np.ma.filled(field, np.nan), dict(metadata)


def _period(metadata, path, given, interval, options):
    """Return the accumulation period in seconds, None for other than sums."""
    unit = metadata.get("unit")
    if unit != "mm" and given is not None:
        raise ValueError(
            "`period` is for sums, in mm. Received: values in the unit "
            f"{unit!r} in {str(path)!r}"
        )
    if unit != "mm" or given is not None:
        return given
    if options.get("accutime") is not None:
        return 60 * options["accutime"]
    start, end = radar_times.stated_times(path)
    seconds = (end - start) / np.timedelta64(1, "s")
    if seconds <= 0:
        raise ValueError(
            "The importer treats the values as sums (mm), but the file states "
            "a single time. Read another quantity, such as qty='DBZH', or "
            "pass `period`, in seconds (--period). "
            f"Received: {start} to {end} in {str(path)!r}"
        )
    if seconds > 0:
        return float(seconds)
    if interval is None:
        raise ValueError(
            "The file does not state the accumulation period of its sums: pass "
            f"`period`, in seconds (--period). Received: {str(path)!r}"
        )
    return interval


def _dataset(xarray, fields, metadata):
    """Return the fields on their grid as a CF data set."""
    unit = metadata.get("unit") or ""
    name = _VARIABLES.get(unit, "radar")
    attributes = {"units": unit}
    if unit in _VARIABLES:
        attributes["standard_name"] = name
    values = xarray.Variable(("time", "y", "x"), fields, attributes)
    coordinates = grid_coordinates(metadata, fields.shape[1:])
    if "crs" in coordinates:
        values.encoding["grid_mapping"] = "crs"
    attributes = {"Conventions": "CF-1.8"}
    if metadata.get("institution"):
        attributes["institution"] = metadata["institution"]
    return xarray.Dataset({name: values}, coordinates, attributes)


def grid_coordinates(metadata, shape):
    """Return `x`, `y` (pixel centers in m or degrees) and `crs` of an image."""
    unit = metadata.get("cartesian_unit") or "m"
    file_factor = {"km": 1000.0}.get(unit, 1.0)
    unit = "degrees" if unit.startswith("degree") else "m"
    factor, coordinates = file_factor, {}
    if metadata.get("projection"):
        crs, attributes, projection_factor = _projection(metadata["projection"])
        coordinates["crs"] = ((), 0, attributes)
        # Importers with these derive the corners from them by pyproj.
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
        units, name = ("m", f"projection_{axis}_coordinate")
        if unit == "degrees":
            units, name = _DEGREES[axis]
        attributes = {"units": units, "standard_name": name}
        attributes["axis"] = axis.upper()
        coordinates[axis] = (axis, centers, attributes)
    return coordinates


def _centers(low, high, size, length):
    """Return the centers of `length` pixels between two edges or centers."""
    if size and length > 1 and abs((high - low) / size - length + 1) < 0.01:
        return np.linspace(low, high, length)
    return low + (np.arange(length) + 0.5) * (high - low) / length


def _projection(proj4):
    """Return the CRS in meters, its attributes, and the factor to meters."""
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
        if in_km and key in _LENGTHS:
            value = repr(1000 * float(value))
        if key not in ("units", "to_meter"):
            parts.append(f"+{key}{equals}{value}")
    return " ".join([*parts, "+units=m"])
