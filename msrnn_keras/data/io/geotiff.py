"""Read and write GeoTIFF: a band is a frame."""

import contextlib
import os
import re
import warnings

import numpy as np

from msrnn_keras.data.io.grids import dimensions
from msrnn_keras.data.io.orientation import north_and_east
from msrnn_keras.utils.extras import require

TIME, LEAD, NAME = "time", "lead_time_seconds", "variable"  # tags
_ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d")
_TOLERANCE = 1e-3  # pixels, of a coordinate
_WORDS = ("long_name", "standard_name")  # attributes that are tags
_FACTORS = {"m": 1.0, "meter": 1.0, "metre": 1.0, "meters": 1.0, "metres": 1.0}
_FACTORS |= dict.fromkeys(("km", "kilometer", "kilometre"), 1000.0)
_WGS84 = "EPSG:4326"
_CACHE = "64"  # MB of blocks that GDAL keeps, by default 5 % of the memory


class UnfitError(ValueError):
    """A GeoTIFF that can be read has no frames."""


def open_geotiff(path):
    """Return an `xarray.Dataset` of the bands, with the times in their tags."""
    rioxarray, rasterio = (require(x, "geo") for x in ("rioxarray", "rasterio"))
    os.environ.setdefault("GDAL_CACHEMAX", _CACHE)  # `rasterio.Env` does not
    with _quiet(rasterio):
        with rasterio.open(path) as file:
            tags, bands = file.tags(), list(map(file.tags, file.indexes))
            units = {unit for unit in file.units if unit}
            _check(file, path)
            is_plain = _is_plain(rasterio, file)
        values = rioxarray.open_rasterio(
            path, mask_and_scale=not is_plain, cache=False
        )
    values.attrs = {k: tags[k] for k in _WORDS if k in tags}
    if units:
        values.attrs["units"] = min(units)
    values = values.rename(band="time").drop_vars("time")
    if all(_ISO.match(band.get(TIME, "")) for band in bands):
        times = [np.datetime64(band[TIME].rstrip("Z"), "ns") for band in bands]
        values = values.assign_coords(time=times)
    return values.to_dataset(name=tags.get(NAME, "frames"))


def _is_plain(rasterio, file):
    """Return whether stored numbers are values, none of them missing."""
    valid = rasterio.enums.MaskFlags.all_valid
    is_whole = all(valid in flags for flags in file.mask_flag_enums)
    return is_whole and {*file.scales} == {1} and {*file.offsets} == {0}


def _check(file, path):
    """Refuse what is lost or misread."""
    colors = {str(color.name) for color in file.colorinterp}
    problem = None
    if {"red", "palette"} & colors:
        problem = "the colors of a picture"
    elif len({unit for unit in file.units if unit}) > 1:
        problem = f"bands of several units, {file.units}"
    elif len({*file.scales}) > 1 or len({*file.offsets}) > 1:
        problem = "bands of several scales or offsets"
    elif file.gcps[0] or file.rpcs:
        problem = "ground control points (gdalwarp makes a grid)"
    if problem:
        raise UnfitError(
            "The bands of a GeoTIFF must be frames of one variable on a grid. "
            f"Received: {problem} in {str(path)!r}"
        )


@contextlib.contextmanager
def _quiet(rasterio):
    """Ignore the warning about files without a georeference."""
    with warnings.catch_warnings():
        kind = rasterio.errors.NotGeoreferencedWarning
        warnings.simplefilter("ignore", kind)
        yield


def geotiff_writer(dataset, interval=None):
    """Return a function that writes a forecast to a path as GeoTIFF.

    Args:
        dataset: `xarray.Dataset` of `forecast_dataset`, of one channel.
        interval: Number, seconds between two frames, or None.
    """
    rasterio = require("rasterio", "geo")
    ((name, values),) = dataset.data_vars.items()
    time, *_ = dimensions(dataset, values)
    frames = _north_up(dataset, values)
    place, said = georeference(dataset)
    if said:
        warnings.warn(said, stacklevel=2)
    options = {"driver": "GTiff", "dtype": "float32", "nodata": np.nan}
    options |= {"compress": "deflate", "predictor": 3, "bigtiff": "IF_SAFER"}
    sizes = dict(zip(("count", "height", "width"), frames.shape, strict=True))
    tags = {k: values.attrs[k] for k in _WORDS if k in values.attrs}
    tags |= {NAME: name, "history": dataset.attrs["history"]}
    bands = _band_tags(dataset, time, len(frames), interval)

    def write(path):
        # GDAL does not say that a disk is full: Python writes the file.
        with _quiet(rasterio), rasterio.MemoryFile() as memory:
            with memory.open(**options, **sizes, **place) as file:
                file.write(frames)
                file.update_tags(**tags)
                file.units = [str(values.attrs.get("units", ""))] * len(frames)
                for number, band in enumerate(bands, 1):
                    file.update_tags(number, **band)
                    if TIME in band:
                        file.set_band_description(number, band[TIME])
            path.write_bytes(memory.getbuffer())

    return write


def _north_up(dataset, values):
    """Return frames with north at the top and west on the left."""
    time, *_ = dimensions(dataset, values)
    names = north_and_east(dataset)
    values = values.transpose(time, ..., *names)
    frames = values.to_numpy().reshape(
        len(values), *(values.sizes[name] for name in names)
    )
    for axis, name, sign in zip((1, 2), names, (-1, 1), strict=True):
        if name in dataset.coords:
            first, last = dataset[name].to_numpy()[[0, -1]]
            if sign * (last - first) < 0:
                frames = np.flip(frames, axis)
    return np.ascontiguousarray(frames, "float32")


