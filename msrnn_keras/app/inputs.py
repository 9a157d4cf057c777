"""From what a visitor gives to the past and the truth of one clip."""

from typing import Any, NamedTuple

from msrnn_keras import data
from msrnn_keras.app.limits import check_side, video_size
from msrnn_keras.app.samples import is_rain
from msrnn_keras.data.io.recording import Recording
from msrnn_keras.utils.arguments import check_count, check_positive

_VIDEOS = ".gif", ".mp4"
_ARRAYS = ".npz", ".npy"


class Clip(NamedTuple):
    """A clip to forecast."""

    recording: Recording  # of the past alone
    past: Any  # pixels (context, height, width, channels)
    truth: Any  # pixels (known frames, …), at most the horizon; may be empty


def read_upload(path, model, horizon, first=0, side=None, grid_step=None):
    """Read an upload as the frames that a model takes.

    Args:
        path: `pathlib.Path` of a GIF, MP4, NetCDF, npz or npy file.
        model: Model that `zoo.load` gave.
        horizon: Integer, frames to forecast.
        first: Integer, the first frame of the past.
        side: Integer, pixels of the longer side to scale a GIF or MP4 to; None
            keeps its size.
        grid_step: Number, km between two pixels of rain, or None.

    Returns:
        `Recording` that begins with the first frame of a GIF or MP4, else with
        that of the file, and the index of the first frame in it.

    Raises:
        ValueError, TypeError, OSError: If the file cannot be used.
    """
    suffix = path.suffix.lower()
    if suffix in _VIDEOS:
        return _read_video(path, model, horizon, first, side), 0
    options = {}
    if suffix in _ARRAYS and is_rain(model):  # in mm/h
        options["scaling"] = model.trained_on.scaling
    recording = data.open(path, **options)
    return data.as_trained(recording, model, grid_step), first


def cut(recording, model, horizon, first=0):
    """Return the `Clip` of a recording from a frame on.

    Args:
        recording: `Recording`.
        model: The model that is to forecast it.
        horizon: Integer, frames to forecast.
        first: Integer, index of the first frame of the past.

    Returns:
        `Clip`. Its truth ends with the recording or at a gap.

    Raises:
        ValueError: If there are too few frames.
    """
    first = check_count("first", first, 0)
    horizon = check_positive("horizon", horizon)
    check_side(recording.image_shape)
    ends = [stop for start, stop in recording.segments if start <= first < stop]
    frames = max(0, *(end - first for end in ends)) if ends else 0
    if frames < model.context:
        gap = " before a gap" if len(recording.segments) > 1 else ""
        raise ValueError(
            f"The model needs {model.context} frames{gap} from the first one "
            f"on. Received: {frames} of {len(recording)} frames, "
            f"first={first}"
        )
    middle = first + model.context
    stop = min(middle + horizon, first + frames)
    return Clip(
        _past_of(recording, first, middle),
        recording.pixels(first, middle),
        recording.pixels(middle, stop),
    )


def _read_video(path, model, horizon, first, side):
    """Return no more of a video than is needed, from a frame on."""
    size = video_size(path)
    check = size
    if side is not None:
        scale = side / max(size)
        check = size = tuple(max(1, round(scale * x)) for x in size)
    check_side((*check, 1))
    options = {"size": None if side is None else size}
    options |= {"gray": model.image_shape[-1] == 1, "start": first}
    try:
        recording = data.from_video(
            path, count=model.context + horizon, **options
        )
    except ValueError:  # A shorter one, of which less truth is known.
        recording = data.from_video(path, **options)
    return data.as_trained(recording, model)


def _past_of(recording, start, stop):
    """Return the past as a recording, after which a forecast goes on."""
    times = recording.times
    return Recording(
        recording.frames[start:stop],
        None,
        recording.scaling,
        recording.interval,
        None if times is None else times[start:stop],
        coordinates=_coordinates(recording, stop),
        unit=getattr(recording, "unit", None),
        metadata=getattr(recording, "metadata", None),
    )


def _coordinates(recording, stop):
    """Return the coordinates with the times of the last two frames before."""
    grid = getattr(recording, "coordinates", None)
    if grid is None or stop == len(recording):
        return grid
    timed = [x for x in grid.coords.values() if x.dtype.kind == "M"]
    if len(timed) != 1 or recording.times is None or timed[0].size > stop:
        return None  # other times depend on it
    (name, old) = timed[0].name, timed[0]
    times = recording.times[stop - old.size : stop]
    return grid.assign_coords({name: old.copy(data=times)})
