"""Read frames from NetCDF."""

import numpy as np

from msrnn_keras.data.io import recording
from msrnn_keras.data.io.images import unreadable
from msrnn_keras.utils.arguments import check_path
from msrnn_keras.utils.extras import require
from msrnn_keras.utils.files import check_file

_TIME_NAMES = ("time", "t", "valid_time")
_DECODE = {"decode_coords": "all", "decode_timedelta": False}


def from_netcdf(data, variable=None, scaling=None, interval=None):
    """Read a variable on a grid with a time axis from a NetCDF file.

    Packed values are unpacked. Fill values, and values outside `valid_range`,
    `valid_min` or `valid_max`, become NaN, as in netCDF4.

    Args:
        data: Path of a NetCDF file, or an `xarray.Dataset`.
        variable: String, name of the variable, with the dimensions time, y and
            x in any order, others of length 1; optional if only one has them.
        scaling: `Scaling`; None is for units of mm/h (`RainRate`) and dBZ (-10
            to 60), and for values in [0, 1] without a unit.
        interval: Number, seconds between two frames, as in `from_arrays`.

    Returns:
        `Recording` of one channel. `metadata` contains the file's attributes.

    Raises:
        FileNotFoundError, ImportError: If the file or an extra is missing.
        ValueError: If the file, its variable, times or unit cannot be used.

    Example:
    >>> clips = Clips(from_netcdf("rain.nc", "rain_rate"), 4, 12)
    """
    xarray = require("xarray", "netcdf")
    recording.sources.check_interval(interval)
    recording.sources.check_scaling(scaling)
    if isinstance(data, xarray.Dataset):
        dataset = _frames_of(xarray.decode_cf(data, **_DECODE), variable)
    else:
        dataset = _open(xarray, check_path("data", data), variable)
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
    interval, segments = recording.split_at_gaps(times, interval, precision)
    unit = str(values.attrs.get("units", ""))
    if scaling is None:
        is_8_bit = frames.dtype == np.uint8
        scaling = recording.infer_scaling(unit, frames if is_8_bit else valid)
    frames = valid if missing.any() else frames
    return recording.Recording(
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
        dataset = xarray.open_dataset(path, engine="netcdf4", **_DECODE)
    except Exception as error:
        raise unreadable(path, error) from error
    with dataset:
        chosen = _frames_of(dataset, variable)
        try:
            return chosen.load()
        except Exception as error:
            raise unreadable(path, error) from error


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
    plane = [x for x in values.dims if x not in times]
    if len(plane) > 2:
        plane = [x for x in plane if values.sizes[x] > 1]
    return (*times, *plane) if (len(times), len(plane)) == (1, 2) else None


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
    is_object = values.dtype.kind == "O"
    return is_object and all(hasattr(x, "calendar") for x in first)


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
