"""Limits on what a visitor of the page may ask for."""

import concurrent.futures
import contextlib
import dataclasses
import math
import pathlib
import threading
import zipfile

import numpy as np

from msrnn_keras.data.io.images import unreadable
from msrnn_keras.utils.extras import require

SUFFIXES = ".gif", ".mp4", ".nc", ".npz", ".npy"
SIDE = 256  # most pixels of a side of a frame to forecast
_UNPACKED = 10  # most bytes of an array for each byte of the limit of a file
_MEGABYTE = 10**6
_SOURCE_SIDE = 4096  # most pixels of a side of a video, before it is scaled


@dataclasses.dataclass(frozen=True)
class Limits:
    """What one forecast may take.

    Attributes:
        megabytes: Integer, size of an uploaded file, 10^6 bytes.
        frames: Integer, frames to forecast.
        seconds: Number, time to read a file and to forecast.
    """

    megabytes: int = 50
    frames: int = 50
    seconds: float = 120.0

    def check_file(self, path):
        """Return the path of an upload; refuse what is too large to read."""
        path = pathlib.Path(path)
        if path.suffix.lower() not in SUFFIXES:
            raise ValueError(
                f"The file must end in one of {', '.join(SUFFIXES)}. "
                f"Received: {path.name!r}"
            )
        size = path.stat().st_size
        if not size:
            raise ValueError(f"The file is empty. Received: {path.name!r}")
        if size > self.megabytes * _MEGABYTE:
            raise ValueError(
                f"The file may have at most {self.megabytes} MB. "
                f"Received: {size / _MEGABYTE:.1f} MB in {path.name!r}"
            )
        self._check_content(path)
        return path

    def _check_content(self, path):
        """Refuse a file whose values need too much memory, unread."""
        suffix = path.suffix.lower()
        if suffix in (".gif", ".mp4"):
            size = video_size(path)
            if max(size) > _SOURCE_SIDE:
                raise ValueError(
                    f"A video may have at most {_SOURCE_SIDE} pixels a side. "
                    f"Received: {size[0]}×{size[1]} in {path.name!r}"
                )
            return
        most = _UNPACKED * self.megabytes * _MEGABYTE
        size = _unpacked_bytes(path)
        if size > most:
            raise ValueError(
                f"The arrays of the file may have at most {most:,} bytes. "
                f"Received: {size:,} bytes in {path.name!r}"
            )


def check_side(shape):
    """Refuse frames (..., height, width, channels) that are too large."""
    height, width = shape[-3:-1]
    if max(height, width) > SIDE:
        raise ValueError(
            f"A frame may have at most {SIDE} pixels a side; cut or average "
            f"the frames. Received: {height}×{width} pixels"
        )


def video_size(path):
    """Return the height and width in the header of a GIF or MP4."""
    from PIL import Image

    try:
        if path.suffix.lower() == ".gif":
            with Image.open(path, formats=["GIF"]) as image:
                return image.size[::-1]
        with require("av", "app").open(str(path)) as container:
            (stream, *_) = container.streams.video
            return stream.height, stream.width
    except ImportError:
        raise
    except Exception as error:
        raise unreadable(path, error) from error


def _unpacked_bytes(path):
    """Return the bytes of the arrays that a file announces."""
    try:
        if path.suffix.lower() == ".npz":
            with zipfile.ZipFile(path) as archive:
                return sum(x.file_size for x in archive.infolist())
        if path.suffix.lower() == ".npy":
            mapped = np.load(path, mmap_mode="r", allow_pickle=False)
            return mapped.nbytes
        xarray = require("xarray", "app")
        options = {"engine": "netcdf4", "decode_cf": False, "cache": False}
        with xarray.open_dataset(path, **options) as dataset:
            sizes = (math.prod(x.shape) for x in dataset.variables.values())
            return 4 * sum(sizes)  # float32 when they are read
    except ImportError:
        raise
    except Exception as error:
        raise unreadable(path, error) from error


class Turns:
    """Runs one function at a time, each with a limit of time.

    A function that takes too long goes on without an answer. The next one
    waits for its end.

    Args:
        seconds: Number, the limit for waiting and for running, each.
    """

    def __init__(self, seconds):
        self.seconds, self._lock = seconds, threading.Lock()
        self._answer, self._closed = None, False

    def run(self, function, *arguments):
        """Return the function of the arguments.

        Raises:
            TimeoutError: If the limit is reached.
            RuntimeError: If the server ends.
        """
        if not self._lock.acquire(timeout=self.seconds):
            raise TimeoutError(
                "An earlier forecast is still running; try again later. "
                f"Received: no turn within {self.seconds:g} s"
            )
        self._answer = answer = concurrent.futures.Future()
        if self._closed:
            self.close()
        work = threading.Thread(
            target=self._work, args=(answer, function, arguments), daemon=True
        )
        work.start()
        concurrent.futures.wait([answer], self.seconds)
        if not answer.done():
            raise TimeoutError(
                "The forecast takes too long; choose fewer or smaller frames. "
                f"Received: no result within {self.seconds:g} s"
            )
        return answer.result()

    def close(self):
        """Answer the function that runs and later ones with an error."""
        self._closed, answer = True, self._answer
        if answer is not None:
            error = RuntimeError("The server ends. Received: a signal")
            with contextlib.suppress(concurrent.futures.InvalidStateError):
                answer.set_exception(error)

    def _work(self, answer, function, arguments):
        try:
            give, value = answer.set_result, function(*arguments)
        except BaseException as error:
            give, value = answer.set_exception, error
        finally:
            self._lock.release()
        # The server may have answered in between.
        with contextlib.suppress(concurrent.futures.InvalidStateError):
            give(value)
