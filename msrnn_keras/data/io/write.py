"""Write forecasts in the format of the file's suffix."""

import pathlib

import numpy as np

from msrnn_keras.data.io.forecasts import check_goes_on, forecast_dataset
from msrnn_keras.data.io.geotiff import georeference, geotiff_writer
from msrnn_keras.data.io.orientation import north_up
from msrnn_keras.data.io.recording import times_ahead
from msrnn_keras.data.io.stores import is_zarr
from msrnn_keras.data.io.units import check_unit, in_unit
from msrnn_keras.data.scaling import RainRate
from msrnn_keras.utils.extras import require
from msrnn_keras.utils.files import (
    check_folder,
    write_atomically,
    write_folder_atomically,
)

_ENLARGED = 256  # maximum longer side of an enlarged animation, pixels
_NEEDED = {  # package and extra
    ".nc": ("xarray", "netcdf"),
    ".zarr": ("zarr", "geo"),
    ".tif": ("rasterio", "geo"),
    ".tiff": ("rasterio", "geo"),
    ".mp4": ("av", "video"),
}


def write_forecast(path, recordings, past, forecast, fps=None, unit=None):
    """Write a forecast in the format of the file's suffix.

    Args:
        path: Path of the file.
        recordings: List of the `Recording`s that the forecast continues.
        past: Array `(recordings, frames, height, width, channels)` of pixels.
        forecast: Array of the predicted frames, likewise, or with an axis of
            members after that of the recordings.
        fps: Number, frames per second of an animation.
        unit: String, a unit of rain (`units.UNITS`); None is that of the data.
    """
    path = pathlib.Path(path)
    members = forecast.shape[1] if forecast.ndim == 6 else None
    check_writable(path, recordings, fps, unit, members)
    suffix = path.suffix.lower()
    if suffix in ARRAYS:
        values = [
            _values(*pair, unit)
            for pair in zip(recordings, forecast, strict=True)
        ]
        write = ARRAYS[suffix](*zip(*values, strict=True))
    else:
        write = PICTURES[suffix](recordings[0], past[0], forecast[0], fps)
    atomically = write_folder_atomically if suffix == ".zarr" else None
    (atomically or write_atomically)(path, write)


def check_writable(path, recordings=None, fps=None, unit=None, members=None):
    """Raise the error that `write_forecast` would raise for these arguments."""
    path = pathlib.Path(path)
    suffix = path.suffix.lower()
    if suffix not in ARRAYS | PICTURES:
        raise ValueError(
            "The file must end in one of "
            f"{', '.join(ARRAYS | PICTURES)}. Received: {str(path)!r}"
        )
    if suffix == ".zarr" and path.is_file():
        raise ValueError(
            "A Zarr store is a folder; remove the file, or choose another "
            f"path. Received: {str(path)!r}"
        )
    if not (suffix == ".zarr" and is_zarr(path)):
        check_folder(path)
    most = {".gif": 50, ".mp4": 1000}.get(suffix, 0)
    if fps is not None and not 0 < fps <= most:
        raise ValueError(
            "`fps` is for .mp4 and .gif, must be positive, and at most 50 for "
            f"a .gif. Received: fps={fps} for {str(path)!r}"
        )
    if unit is not None and suffix in PICTURES:
        raise ValueError(
            f"`unit` is for {', '.join(ARRAYS)}; pictures of rain are in mm/h. "
            f"Received: unit={unit!r} for {str(path)!r}"
        )
    if members is not None and suffix in TIFFS | PICTURES:
        kept = ", ".join(x for x in ARRAYS if x not in TIFFS)
        raise ValueError(
            f"Members of an ensemble need one of {kept}. "
            f"Received: members={members} for {str(path)!r}"
        )
    if suffix in _NEEDED:
        require(*_NEEDED[suffix])
    if unit is not None:
        check_unit(unit)
    if recordings is not None:
        _check_recordings(suffix, recordings, unit)


