"""Frames of your own, from the radar files that pysteps reads."""

import datetime
import glob
import pathlib
import re

import numpy as np

from msrnn_keras.data.grids import recording_of
from msrnn_keras.data.videos import natural
from msrnn_keras.extras import require

# YYYYMMDDHHMM or YYYYMMDDHHMMSS, with or without a sign between day and hour.
_TIME = re.compile(
    r"(?<!\d)((?:19|20)\d{2}[01]\d[0-3]\d)[T_-]?([0-2]\d[0-5]\d)([0-5]\d)?"
    r"(?!\d)"
)
_DIRECTIVES = {"Y": 4, "m": 2, "d": 2, "H": 2, "M": 2, "S": 2, "y": 2, "j": 3}
_NAMES = {"mm/h": "rainfall_rate", "dBZ": "equivalent_reflectivity_factor"}


def from_radar(
    files,
    importer,
    pattern=None,
    scaling=None,
    interval=None,
    **importer_options,
):
    """Read radar images, one file for each time, through pysteps.

    Args:
        files: Path of a folder, a pattern such as `"radar/*.pgm"`, or a list
            of paths.
        importer: String, the name of a pysteps importer: `"fmi_pgm"`,
            `"odim_hdf5"`, `"mch_gif"`, `"knmi_hdf5"`, ….
        pattern: String, the time in the files' names, such as
            `"AQC%y%j%H%M?_*.gif"`: the directives of `strftime`, `?` for one
            character, `*` for any. None looks for YYYYMMDDHHMM or
            YYYYMMDDHHMMSS; without, the files are in the order of their
            names, and times are not known.
        scaling: `Scaling`; None is for mm/h (`RainRate`) and dBZ (-10 to 60).
        interval: Number, seconds between two frames: where a step is another,
            the frames are split. None takes it from the times, which must be
            evenly spaced.
        **importer_options: Of the importer, such as `qty="DBZH"`.

    Returns:
        `Recording` of one channel: mm/h, to which sums in mm are turned, or
        dBZ; NaN where the radar sees nothing. `coordinates` has the grid and
        the projection, `metadata` is that of pysteps.

    Raises:
        FileNotFoundError: If there are no files.
        ValueError: If the importer is not known, a file cannot be read or has
            another size, or times or units are not as they must be.
        ImportError: If the extra `radar` is missing.

    Example:
    >>> source = from_radar("radar/*.pgm", "fmi_pgm")
    >>> clips = Clips(source, context=5, horizon=12, teacher=True)

    Reference: [Pulkkinen et al., 2019](
        https://doi.org/10.5194/gmd-12-4185-2019)
    """
    xarray = require("xarray", "radar")
    read = _importer(importer)
    paths = _paths(files)
    times = _times(paths, pattern)
    order = range(len(paths)) if times is None else np.argsort(times)
    paths = [paths[index] for index in order]
    fields, metadata = [], {}
    for path in paths:
        field, metadata = _read(read, path, importer, importer_options)
        if fields and field.shape != fields[0].shape:
            raise ValueError(
                f"All files must have one size, here {fields[0].shape}. "
                f"Received: {field.shape} in {str(path)!r}"
            )
        fields.append(field)
    dataset = _dataset(xarray, np.stack(fields), metadata)
    if times is not None:
        dataset = dataset.assign_coords(time=np.sort(times))
    return recording_of(dataset, scaling, interval, metadata)


def _importer(name):
    require("pyproj", "radar")  # pysteps misses it only when it is used
    try:
        return require("pysteps", "radar").io.get_method(name, "importer")
    except (ValueError, TypeError) as error:
        raise ValueError(
            f"`importer` must name an importer of pysteps ({error}). "
            f"Received: {name!r}"
        ) from error


def _paths(files):
    """The files, those of a folder or a pattern in the order of names."""
    if isinstance(files, (list, tuple)):
        paths = [pathlib.Path(file) for file in files]
    else:
        path = pathlib.Path(files)
        found = path.iterdir() if path.is_dir() else glob.glob(str(files))
        paths = sorted(map(pathlib.Path, found), key=natural)
        paths = [x for x in paths if x.is_file() and x.name[0] != "."]
    for path in paths:
        if not path.is_file():
            raise FileNotFoundError(
                f"There is no such file. Received: {str(path)!r}"
            )
    if not paths:
        raise FileNotFoundError(
            f"There must be at least one file. Received: {files!r}"
        )
    return paths


