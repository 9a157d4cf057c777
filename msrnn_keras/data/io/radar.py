"""Frames of your own, from the radar files that pysteps reads."""

import glob
import pathlib

import numpy as np

from msrnn_keras.data.io.images import natural
from msrnn_keras.data.io.netcdf import recording_of
from msrnn_keras.data.io.radar_grid import grid_coordinates
from msrnn_keras.data.io.radar_times import (
    check_name_order,
    file_times,
    stated_times,
)
from msrnn_keras.data.io.recording import split_at_gaps
from msrnn_keras.utils.extras import require

_NAMES = {"mm/h": "rainfall_rate", "dBZ": "equivalent_reflectivity_factor"}


def from_radar(
    files,
    importer,
    pattern=None,
    scaling=None,
    interval=None,
    period=None,
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
            YYYYMMDDHHMMSS. Where the names hold no date, the times are those
            that the files state; where these state none, the files are in the
            order of their names, or as listed, and times are not known.
        scaling: `Scaling`; None is for mm/h (`RainRate`) and dBZ (-10 to 60).
        interval: Number, seconds between two frames: where a step is another,
            the frames are split. None takes it from the times, which must be
            evenly spaced.
        period: Number, seconds over which sums (mm) are taken. None takes it
            from each file, else from the interval. The option `accutime` of
            an importer, in minutes, is the same.
        **importer_options: Of the importer, such as `qty="DBZH"`.

    Returns:
        `Recording` of one channel: mm/h, to which sums in mm are turned, or
        dBZ; NaN where the radar sees nothing. `coordinates` has the grid and
        the projection, `metadata` is that of pysteps.

    Raises:
        FileNotFoundError: If there are no files.
        ValueError: If the importer is not known, a file cannot be read or has
            another size, times or units are not as they must be, or the
            period of sums is not known.
        ImportError: If the extra `radar` is missing.

    Example:
    >>> source = from_radar("radar/*.pgm", "fmi_pgm")
    >>> clips = Clips(source, context=5, horizon=12, teacher_forcing=True)

    Reference: [Pulkkinen et al., 2019](
        https://doi.org/10.5194/gmd-12-4185-2019)
    """
    xarray = require("xarray", "radar")
    read = _importer(importer)
    if period is not None and not period > 0:
        raise ValueError(
            "`period` must be positive, seconds over which rain is summed. "
            f"Received: period={period}"
        )
    paths = _paths(files)
    times = file_times(paths, pattern)
    if times is not None:
        order = np.argsort(times, kind="stable")
        paths, times = [paths[index] for index in order], times[order]
    elif not isinstance(files, (list, tuple)):
        check_name_order(paths)
    step = split_at_gaps(times, interval)[0]
    fields, metadata = [], {}
    for path in paths:
        field, metadata = _read(read, path, importer, importer_options)
        if fields and field.shape != fields[0].shape:
            raise ValueError(
                f"All files must have one size, here {fields[0].shape}. "
                f"Received: {field.shape} in {str(path)!r}"
            )
        seconds = _period(metadata, path, period, step, importer_options)
        if seconds is not None:
            field, metadata = _to_rate(field, metadata, seconds)
        fields.append(field.astype("float32"))
    if scaling is None and not metadata.get("unit"):
        raise ValueError(
            f"`scaling` is needed: the importer {importer} does not tell the "
            "unit, so use RainRate() for mm/h or MinMax(low, high). "
            f"Received: scaling=None for {str(path)!r}"
        )
    dataset = _dataset(xarray, np.stack(fields), metadata)
    if times is not None:
        dataset = dataset.assign_coords(time=times)
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


def _to_rate(field, metadata, period):
    """Return a sum as a rate; the importer's own period is often a constant."""
    to_rainrate = require("pysteps", "radar").utils.to_rainrate
    return to_rainrate(field, metadata | {"accutime": period / 60})


def _period(metadata, path, given, interval, options):
    """Return the seconds over which a file sums the rain, None if it does not.

    They are those that are given, else those between the start and the end
    that the file states, else the interval.
    """
    unit = metadata.get("unit")
    if unit != "mm":
        if given is not None:
            raise ValueError(
                "`period` is for sums, in mm. Received: values in the unit "
                f"{unit!r} in {str(path)!r}"
            )
        return None
    if given is not None:
        return given
    if options.get("accutime") is not None:
        return 60 * options["accutime"]
    start, end = stated_times(path)
    seconds = (end - start) / np.timedelta64(1, "s")
    if seconds <= 0:
        raise ValueError(
            "The importer takes the values for sums (mm), but the file says "
            "that they are of one moment. Read another quantity, such as "
            "qty='DBZH', or give `period`, in seconds (--period). "
            f"Received: {start} to {end} in {str(path)!r}"
        )
    if seconds > 0:
        return float(seconds)
    if interval is None:
        raise ValueError(
            "The file does not say over which time it sums the rain: give it "
            f"as `period`, in seconds (--period). Received: {str(path)!r}"
        )
    return interval


def _dataset(xarray, fields, metadata):
    """The fields on their grid, as CF says it."""
    unit = metadata.get("unit") or ""
    name = _NAMES.get(unit, "radar")
    attributes = {"units": unit}
    if unit in _NAMES:
        attributes["standard_name"] = name
    values = xarray.Variable(("time", "y", "x"), fields, attributes)
    coordinates = grid_coordinates(metadata, fields.shape[1:])
    if "crs" in coordinates:
        values.encoding["grid_mapping"] = "crs"
    attributes = {"Conventions": "CF-1.8"}
    if metadata.get("institution"):
        attributes["institution"] = metadata["institution"]
    return xarray.Dataset({name: values}, coordinates, attributes)
