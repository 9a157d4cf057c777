"""Frames of your own, from videos and folders of images."""

import pathlib
import re

import numpy as np

from msrnn_keras.checks import check_positive
from msrnn_keras.data.own import Recording
from msrnn_keras.extras import require

VIDEOS = (".mp4", ".avi", ".mov", ".mkv", ".webm", ".gif")
IMAGES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".pgm", ".ppm")
_LAST_BYTE_OF_GIF = b";"


def from_video(path, size=None, grey=False, start=0, count=None):
    """Read a video, or a folder of images.

    Only the frames asked for are kept; those after them are not decoded.

    Args:
        path: Path of an `.mp4`, `.avi`, `.mov`, `.mkv` or `.webm` file (which
            need the extra `video`), of a `.gif`, or of a folder of 8-bit
            images, whose names are sorted with their numbers as numbers. Other
            files in the folder are left out.
        size: Tuple `(height, width)`, pixels, to which the frames are resized
            (antialiased, bilinear). None keeps theirs.
        grey: Boolean, whether to read one channel (ITU-R BT.601 luma) rather
            than three (RGB).
        start: Integer, the first frame.
        count: Integer, how many frames; None is all from there on.

    Returns:
        `Recording` of 8-bit frames. Its `interval` is 1 / the frame rate; a
        GIF has one where all its images last equally long, and its frames
        are the images stored. Images have none.

    Raises:
        FileNotFoundError: If there is no such file or folder.
        ValueError: If it cannot be read, is cut off, or holds no frames or
            fewer than asked for.
        ImportError: If the extra `video` is needed and missing.

    Example:
    >>> source = from_video("street.mp4", size=(64, 64), grey=True)
    >>> clips = Clips(source, context=10, horizon=10, teacher=True)
    """
    path = pathlib.Path(path)
    convert = _converter(size, grey)
    if isinstance(start, bool) or not isinstance(start, int) or start < 0:
        raise ValueError(
            f"`start` must be an integer, 0 or more. Received: start={start!r}"
        )
    if count is not None:
        check_positive("count", count)
    if not path.exists():
        raise FileNotFoundError(
            f"There is no such file or folder. Received: {str(path)!r}"
        )
    stop = None if count is None else start + count
    read = _read_images if path.is_dir() else _reader(path)
    frames, fps = read(path, convert, start, stop)
    if not frames or len(frames) < (count or 0):
        wanted = f"{count} frames" if count else "a frame"
        raise ValueError(
            f"There must be {wanted} from frame {start} on. "
            f"Received: {len(frames)} in {str(path)!r}"
        )
    _check_sizes(frames, path)
    interval, metadata = (1 / fps, {"fps": fps}) if fps else (None, {})
    return Recording(np.stack(frames), interval=interval, metadata=metadata)


def _reader(path):
    suffix = path.suffix.lower()
    if suffix not in VIDEOS:
        raise ValueError(
            f"A video must end in one of {', '.join(VIDEOS)}. "
            f"Received: {str(path)!r}"
        )
    return _read_gif if suffix == ".gif" else _read_video


def _converter(size, grey):
    """A function of a Pillow image that gives the frame."""
    from PIL import Image

    if size is not None:
        height, width = size
        check_positive("height", height)
        check_positive("width", width)

    def convert(image):
        image = image.convert("L" if grey else "RGB")
        if size is not None:
            image = image.resize((width, height), Image.Resampling.BILINEAR)
        frame = np.array(image)
        return frame[..., None] if grey else frame

    return convert


def _unreadable(path, error, frames=()):
    after = f" after frame {len(frames) - 1}" if frames else ""
    reason = getattr(error, "strerror", None) or error
    return ValueError(
        f"The file cannot be read{after}, it may be cut off ({reason}). "
        f"Received: {str(path)!r}"
    )


def _read_video(path, convert, start, stop):
    av = require("av", "video")
    frames, index = [], 0
    try:
        with av.open(str(path)) as container:
            (stream, *_) = container.streams.video
            for index, frame in enumerate(container.decode(stream)):
                if stop is not None and index >= stop:
                    break
                if index >= start:
                    frames.append(convert(frame.to_image()))
            return frames, float(stream.average_rate or 0)
    except (av.FFmpegError, OSError, ValueError) as error:
        raise _unreadable(path, error, range(index + 1 if index else 0)) from (
            error
        )


def _read_gif(path, convert, start, stop):
    from PIL import Image, ImageSequence

    frames, durations = [], []
    try:
        with Image.open(path) as image:
            for index, frame in enumerate(ImageSequence.Iterator(image)):
                if stop is not None and index >= stop:
                    break
                if index >= start:
                    frames.append(convert(frame))
                    durations.append(frame.info.get("duration", 0))
        # Pillow takes a file cut off between two images for a whole one.
        whole = path.read_bytes().rstrip(b"\0").endswith(_LAST_BYTE_OF_GIF)
        if stop is None and not whole:
            raise EOFError("its end is missing")
    except Exception as error:
        raise _unreadable(path, error, frames) from error
    equal = len(set(durations)) == 1 and durations[0] > 0
    return frames, 1000 / durations[0] if equal else 0


def _read_images(path, convert, start, stop):
    from PIL import Image

    names = [x for x in path.iterdir() if x.suffix.lower() in IMAGES]
    frames = []
    for name in sorted(names, key=natural)[start:stop]:
        try:
            with Image.open(name) as image:
                deep = image.mode.startswith(("I", "F"))
                frames.append(convert(image))
        except Exception as error:
            raise _unreadable(name, error) from error
        if deep:
            raise ValueError(
                "Images must have 8 bits a channel; read others into an array "
                f"for `from_arrays`. Received: {str(name)!r}"
            )
    return frames, 0


def natural(path):
    """Key that sorts names with their numbers as numbers.

    Args:
        path: `pathlib.Path`.

    Returns:
        List.

    Example:
    >>> sorted([Path("10.png"), Path("9.png")], key=natural)
    [Path("9.png"), Path("10.png")]
    """
    parts = re.split(r"(\d+)", path.name)
    return [int(x) if x.isdecimal() else x for x in parts] + [path.name]


def _check_sizes(frames, path):
    sizes = {frame.shape[:2] for frame in frames}
    if len(sizes) > 1:
        raise ValueError(
            "All images must have one size, or `size` must be given. "
            f"Received: {sorted(sizes)} in {str(path)!r}"
        )