def _check_recordings(suffix, recordings, unit):
    for recording in recordings if unit else ():
        check_unit(unit, recording)
    channels = recordings[0].image_shape[-1]
    if suffix in PICTURES and channels not in (1, 3):
        raise ValueError(
            f"A {suffix} file needs frames of 1 or 3 channels; write .npz. "
            f"Received: {channels} channels"
        )
    if suffix in GRIDS:
        if len(recordings) > 1:
            raise ValueError(
                f"A {suffix} file has the forecast of one clip; write .npz. "
                f"Received: {len(recordings)} clips"
            )
        check_goes_on(recordings[0])
    if suffix in TIFFS:
        if channels != 1:
            raise ValueError(
                f"A {suffix} file has a band per time, so frames of 1 channel. "
                f"Received: {channels} channels"
            )
        georeference(recordings[0].coordinates)


def _values(recording, pixels, unit):
    """Return a recording and pixels in a unit; 8-bit data stays in [0, 1]."""
    if pixels.ndim == 5:
        parts = [_values(recording, member, unit) for member in pixels]
        return parts[0][0], np.stack([values for _, values in parts])
    is_8_bit = recording.frames.dtype == np.uint8
    if unit is None and recording.coordinates is None and is_8_bit:
        return recording, np.clip(pixels, 0.0, 1.0)
    values = recording.scaling.inverse(pixels).astype(pixels.dtype)
    return in_unit(recording, values, unit) if unit else (recording, values)


def _array(recordings, values):
    return lambda path: np.save(path, np.stack(values))


def _arrays(recordings, values):
    arrays = {"frames": np.stack(values)}
    times = times_ahead(recordings[0], values[0].shape[-4])
    if times is not None:
        arrays["times"] = times
    return lambda path: np.savez_compressed(path, **arrays)


def _on_grid(recording, values):
    """Return a forecast on its grid; members are realizations, as in CF."""
    if values.ndim == 4:
        return forecast_dataset(recording, values)
    xarray = require("xarray", "netcdf")
    members = [forecast_dataset(recording, member) for member in values]
    name = {"standard_name": "realization"}
    axis = xarray.Variable("realization", np.arange(len(members)), name)
    options = {"coords": "minimal", "compat": "override"}
    return xarray.concat(members, axis, data_vars="all", **options)


def _netcdf(recordings, values):
    dataset = _on_grid(recordings[0], values[0])
    return lambda path: dataset.to_netcdf(path, engine="netcdf4")


def _zarr(recordings, values):
    dataset = _on_grid(recordings[0], values[0])
    # GIS programs do not read version 3 yet.
    options = {"zarr_format": 2, "consolidated": True}
    return lambda path: dataset.to_zarr(path, **options)


def _geotiff(recordings, values):
    dataset = forecast_dataset(recordings[0], values[0])
    return geotiff_writer(dataset, recordings[0].interval)


def _picture(recording, past, forecast, fps):
    from msrnn_keras.plots import plot_forecast, plot_radar

    is_rain, past, forecast = _shown(recording, past, forecast)
    draw = plot_radar if is_rain else plot_forecast
    seconds = recording.interval
    step = (seconds, "s") if seconds else (1, "frame")
    if seconds and seconds >= 60:
        step = (seconds / 60, "min")
    return draw(past, None, forecast, *step).savefig


def _animation(recording, past, forecast, fps):
    from msrnn_keras.plots.animation import forecast_frames, save_animation

    fps = fps or min(recording.metadata.get("fps", 5), 50)
    is_rain, past, forecast = _shown(recording, past, forecast)
    scale = min(4, max(1, _ENLARGED // max(past.shape[1:3])))
    colors = "rain" if is_rain else "gray"
    frames = forecast_frames(past, None, forecast, scale, colors)
    return lambda path: save_animation(path, frames, fps)


def _shown(recording, *clips):
    """Return whether it is rain; rain in mm/h or pixels, north at the top."""
    is_rain = isinstance(recording.scaling, RainRate)
    if is_rain:
        clips = [recording.scaling.inverse(clip) for clip in clips]
    return is_rain, *(north_up(recording, clip) for clip in clips)


TIFFS = {".tif": _geotiff, ".tiff": _geotiff}
GRIDS = {".nc": _netcdf, ".zarr": _zarr, **TIFFS}
ARRAYS = {".npz": _arrays, ".npy": _array, **GRIDS}
PICTURES = {".png": _picture, ".gif": _animation, ".mp4": _animation}