def _band_tags(dataset, time, count, interval):
    """Return the time in UTC and the lead time of each band, if known."""
    bands = [{} for _ in range(count)]
    if time in dataset.coords and dataset[time].dtype.kind == "M":
        times = dataset[time].to_numpy().astype("datetime64[us]")
        for band, text in zip(bands, np.datetime_as_string(times), strict=True):
            band[TIME] = text.removesuffix(".000000") + "Z"
    for number, band in enumerate(bands, 1):
        if interval is not None:
            band[LEAD] = f"{number * interval:.9g}"
    return bands


def georeference(grid):
    """Return the CRS and transform of a grid, as those of a GeoTIFF.

    Args:
        grid: `coordinates` of a `Recording`, or None.

    Returns:
        Dict, `crs` and `transform` of `rasterio`, empty if the grid has none;
        and a sentence about what was assumed, or None.

    Raises:
        ValueError: If a GeoTIFF cannot keep the georeference.
    """
    pyproj, rasterio = (require(name, "geo") for name in ("pyproj", "rasterio"))
    if grid is None:
        return {}, None
    names = north_and_east(grid)
    crs = _crs(pyproj, grid)
    if not set(names) <= set(grid.coords):
        (values,) = grid.data_vars.values()
        plane = set(dimensions(grid, values)[1:])
        curved = [k for k, x in grid.coords.items() if plane & set(x.dims)]
        if curved or crs is not None:
            raise _refused(
                "the pixels have no coordinates along rows and columns",
                f"coordinates {curved}",
            )
        return {}, None
    axes = [grid[name] for name in names]
    degrees = [x.attrs.get("units", "").startswith("degree") for x in axes]
    said = None
    if crs is None and all(degrees):
        crs = pyproj.CRS(_WGS84)
        said = (
            "The file does not state the ellipsoid of its latitudes and "
            f"longitudes; the forecast has that of WGS 84 ({_WGS84})."
        )
    elif crs is None:
        unit = axes[0].attrs.get("units", "an unknown unit")
        said = (
            "The file does not state its projection; the forecast has its "
            f"coordinates, in {unit}, without a CRS."
        )
    factors = [_factor(axis, crs) for axis in axes]
    (top, down), (left, right) = map(_edge_and_step, axes, factors, (-1, 1))
    transform = rasterio.Affine(right, 0, left, 0, down, top)
    if crs is not None:
        crs = _kept_crs(rasterio, crs)
    return {"transform": transform, "crs": crs}, said


def _refused(reason, received):
    return ValueError(
        f"A .tif file cannot keep this georeference: {reason}; write .nc or "
        f".zarr. Received: {received}"
    )


def _crs(pyproj, grid):
    """Return the CRS of a grid as that of `pyproj`, None if it has none."""
    ((_, values),) = grid.data_vars.items()
    name = {**values.encoding, **values.attrs}.get("grid_mapping", "")
    name = name.partition(":")[0]  # also "crs: x y"
    if name not in grid.coords:
        return None
    try:
        return pyproj.CRS.from_cf(grid[name].attrs)
    except Exception as error:  # KeyError for a missing parameter
        reason = f"its grid mapping is incomplete ({error!r})"
        raise _refused(reason, f"{dict(grid[name].attrs)}") from error


def _factor(axis, crs):
    """Return the factor from an axis to the unit of a CRS."""
    unit = str(axis.attrs.get("units", ""))
    is_degree = unit.startswith("degree")
    if crs is None or not unit:
        return 1.0
    if crs.is_geographic == is_degree and (is_degree or unit in _FACTORS):
        to_crs = crs.axis_info[0].unit_conversion_factor
        return 1.0 if is_degree else _FACTORS[unit] / to_crs
    kind = "degrees" if crs.is_geographic else "m or km"
    raise _refused(
        f"the axes of the CRS {crs.name!r} are in {kind}",
        f"the coordinate {axis.name!r} in {unit!r}",
    )


def _edge_and_step(axis, factor, sign):
    """Return the outer edge of the first pixel, and the step to the next."""
    values = np.sort(factor * axis.to_numpy().astype("float64"))[::sign]
    if len(values) < 2:
        raise _refused("a pixel has no size", f"{axis.name!r} of length 1")
    step = (values[-1] - values[0]) / (len(values) - 1)
    numbers = np.arange(len(values))
    for digits in (9, 12, 17):  # without the rounding of the quotient
        rounded = float(f"{step:.{digits}g}")
        edge = float(f"{values[0] - rounded / 2:.{digits}g}")
        errors = np.abs(edge + (numbers + 0.5) * rounded - values)
        if errors.max() <= 1e-9 * abs(step):
            return edge, rounded
    if errors.max() > _TOLERANCE * abs(step):
        raise _refused(
            "its pixels are not evenly spaced",
            f"{axis.name!r}, steps from {np.diff(values).min():g} to "
            f"{np.diff(values).max():g}",
        )
    return edge, rounded


def _kept_crs(rasterio, crs):
    """Return a CRS for `rasterio` that a GeoTIFF gives back."""
    given = rasterio.CRS.from_wkt(crs.to_wkt())
    with _quiet(rasterio), rasterio.MemoryFile() as memory:
        options = {"width": 1, "height": 1, "count": 1, "dtype": "uint8"}
        with memory.open(driver="GTiff", crs=given, **options):
            pass
        content = memory.read()  # without the file beside it
    with _quiet(rasterio), rasterio.MemoryFile(content) as memory:
        with memory.open() as file:
            kept = file.crs
    if kept != given:
        raise _refused("a GeoTIFF has no such CRS", f"{crs.name!r}")
    return given
