"""Open NetCDF, Zarr, GRIB and GeoTIFF through `xarray`."""

import pathlib
import warnings
from typing import TYPE_CHECKING

from msrnn_keras.data.io.geotiff import UnfitError, open_geotiff
from msrnn_keras.data.io.grids import frames_of, recording_of
from msrnn_keras.data.io.images import unreadable
from msrnn_keras.data.io.recording import Recording
from msrnn_keras.data.scaling import Scaling
from msrnn_keras.data.sources import check_interval, check_scaling
from msrnn_keras.utils.arguments import check_path
from msrnn_keras.utils.extras import require
from msrnn_keras.utils.files import check_file
from msrnn_keras.utils.typing import PathLike

if TYPE_CHECKING:
    import xarray

NETCDF, ZARR, GRIB, TIFF = "NetCDF", "Zarr", "GRIB", "GeoTIFF"
SUFFIXES = {
    **dict.fromkeys((".nc", ".nc4", ".cdf"), NETCDF),
    ".zarr": ZARR,
    **dict.fromkeys((".grib2", ".grib", ".grb2", ".grb"), GRIB),
    **dict.fromkeys((".tif", ".tiff"), TIFF),
}
_MARKS = (".zgroup", ".zarray", ".zmetadata", "zarr.json")  # of a Zarr store
_DECODE = {"decode_coords": "all", "decode_timedelta": False}
_LAZY = {"cache": False, **_DECODE}


def is_zarr(path):
    """Return whether a path is a Zarr store."""
    return any((pathlib.Path(path) / name).is_file() for name in _MARKS)


def from_netcdf(
    data: "PathLike | xarray.Dataset",
    variable: str | None = None,
    scaling: Scaling | None = None,
    interval: float | None = None,
) -> Recording:
    """Read a variable on a grid with a time axis from a NetCDF file.

    Packed values are unpacked. Fill values, and values outside `valid_range`,
    `valid_min` or `valid_max`, become NaN, as in netCDF4. Frames are read when
    they are used.

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
    check_interval(interval)
    check_scaling(scaling)
    if not isinstance(data, xarray.Dataset):
        path = check_path("data", data)
        return from_store(path, NETCDF, variable, scaling, interval)
    dataset = frames_of(xarray.decode_cf(data, **_DECODE), variable)
    return recording_of(dataset, scaling, interval, dataset.attrs)


def from_store(path, form, variable=None, scaling=None, interval=None):
    """Read a variable of a file like `from_netcdf`; `form` is its format."""
    path = pathlib.Path(path)
    if form != ZARR:
        check_file(path)
    elif not is_zarr(path):
        raise FileNotFoundError(
            f"There is no Zarr store. Received: {str(path)!r}"
        )
    opener = _OPENERS[form]
    try:
        dataset = opener(path)
    except (ImportError, UnfitError):
        raise
    except Exception as error:
        raise unreadable(path, error) from error
    dataset = frames_of(dataset, variable)
    dataset.encoding["source"] = str(path)
    attributes = dict(dataset.attrs)
    is_netcdf = form == NETCDF
    return recording_of(dataset, scaling, interval, attributes, is_netcdf)


def _open_netcdf(path):
    xarray = require("xarray", "netcdf")
    return xarray.open_dataset(path, engine="netcdf4", **_LAZY)


def _open_zarr(path):
    xarray = require("xarray", "geo")
    require("zarr", "geo")
    with warnings.catch_warnings():  # of a store without consolidated metadata
        warnings.simplefilter("ignore", RuntimeWarning)
        return xarray.open_dataset(path, engine="zarr", **_LAZY)


def _open_grib(path):
    xarray = require("xarray", "geo")
    require("cfgrib", "geo")
    options = {"indexpath": ""}  # no file beside the user's
    dataset = xarray.open_dataset(
        path, engine="cfgrib", backend_kwargs=options, **_LAZY
    )
    if "step" in dataset.dims and "valid_time" in dataset.coords:
        dataset = dataset.swap_dims(step="valid_time")
    return dataset


_OPENERS = {
    NETCDF: _open_netcdf,
    ZARR: _open_zarr,
    GRIB: _open_grib,
    TIFF: open_geotiff,
}