def _times(paths, pattern):
    """Times from the files' names, or None."""
    if pattern is None:
        found = [_TIME.search(path.name) for path in paths]
        if not all(found):
            return None
        texts = ["".join(x or "00" for x in match.groups()) for match in found]
        pattern, names = "%Y%m%d%H%M%S", texts
    else:
        names = [path.name for path in paths]
    expression, form = _compile(pattern)
    times = []
    for name in names:
        match = expression.fullmatch(name)
        try:
            text = "-".join(match.groups())
            times.append(datetime.datetime.strptime(text, form))
        except (AttributeError, ValueError) as error:
            raise ValueError(
                f"Every file's name must hold a time, {pattern}. "
                f"Received: {name!r}"
            ) from error
    return np.asarray(times, "datetime64[ns]")


def _compile(pattern):
    """A regular expression for the names, and a form for `strptime`."""
    expression, form = "", []
    for part in re.findall(r"%.|.", pattern):
        if part[0] == "%" and part[1:] in _DIRECTIVES:
            expression += rf"(\d{{{_DIRECTIVES[part[1]]}}})"
            form.append(part)
        else:
            wild = {"?": ".", "*": ".*"}
            expression += wild.get(part) or re.escape(part)
    if not form:
        raise ValueError(
            "`pattern` must hold directives such as %Y%m%d%H%M. "
            f"Received: {pattern!r}"
        )
    return re.compile(expression), "-".join(form)


def _read(read, path, importer, options):
    """Field and metadata of a file, sums as rates."""
    try:
        field, _, metadata = read(str(path), **options)
        if metadata.get("unit") == "mm":
            utils = require("pysteps", "radar").utils
            field, metadata = utils.to_rainrate(field, metadata)
    except Exception as error:
        raise ValueError(
            f"The file cannot be read by the importer {importer} "
            f"({type(error).__name__}: {error}). Received: {str(path)!r}"
        ) from error
    return np.ma.filled(field, np.nan).astype("float32"), dict(metadata)


def _dataset(xarray, fields, metadata):
    """The fields on their grid, as CF says it."""
    unit = metadata.get("unit") or ""
    name = _NAMES.get(unit, "radar")
    attributes = {"units": unit}
    if unit in _NAMES:
        attributes["standard_name"] = name
    values = xarray.Variable(("time", "y", "x"), fields, attributes)
    coordinates = _axes(metadata, fields.shape[1:])
    if metadata.get("projection"):
        coordinates["crs"] = ((), 0, _projection(metadata["projection"]))
        values.encoding["grid_mapping"] = "crs"
    attributes = {"Conventions": "CF-1.8"}
    if metadata.get("institution"):
        attributes["institution"] = metadata["institution"]
    return xarray.Dataset({name: values}, coordinates, attributes)


def _axes(metadata, shape):
    """Centres of the pixels, where the metadata tells the corners."""
    if not {"x1", "x2", "y1", "y2"} <= set(metadata):
        return {}
    unit = metadata.get("cartesian_unit", "m")
    names = {"x": "projection_x_coordinate", "y": "projection_y_coordinate"}
    if unit.startswith("degree"):
        names = {"x": "longitude", "y": "latitude"}
    axes = {}
    for axis, length in zip("yx", shape, strict=True):
        low, high = metadata[f"{axis}1"], metadata[f"{axis}2"]
        centres = low + (np.arange(length) + 0.5) * (high - low) / length
        if axis == "y" and metadata.get("yorigin") == "upper":
            centres = centres[::-1]
        attributes = {"units": unit, "standard_name": names[axis]}
        axes[axis] = (axis, centres, attributes | {"axis": axis.upper()})
    return axes


def _projection(proj4):
    """Attributes of the grid mapping variable."""
    pyproj = require("pyproj", "radar")
    try:
        attributes = pyproj.CRS(proj4).to_cf()
    except pyproj.exceptions.CRSError:
        attributes = {}
    return {**attributes, "proj4": proj4}
