"""Read the frames of a file of any supported format."""

import pathlib

import numpy as np

from msrnn_keras.data.io.images import unreadable
from msrnn_keras.data.io.netcdf import from_netcdf
from msrnn_keras.data.io.radar import from_radar
from msrnn_keras.data.io.recording import from_arrays
from msrnn_keras.data.io.video import VIDEOS, from_video
from msrnn_keras.utils.files import check_file


def read_recordings(path, scaling=None, fill=None, **options):
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
    for recording in recordings:
        frames = recording.frames
        if fill is not None and frames.dtype.kind == "f":
            recording.frames = np.where(np.isnan(frames), fill, frames)
    return recordings


def _form(path, radar):
    """Return the format of a path, its reader and its options; None is any."""
    suffix = path.suffix.lower()
    if radar:
        return "radar files", from_radar, None
    if path.is_dir() or suffix in VIDEOS:
        form = "a folder of images" if path.is_dir() else "a video"
        return form, from_video, ("size", "gray")
    if suffix in (".nc", ".nc4", ".cdf"):
        return "NetCDF", from_netcdf, ("variable", "scaling", "interval")
    if suffix in (".npy", ".npz"):
        return "an array", _read_arrays, ("scaling", "interval")
    check_file(path)
    suffixes = ", ".join((".npy", ".npz", ".nc", *VIDEOS))
    raise ValueError(
        f"The file must end in one of {suffixes}, or be a folder of images; "
        f"radar files need an importer. Received: {str(path)!r}"
    )


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
