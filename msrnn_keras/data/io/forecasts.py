"""Forecasts as `xarray` data sets on the grid of their recording."""

import importlib.metadata
from typing import TYPE_CHECKING

import numpy as np

from msrnn_keras.data.io.grids import dimensions
from msrnn_keras.data.io.recording import Recording, steps_ahead, times_ahead
from msrnn_keras.utils.extras import require

if TYPE_CHECKING:
    import xarray

# In stored integers, not in unpacked values.
_PACKED_RANGES = ("valid_range", "valid_min", "valid_max", "actual_range")


def forecast_dataset(
    recording: Recording, forecast: np.ndarray
) -> "xarray.Dataset":
    """Return a forecast with the coordinates and attributes of its recording.

    The time axis continues after the last frame of the recording.

    Args:
        recording: `Recording`.
        forecast: Array `(horizon, height, width, channels)`, in its units.

    Returns:
        `xarray.Dataset` with the variable of the recording, else `frames`.

    Raises:
        ValueError: If the recording has a single time.
        ImportError: If the extra `netcdf` is missing.

    Example:
    >>> rain = source.scaling.inverse(model.forecast(past))
    >>> forecast_dataset(source, rain[0]).to_netcdf("forecast.nc")
    """
    if recording.coordinates is None:
        return _plain_dataset(recording, forecast)
    xarray = require("xarray", "netcdf")
    template = recording.coordinates
    ((name, old),) = template.data_vars.items()
    time, *plane = dimensions(template, old)
    check_goes_on(recording)
    new = _went_on_values(xarray, old, forecast, time, plane)
    coordinates = {
        key: _went_on(values.variable, time, len(forecast), recording.interval)
        for key, values in template.coords.items()
        if time not in values.dims or key == time or values.dtype.kind == "M"
    }
    dataset = xarray.Dataset({name: new}, coordinates, template.attrs)
    return _with_history(dataset)


def check_goes_on(recording):
    """Raise an error if the time axis of a recording cannot be continued."""
    if recording.coordinates is None:
        return
    (values,) = recording.coordinates.data_vars.values()
    time = dimensions(recording.coordinates, values)[0]
    known = recording.interval is not None or len(recording.frames) > 1
    if time in recording.coordinates.coords and not known:
        raise ValueError(
            "The interval is unknown: pass at least two frames, or "
            "`interval`. Received: 1 frame"
        )


def _went_on_values(xarray, old, forecast, time, plane):
    """Return the variable of the frames, with its dimensions and attributes."""
    single = [x for x in old.dims if x not in (time, *plane)]
    shape = (len(forecast), *(1 for _ in single), *forecast.shape[1:3])
    packed = {"scale_factor", "add_offset"} & set(old.encoding)
    drop = _PACKED_RANGES if packed else ()
    new = xarray.Variable(
        (time, *single, *plane),
        np.asarray(forecast, "float32").reshape(shape),
        {k: v for k, v in old.attrs.items() if k not in drop},
        {"dtype": "float32", "zlib": True, "_FillValue": np.float32("nan")},
    )
    new = new.transpose(*old.dims)
    if "grid_mapping" in old.encoding:
        new.encoding["grid_mapping"] = old.encoding["grid_mapping"]
    return new


def _went_on(values, time, count, interval):
    """Return a variable that depends on time, at the times after its last."""
    if time not in values.dims:
        return values
    last = values.isel({time: -1}).to_numpy()
    if values.dtype.kind == "M":
        steps = steps_ahead(interval, count)
    else:
        step = last - values.isel({time: -2}).to_numpy()
        steps = [(i + 1) * step for i in range(count)]
    ahead = np.stack([last + step for step in steps])
    dims = (time, *(x for x in values.dims if x != time))
    keep = ("units", "calendar", "bounds")  # the type may differ
    encoding = {k: v for k, v in values.encoding.items() if k in keep}
    if np.dtype(values.encoding.get("dtype", "int64")).kind == "f":
        encoding["dtype"] = "float64"
    new = type(values)(dims, ahead, values.attrs, encoding)
    return new.transpose(*values.dims)


def _plain_dataset(recording, forecast):
    xarray = require("xarray", "netcdf")
    forecast = np.asarray(forecast, "float32")
    dims = ("time", "y", "x", "channel")
    if forecast.shape[-1] == 1:
        forecast, dims = forecast[..., 0], dims[:-1]
    times = times_ahead(recording, len(forecast))
    coordinates = {} if times is None else {"time": times}
    frames = xarray.Variable(
        dims, forecast, {"units": recording.unit or "1"}, {"zlib": True}
    )
    return _with_history(xarray.Dataset({"frames": frames}, coordinates))


def _with_history(dataset):
    version = importlib.metadata.version("msrnn-keras")
    lines = [f"forecast by msrnn-keras {version}"]
    if "history" in dataset.attrs:
        lines.append(str(dataset.attrs["history"]))
    return dataset.assign_attrs(history="\n".join(lines))
