"""Read videos and folders of images."""

import itertools
import struct
from collections.abc import Sequence

import numpy as np

from msrnn_keras.data.io.images import converter, read_folder, unreadable
from msrnn_keras.data.io.recording import Recording
from msrnn_keras.data.sources import segments_between
from msrnn_keras.utils.arguments import (
    check_boolean,
    check_count,
    check_path,
    check_positive,
)
from msrnn_keras.utils.extras import require
from msrnn_keras.utils.typing import PathLike

VIDEOS = (".mp4", ".avi", ".mov", ".mkv", ".webm", ".gif")
_LAST_BYTE_OF_GIF = b";"
_ONE = 1 << 16  # in a display matrix


def from_video(
    path: PathLike,
    size: Sequence[int] | None = None,
    gray: bool = False,
    start: int = 0,
    count: int | None = None,
) -> Recording:
    """Read a video, or a folder of images.

    Frames are upright: the display matrix of a video and the EXIF orientation
    of an image are applied. Transparent pixels become 0 (black).

    Args:
        path: Path of an `.mp4`, `.avi`, `.mov`, `.mkv`, `.webm` or `.gif` file,
            or of a folder of 8-bit images, sorted by the numbers in their
            names, with all their pages.
        size: Tuple `(height, width)` to resize to, pixels; None keeps the size.
        gray: Boolean, whether to read luma (ITU-R BT.601) instead of RGB.
        start: Integer, the first frame.
        count: Integer, number of frames; None reads to the end.

    Returns:
        `Recording` of 8-bit frames. A step that differs from the median by half
        of it or more starts a new segment. A GIF has an `interval` if all its
        images last equally long.

    Raises:
        FileNotFoundError, ImportError: If the file or the extra is missing.
        ValueError: If it cannot be read, or has too few frames.

    Example:
    >>> source = from_video("street.mp4", size=(64, 64), gray=True)
    """
    path = check_path("path", path)
    convert = converter(size, check_boolean("gray", gray))
    start = check_count("start", start, 0)
    if count is not None:
        count = check_positive("count", count)
    if not path.exists():
        raise FileNotFoundError(
            f"There is no such file or folder. Received: {str(path)!r}"
        )
    stop = None if count is None else start + count
    suffix = path.suffix.lower()
    if path.is_dir():
        frames, rows = read_folder(path, convert, start, stop), {}
    elif suffix in VIDEOS:
        read = _read_gif if suffix == ".gif" else _read_video
        frames, rows = read(path, convert, start, stop)
    else:
        raise ValueError(
            f"A video must end in one of {', '.join(VIDEOS)}. "
            f"Received: {str(path)!r}"
        )
    if not frames or len(frames) < (count or 0):
        raise ValueError(
            f"The file must have at least {count or 1} frame(s) from frame "
            f"{start} on. Received: {len(frames)} in {str(path)!r}"
        )
    sizes = {frame.shape[:2] for frame in frames}
    if len(sizes) > 1:
        raise ValueError(
            "All images must have the same size; else pass `size`. "
            f"Received: {sorted(sizes)} in {str(path)!r}"
        )
    interval = rows.get("interval")
    metadata = {"fps": 1 / interval} if interval else {}
    return Recording(np.stack(frames), metadata=metadata, **rows)


def _read_video(path, convert, start, stop):
    """Return the frames of a video, and their `interval` and `segments`."""
    frames, times, rate, tick = [], [], None, 0
    for frame, *stream in itertools.islice(_decode(path), start, stop):
        rate, tick = stream
        image = _picture(frame, path)
        frames.append(convert(_upright(image, frame.side_data, path)))
        times.append(frame.time)
    nominal = float(1 / rate) if rate else None
    if None in times or not frames:
        return frames, {"interval": nominal}
    rows = _rows(times)
    # Prefer the exact nominal interval if the times are rounded to ticks.
    steps = sum(end - begin - 1 for begin, end in rows["segments"])
    mean = rows["interval"]
    if nominal and (mean is None or abs(mean - nominal) * steps < 1.01 * tick):
        rows["interval"] = nominal
    return frames, rows


def _decode(path):
    """Yield each frame of a video, its frame rate and its unit of time."""
    av = require("av", "video")
    count = 0
    try:
        with av.open(str(path)) as container:
            (stream, *_) = container.streams.video
            for frame in container.decode(stream):
                count += 1
                yield frame, stream.average_rate, stream.time_base
    except (av.FFmpegError, OSError, ValueError) as error:
        raise unreadable(path, error, range(count)) from error


def _picture(frame, path):
    """Return a frame as a Pillow image, with its transparency."""
    from PIL import Image

    parts = frame.format.components
    if max(part.bits for part in parts) > 8:
        raise ValueError(
            "Videos must have 8 bits per channel: convert the file, such as "
            "by ffmpeg -i IN -pix_fmt yuv420p OUT. "
            f"Received: {frame.format.name} in {str(path)!r}"
        )
    if any(part.is_alpha for part in parts):
        return Image.fromarray(frame.to_ndarray(format="rgba"))
    return frame.to_image()


def _upright(image, side_data, path):
    """Rotate and mirror a picture by the display matrix of its video."""
    from PIL.Image import Transpose

    matrix = side_data.get("DISPLAYMATRIX")
    if matrix is None:
        return image
    a, b, _, c, d = struct.unpack("=9i", bytes(matrix))[:5]
    if sorted(map(abs, (a, b, c, d))) != [0, 0, _ONE, _ONE] or a * b or c * d:
        raise ValueError(
            "A video must be rotated by quarter turns or mirrored. "
            f"Received: {[x / _ONE for x in (a, b, c, d)]} in {str(path)!r}"
        )
    if not a:
        image = image.transpose(Transpose.TRANSPOSE)
        a, d = c, b
    if a < 0:
        image = image.transpose(Transpose.FLIP_LEFT_RIGHT)
    return image.transpose(Transpose.FLIP_TOP_BOTTOM) if d < 0 else image


def _rows(times):
    """Return `interval` and `segments` of times in seconds, as a dict."""
    if len(times) < 2:
        return {"interval": None, "segments": [(0, len(times))]}
    steps = np.diff(times)
    usual = np.sort(steps)[(len(steps) - 1) // 2]
    even = np.abs(steps - usual) < usual / 2
    interval = float(steps[even].mean()) if even.any() else None
    return {"interval": interval, "segments": segments_between(~even)}


def _read_gif(path, convert, start, stop):
    """Return the frames of a GIF, and their `interval` and `segments`."""
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
        # Pillow accepts a file that is cut off between two images.
        whole = path.read_bytes().rstrip(b"\0").endswith(_LAST_BYTE_OF_GIF)
        if stop is None and not whole:
            raise EOFError("its end is missing")
    except Exception as error:
        raise unreadable(path, error, frames) from error
    if 0 in durations or not frames:
        return frames, {}
    rows = _rows(np.cumsum([0, *durations[:-1]]) / 1000)
    equal = len(set(durations)) == 1
    return frames, {**rows, "interval": durations[0] / 1000 if equal else None}
