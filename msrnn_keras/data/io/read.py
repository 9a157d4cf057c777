"""Read the frames of a file, whatever its form."""

import pathlib

import numpy as np


def read_recordings(path, scaling=None, fill=None, **options):
    """Read the frames of a file, or of a folder of files.

    Args:
        path: Path. `.npy` or `.npz`: one array, or in an `.npz` one named
            `frames`, `(time, height, width)`, `(time, height, width,
            channels)` or `(clips, time, height, width, channels)`; `times`
            in an `.npz` are those of the frames, or of each clip's. Videos
            and folders of images as of `from_video`, `.nc` as of
            `from_netcdf`; with `importer` all else as of `from_radar`.
        scaling: `Scaling`; None is that of the form of file.
        fill: Number, in the units of the data, in place of missing values
            (NaN); None leaves them.
        **options: `interval`, where it is not a video; `variable` of
            `from_netcdf`; `size` and `gray` of `from_video`; `importer` of
            `from_radar` and its other arguments. None, and `gray=False`, is
            as if it were not given.

    Returns:
        List of `msrnn_keras.data.Recording`, one for each clip.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it cannot be read, or an option is not for it.
        ImportError: If an extra is missing.

    Example:
    >>> (recording,) = read_recordings("rain.nc", variable="rain_rate")
    """
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
    recordings = read(path, **options)
    if fill is not None:
        for recording in recordings:
            if recording.frames.dtype.kind == "f":
                frames = recording.frames
                recording.frames = np.where(np.isnan(frames), fill, frames)
    return recordings


def _form(path, radar):
    """What a path holds, its reader, and the options of it; None is any."""
    from msrnn_keras import data
    from msrnn_keras.data.io.video import VIDEOS

    suffix = path.suffix.lower()
    if radar:
        return "radar files", _one(data.from_radar), None
    if path.is_dir() or suffix in VIDEOS:
        form = "a folder of images" if path.is_dir() else "a video"
        return form, _one(data.from_video), ("size", "gray")
    if suffix in (".nc", ".nc4", ".cdf"):
        allowed = ("variable", "scaling", "interval")
        return "NetCDF", _one(data.from_netcdf), allowed
    if suffix in (".npy", ".npz"):
        return "an array", _read_arrays, ("scaling", "interval")
    if not path.exists():
        raise FileNotFoundError(
            f"There is no such file. Received: {str(path)!r}"
        )
    endings = ", ".join((".npy", ".npz", ".nc", *VIDEOS))
    raise ValueError(
        f"The file must end in one of {endings}, or be a folder of images; "
        f"radar files need an importer. Received: {str(path)!r}"
    )


def _one(read):
    return lambda path, **options: [read(path, **options)]


def _read_arrays(path, scaling=None, interval=None):
    from msrnn_keras.data import from_arrays

    frames, times = _load_arrays(path)
    if frames.ndim != 5:
        return [from_arrays(frames, interval, times, scaling)]
    if 0 in frames.shape:
        raise ValueError(
            "There must be at least one clip of one frame. "
            f"Received: shape={frames.shape} in {str(path)!r}"
        )
    return [from_arrays(clip, interval, times, scaling) for clip in frames]


def _load_arrays(path):
    """The frames, and their times or None."""
    if not path.is_file():
        raise FileNotFoundError(
            f"There is no such file. Received: {str(path)!r}"
        )
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
        raise ValueError(
            f"The file cannot be read as .npy or .npz ({error}). "
            f"Received: {str(path)!r}"
        ) from error
    raise ValueError(
        "The file must hold one array, or one named `frames`. "
        f"Received: {', '.join(names) or 'no array'} in {str(path)!r}"
    )
