"""Files: written whole or not at all, and the clips kept in them."""

import os
import pathlib
import uuid

import numpy as np


def write_atomically(path, write):
    """Write a file so that it is either whole or not there.

    Args:
        path: Path of the file; its folder must exist.
        write: Function of a path that writes the file there. The path has the
            ending of the file.

    Example:
    >>> write_atomically("frames.npy", lambda path: np.save(path, frames))
    """
    path = pathlib.Path(path)
    temporary = path.with_name(f"tmp-{uuid.uuid4().hex}-{path.name}")
    try:
        write(temporary)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def remove_unfinished(folder):
    """Remove what `write_atomically` left behind where it was killed.

    Args:
        folder: Path of an existing folder.
    """
    for temporary in pathlib.Path(folder).glob(f"tmp-{'[0-9a-f]' * 32}-*"):
        temporary.unlink(missing_ok=True)


def read_clips(path):
    """Read frames from an `.npy` or `.npz` file.

    Args:
        path: Path of a file that holds one array, or an `.npz` with one named
            `frames`: `(time, height, width)`, `(time, height, width,
            channels)` or `(batch, time, height, width, channels)`. Floats in
            [0, 1], or 8-bit integers, which are divided by 255.

    Returns:
        Array of floats `(batch, time, height, width, channels)`.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not such a file.

    Example:
    >>> past = read_clips("past.npz")
    """
    path = pathlib.Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f"There is no such file. Received: {str(path)!r}"
        )
    frames = _read_array(path)
    if frames.dtype == np.uint8:
        frames = np.divide(frames, 255, dtype="float32")
    if frames.ndim == 3:
        frames = frames[..., None]
    if frames.ndim == 4:
        frames = frames[None]
    if frames.ndim != 5 or 0 in frames.shape:
        raise ValueError(
            "The frames must be (time, height, width), (time, height, width, "
            "channels) or (batch, time, height, width, channels), none of "
            f"them 0. Received: shape={frames.shape} in {str(path)!r}"
        )
    return frames


def _read_array(path):
    try:
        data = np.load(path, allow_pickle=False)
        if isinstance(data, np.ndarray):
            return data
        with data:
            names = data.files
            if "frames" in names or len(names) == 1:
                return data["frames" if "frames" in names else names[0]]
    except Exception as error:
        raise ValueError(
            f"The file cannot be read as .npy or .npz ({error}). "
            f"Received: {str(path)!r}"
        ) from error
    raise ValueError(
        "The file must hold one array, or one named `frames`. "
        f"Received: {', '.join(names) or 'no array'} in {str(path)!r}"
    )


def write_forecast(path, past, forecast):
    """Write a forecast in the form that the file's ending names.

    Args:
        path: Path ending in `.npz` (array `frames`, all clips), `.npy`,
            `.png` (a picture of the first clip) or `.gif` (an animation of
            it).
        past: Array `(batch, time, height, width, channels)`.
        forecast: Array `(batch, horizon, height, width, channels)`.

    Raises:
        ValueError: If the ending is another one.
        FileNotFoundError: If the folder does not exist.

    Example:
    >>> write_forecast("forecast.gif", past, model.predict(past))
    """
    path = pathlib.Path(path)
    check_writable(path)
    write_atomically(path, WRITERS[path.suffix](past, forecast))


def check_writable(path):
    """Refuse a path that `write_forecast` could not write to.

    Args:
        path: Path of the file.

    Raises:
        ValueError: If its ending names no form of file.
        FileNotFoundError: If the folder does not exist.
    """
    path = pathlib.Path(path)
    if path.suffix not in WRITERS:
        raise ValueError(
            f"The file must end in one of {', '.join(WRITERS)}. "
            f"Received: {str(path)!r}"
        )
    check_folder(path)


def check_folder(path):
    """Refuse a path whose folder does not exist.

    Args:
        path: Path of the file.

    Raises:
        FileNotFoundError: If the folder does not exist.
    """
    folder = pathlib.Path(path).parent
    if not folder.is_dir():
        raise FileNotFoundError(
            f"The folder does not exist. Received: {str(folder)!r}"
        )


def _picture(past, forecast):
    from msrnn_keras.plots import plot_forecast

    return plot_forecast(past[0], None, forecast[0]).savefig


def _animation(past, forecast):
    from msrnn_keras.video import forecast_frames, save_gif

    frames = forecast_frames(past[0], None, forecast[0])
    return lambda path: save_gif(path, frames)


WRITERS = {
    ".npz": lambda past, forecast: (
        lambda path: np.savez_compressed(path, frames=forecast)
    ),
    ".npy": lambda past, forecast: lambda path: np.save(path, forecast),
    ".png": _picture,
    ".gif": _animation,
}
