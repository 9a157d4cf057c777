"""Read frames from NetCDF."""

import pathlib

import numpy as np

from msrnn_keras.data.io.recording import (
    Recording,
    infer_scaling,
    split_at_gaps,
)
from msrnn_keras.utils.extras import require
from msrnn_keras.utils.files import check_file

_TIME_NAMES = ("time", "t", "valid_time")


def from_netcdf(data, variable=None, scaling=None, interval=None):
    """Read a variable on a grid with a time axis from a NetCDF file.

    Packed values are unpacked. Fill values, and values outside `valid_range`,
    `valid_min` or `valid_max`, become NaN, as in netCDF4. Coordinates,
    projection, unit and attributes are kept for `forecast_dataset`.

    Args:
        data: Path of a NetCDF file, or an `xarray.Dataset`.
        variable: String, name of the variable. Its dimensions are time and two
            more, y and x in the order of the file; dimensions of length 1 are
            ignored. Optional if exactly one variable has these dimensions.
        scaling: `Scaling`; None is for units of mm/h (`RainRate`) and dBZ (-10
            to 60), and for values in [0, 1] without a unit.
        interval: Number, seconds between two frames; the frames are split where
            a step differs from it. None derives it from the times, which must
            be evenly spaced.

    Returns:
        `Recording` of one channel. `metadata` contains the file's attributes.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If the file cannot be read, no variable or several have that
            form, the times are uneven, or the unit is unknown.
        ImportError: If the extra `netcdf` is missing.

    Example:
    >>> source = from_netcdf("rain.nc", "rain_rate")
    >>> clips = Clips(source, context=4, horizon=12, teacher_forcing=True)
    >>> source.coordinates["x"]
    """
    xarray = require("xarray", "netcdf")
    if isinstance(data, xarray.Dataset):
        options = {"decode_coords": "all", "decode_timedelta": False}
        dataset = _frames_of(xarray.decode_cf(data, **options), variable)
    else:
        dataset = _open(xarray, pathlib.Path(data), variable)
    return recording_of(dataset, scaling, interval, dataset.attrs)


def recording_of(dataset, scaling=None, interval=None, metadata=None):
    """Return the `Recording` of an `xarray.Dataset` with one variable."""
    (values,) = dataset.data_vars.values()
    time, *plane = dimensions(dataset, values)
    if 0 in values.shape:
        raise ValueError(
            "The variable must have at least one frame of one pixel. "
            f"Received: {dict(values.sizes)}"
        )
    frames = values.transpose(time, ..., *plane).to_numpy()
    if frames.dtype != np.uint8:
        frames = frames.astype("float32")
    missing = _missing(values).transpose(time, ..., *plane).to_numpy()
    valid = np.where(missing, np.float32("nan"), frames)
    times = _times(dataset, time)
    precision = _precision(dataset, time)
    interval, segments = split_at_gaps(times, interval, precision)
    unit = str(values.attrs.get("units", ""))
    if scaling is None:
        is_8_bit = frames.dtype == np.uint8
        scaling = infer_scaling(unit, frames if is_8_bit else valid)
    frames = valid if missing.any() else frames
    return Recording(
        frames.reshape(len(frames), *(values.sizes[x] for x in plane), 1),
        segments,
        scaling,
        interval,
        times,
        coordinates=dataset.isel({time: slice(-2, None)}),
        unit=unit,
        metadata=metadata,
    )


def _missing(values):
    """Return where netCDF4 treats the stored values as missing."""
    stored = np.dtype(values.encoding.get("dtype", values.dtype))
    missing = values.isnull()  # xarray applies the stored fill values
    limits = [values.attrs.get(x) for x in ("valid_min", "valid_max")]
    if np.size(values.attrs.get("valid_range")) == 2:
        limits = values.attrs["valid_range"]
    least, most = map(np.asarray, limits)
    if least.dtype.kind in "fiu":
        missing |= values < _unpacked(values, stored, least)
    if most.dtype.kind in "fiu":
        missing |= values > _unpacked(values, stored, most)
    if "_FillValue" not in values.encoding and stored.itemsize > 1:
        fills = require("netCDF4", "netcdf").default_fillvals
        fill = fills[stored.str[1:]]
        missing |= values == _unpacked(values, stored, np.asarray(fill))
    return missing


