"""Recordings of `xarray` data sets."""

import numpy as np

from msrnn_keras.data.io import recording
from msrnn_keras.data.io.images import unreadable
from msrnn_keras.data.lazy_frames import LazyFrames
from msrnn_keras.utils.extras import require

_TIME_NAMES = ("time", "t", "valid_time")
_LIMITS = ("valid_min", "valid_max", "valid_range")
# How a Zarr store keeps an array, which no other format takes.
_ZARR_ONLY = (
    *("chunks", "preferred_chunks", "shards", "compressor", "compressors"),
    *("filters", "serializer", "fill_value"),
)


def recording_of(
    dataset, scaling=None, interval=None, metadata=None, default_fill=True
):
    """Return the `Recording` of an `xarray.Dataset` with one variable.

    Its frames are read when they are used.

    Args:
        dataset: `xarray.Dataset`, decoded by the CF conventions.
        scaling: `Scaling`, as in `from_netcdf`.
        interval: Number, seconds between two frames, as in `from_netcdf`.
        metadata: Dict, of the recording.
        default_fill: Boolean, whether netCDF's default fill values are missing.
    """
    (values,) = dataset.data_vars.values()
    time, *plane = dimensions(dataset, values)
    if 0 in values.shape:
        raise ValueError(
            "The variable must have at least one frame of one pixel. "
            f"Received: {dict(values.sizes)}"
        )
    times = _times(dataset, time)
    precision = _precision(dataset, time)
    interval, segments = recording.split_at_gaps(times, interval, precision)
    unit = str(values.attrs.get("units", ""))
    path = dataset.encoding.get("source")
    frames = _frames(values.variable, (time, *plane), default_fill, path)
    if scaling is None and values.dtype == np.uint8:  # with missing ones too
        scaling = recording.infer_scaling(unit, np.empty(0, "uint8"))
    elif scaling is None:
        frames = _in_range(frames, unit)
        scaling = recording.infer_scaling(unit, np.asarray(frames[:1]))
    return recording.Recording(
        frames,
        segments,
        scaling,
        interval,
        times,
        coordinates=_grid(dataset, time),
        unit=unit,
        metadata=metadata,
    )


def _frames(values, dims, default_fill, path):
    """Return the values of a variable as `LazyFrames`, NaN where missing."""
    is_8_bit = values.dtype == np.uint8 and not set(_LIMITS) & set(values.attrs)

    def read(*parts):
        part = values.isel(dict(zip(dims, parts, strict=True)))
        try:
            part = part.transpose(dims[0], ..., *dims[1:]).load()
        except Exception as error:
            raise unreadable(path, error) from error
        frames = part.to_numpy()
        if not is_8_bit:
            frames = frames.astype("float32")
            missing = _missing(part, default_fill).to_numpy()
            frames[missing] = np.nan
        return frames.reshape(*(x.stop - x.start for x in parts), 1)

    shape = (*(values.sizes[x] for x in dims), 1)
    return LazyFrames(read, shape, "uint8" if is_8_bit else "float32")


def _in_range(frames, unit):
    """Return frames that refuse values without a scaling when they are read."""

    def read(*parts):
        values = np.asarray(frames[parts])
        recording.infer_scaling(unit, values)
        return values

    return LazyFrames(read, frames.shape, frames.dtype)


def _grid(dataset, time):
    """Return the last two frames of a data set without their values."""
    grid = dataset.isel({time: slice(-2, None)}).copy()
    ((name, values),) = grid.data_vars.items()
    empty = np.broadcast_to(np.float32("nan"), values.shape)
    grid[name] = values.copy(data=empty)
    for variable in grid.variables.values():
        for key in _ZARR_ONLY:
            variable.encoding.pop(key, None)
    return grid


def _missing(values, default_fill):
    """Return where netCDF4 treats the stored values as missing."""
    stored = np.dtype(values.encoding.get("dtype", values.dtype))
    missing = values.isnull()  # xarray applies the stored fill values
    limits = [values.attrs.get(x) for x in _LIMITS[:2]]
    if np.size(values.attrs.get("valid_range")) == 2:
        limits = values.attrs["valid_range"]
    least, most = map(np.asarray, limits)
    if least.dtype.kind in "fiu":
        missing |= values < _unpacked(values, stored, least)
    if most.dtype.kind in "fiu":
        missing |= values > _unpacked(values, stored, most)
    has_fill = "_FillValue" in values.encoding or stored.itemsize == 1
    if default_fill and not has_fill:
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


def frames_of(dataset, variable):
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
