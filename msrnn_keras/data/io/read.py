"""Read the frames of a file of any supported format."""

import functools
import pathlib
from collections.abc import Sequence
from typing import Any

import h5py
import numpy as np

from msrnn_keras.data.io import stores
from msrnn_keras.data.io.cutting import cut
from msrnn_keras.data.io.images import unreadable
from msrnn_keras.data.io.radar import from_radar
from msrnn_keras.data.io.recording import Recording, from_arrays
from msrnn_keras.data.io.video import VIDEOS, from_video
from msrnn_keras.data.lazy_frames import LazyFrames
from msrnn_keras.utils.files import check_file
from msrnn_keras.utils.typing import PathLike

_ARRAYS = (".npy", ".npz")
_MAGIC = {
    b"GRIB": stores.GRIB,
    b"CDF\x01": stores.NETCDF,
    b"CDF\x02": stores.NETCDF,
    b"CDF\x05": stores.NETCDF,
    **dict.fromkeys((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"), stores.TIFF),
}


def open_recording(
    path: PathLike,
    bbox: Sequence[float] | None = None,
    resolution: float | None = None,
    **options: Any,
) -> Recording:
    """Open a file of frames of any format; `data.open` is this function.

    The format is that of the ending, else of the content. Frames of NetCDF,
    Zarr, GRIB and GeoTIFF are read when they are used; CRS, coordinates, unit,
    times and missing values are kept.

    Args:
        path: Path of a NetCDF, Zarr, GRIB, GeoTIFF, `.npy`, `.npz` or video
            file, or of a folder of images. `importer` is for radar files.
        bbox: Tuple `(west, south, east, north)` to read, in the unit of the
            file's coordinates.
        resolution: Number, size of a pixel to average to, in the unit of the
            coordinates, a multiple of that of the file. Means are over the
            valid pixels; a block is missing where more than half of it is.
        **options: Those of the reader: `variable`, `scaling` and `interval`, as
            in `from_netcdf`; `size` and `gray`, as in `from_video`; those of
            `from_radar`.

    Returns:
        `Recording`.

    Raises:
        FileNotFoundError, ImportError: If the file or an extra is missing.
        ValueError: If the file or an option cannot be used.

    Example:
    >>> rain = open("radar.zarr", bbox=(4.0, 51.0, 6.0, 53.0), resolution=0.02)
    >>> clips = Clips(rain, context=6, horizon=12)
    """
    recordings = read_recordings(
        path, bbox=bbox, resolution=resolution, **options
    )
    if len(recordings) > 1:
        raise ValueError(
            "The file must have the frames of one clip. "
            f"Received: {len(recordings)} clips in {str(path)!r}"
        )
    return recordings[0]


def read_recordings(
    path, scaling=None, fill=None, bbox=None, resolution=None, **options
):
    """Read the frames of a file, or of a folder of files."""
    path = pathlib.Path(path)
    options = {k: v for k, v in options.items() if v is not None}
    if options.get("gray") is False:
        del options["gray"]
    if scaling is not None:
        options["scaling"] = scaling
    form, read, allowed = _form(path, "importer" in options)
    for name in options:
        if allowed is not None and name not in allowed:
            raise ValueError(
                f"`{name}` is not for {form}. Received: {name}="
                f"{options[name]!r} for {str(path)!r}"
            )
    found = read(path, **options)
    recordings = found if isinstance(found, list) else [found]
    recordings = [cut(x, bbox, resolution) for x in recordings]
    for recording in recordings:
        if fill is not None and recording.frames.dtype.kind == "f":
            recording.frames = _filled(recording.frames, fill)
    return recordings


def _filled(frames, fill):
    """Return frames with a value in the place of NaN."""
    if not isinstance(frames, LazyFrames):
        return np.where(np.isnan(frames), fill, frames)

    def read(*parts):
        values = np.asarray(frames[parts])
        return np.where(np.isnan(values), np.float32(fill), values)

    return LazyFrames(read, frames.shape)


def _form(path, radar):
    """Return the format of a path, its reader and its options; None is any."""
    suffix = path.suffix.lower()
    if radar:
        return "radar files", from_radar, None
    form = stores.SUFFIXES.get(suffix)
    if path.is_dir() and form != stores.ZARR:
        form = stores.ZARR if stores.is_zarr(path) else None
    if form is None and (path.is_dir() or suffix in VIDEOS):
        form = "a folder of images" if path.is_dir() else "a video"
        return form, from_video, ("size", "gray")
    if suffix in _ARRAYS:
        return "an array", _read_arrays, ("scaling", "interval")
    form = form or _form_of_content(path)
    if form is not None:
        read = functools.partial(stores.from_store, form=form)
        return form, read, ("variable", "scaling", "interval")
    suffixes = ", ".join((*_ARRAYS, *stores.SUFFIXES, *VIDEOS))
    raise ValueError(
        f"The file must end in one of {suffixes}, or be a folder of images; "
        f"radar files need an importer. Received: {str(path)!r}"
    )


def _form_of_content(path):
    """Return the format that a file begins with, or None."""
    check_file(path)
    with open(path, "rb") as file:
        start = file.read(4)
    if h5py.is_hdf5(path):  # radar files are HDF5 too
        with h5py.File(path) as file:
            return stores.NETCDF if "_NCProperties" in file.attrs else None
    return _MAGIC.get(start)


def _read_arrays(path, scaling=None, interval=None):
    frames, times = _load_arrays(path)
    if frames.ndim == 5 and 0 in frames.shape:
        raise ValueError(
            "The file must contain at least one clip of one frame. "
            f"Received: shape={frames.shape} in {str(path)!r}"
        )
    clips = frames if frames.ndim == 5 else [frames]
    return [from_arrays(clip, interval, times, scaling) for clip in clips]


def _load_arrays(path):
    """Return the frames of an array file, and their times or None."""
    check_file(path)
    try:
        data = np.load(path, allow_pickle=False)
        if isinstance(data, np.ndarray):
            return data, None
        with data:
            names = data.files
            times = data["times"] if "times" in names else None
            if "frames" in names or len(names) == 1:
                name = "frames" if "frames" in names else names[0]
                return data[name], times
    except Exception as error:
        raise unreadable(path, error) from error
    raise ValueError(
        "The file must contain one array, or one named `frames`. "
        f"Received: {', '.join(names) or 'no array'} in {str(path)!r}"
    )