def _unpacked(values, stored, limit):
    """Return a limit of stored numbers in the units of the values."""
    xarray = require("xarray", "netcdf")
    with np.errstate(invalid="ignore"):
        packed = limit.astype(stored)
    if packed != limit:  # it is in the units of the values already
        return limit.item()
    names = ("scale_factor", "add_offset", "_Unsigned", "_FillValue")
    attributes = {k: v for k, v in values.encoding.items() if k in names}
    variable = xarray.Variable("limit", packed.reshape(1), attributes)
    return xarray.decode_cf(xarray.Dataset({"x": variable}))["x"].item()


def _open(xarray, path, variable):
    check_file(path)
    try:
        dataset = xarray.open_dataset(
            path, engine="netcdf4", decode_coords="all", decode_timedelta=False
        )
    except Exception as error:
        raise ValueError(
            f"The file cannot be read as NetCDF ({error}). "
            f"Received: {str(path)!r}"
        ) from error
    with dataset:
        chosen = _frames_of(dataset, variable)
        try:
            return chosen.load()
        except Exception as error:
            raise ValueError(
                f"The file cannot be read; it may be cut off ({error}). "
                f"Received: {str(path)!r}"
            ) from error


def _frames_of(dataset, variable):
    """Return the data set with the variable of the frames only."""
    fitting = [x for x in dataset.data_vars if dimensions(dataset, dataset[x])]
    if variable is None and len(fitting) == 1:
        (variable,) = fitting
    if variable not in fitting:
        dims = {str(name): x.dims for name, x in dataset.data_vars.items()}
        raise ValueError(
            "`variable` must name a numeric variable with the dimensions time, "
            "y and x; it is optional if exactly one variable has them. "
            f"Received: variable={variable!r} of {dims}"
        )
    return dataset.drop_vars([x for x in dataset.data_vars if x != variable])


def dimensions(dataset, values):
    """Return the names of time, y and x, or None if a variable has others."""
    if values.dtype.kind not in "fiu":
        return None
    times = [x for x in values.dims if _is_time(dataset, x)]
    if len(times) != 1:
        return None
    plane = [x for x in values.dims if x not in times]
    if len(plane) > 2:
        plane = [x for x in plane if values.sizes[x] > 1]
    return (*times, *plane) if len(plane) == 2 else None


def _is_time(dataset, name):
    if str(name).lower() in _TIME_NAMES:
        return True
    if name not in dataset.coords:
        return False
    values = dataset[name]
    is_date = values.dtype.kind == "M" or _is_of_another_calendar(values)
    return is_date or values.attrs.get("axis") == "T"


def _is_of_another_calendar(values):
    first = values.to_numpy().ravel()[:1]
    return values.dtype.kind == "O" and all(
        hasattr(x, "calendar") for x in first
    )


def _times(dataset, time):
    """Return the times as `datetime64`, or None if the file has none."""
    if time not in dataset.coords:
        return None
    values = dataset[time].to_numpy()
    if values.dtype.kind == "M":
        return values
    if _is_of_another_calendar(dataset[time]):
        raise ValueError(
            "The times must use the standard calendar. Received: "
            f"calendar={dataset[time].dt.calendar!r}"
        )
    steps = np.diff(values)
    if not np.allclose(steps, steps[:1]) or np.any(steps <= 0):
        odd = ~np.isclose(steps, steps[0]) | (steps <= 0)
        raise ValueError(
            "The times must rise and be evenly spaced. Received: frame "
            f"{int(np.argmax(odd)) + 1} has another step"
        )
    return None


def _precision(dataset, time):
    """Return the spacing of a float time axis in seconds, or 0."""
    if time not in dataset.coords:
        return 0.0
    axis = dataset[time].variable
    stored = np.dtype(axis.encoding.get("dtype", axis.dtype))
    if stored.kind != "f" or axis.dtype.kind != "M" or len(axis) < 2:
        return 0.0
    encoding = {k: axis.encoding.get(k) for k in ("units", "calendar")}
    xarray = require("xarray", "netcdf")
    numbers = xarray.conventions.encode_cf_variable(
        xarray.Variable(axis.dims, axis, {}, encoding | {"dtype": "float64"})
    ).to_numpy()
    seconds = np.ptp(axis.to_numpy()) / np.timedelta64(1, "s")
    spacing = np.spacing(np.abs(numbers).max().astype(stored))
    with np.errstate(invalid="ignore"):  # all times may be equal
        return float(spacing * (seconds / np.ptp(numbers)))
