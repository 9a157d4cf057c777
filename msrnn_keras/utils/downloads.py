"""Downloads that end: within a size, and within a time."""

import contextlib
import http.client
import os
import queue
import sys
import threading
import time
import urllib.request

CHUNK = 1 << 20  # bytes
SILENCE = 60  # seconds without a byte
GRACE = 60  # seconds for the connection and the first bytes
SLOWEST = 5_000  # bytes per second after that, on average
LARGEST = 1 << 30  # bytes of a file whose size nobody tells
SHOWN = 10 << 20  # bytes of a file whose progress is shown
ENVIRONMENT = "MSRNN_KERAS_DOWNLOAD_SECONDS"


def download(url, path, size=None, answer=GRACE):
    """Copy a URL to a new file.

    The copy stops where the file is longer than `size`, or than the server
    said, or than 1 GiB where neither is known. It also stops where it takes
    longer than 60 s and 1 s for each 5,000 bytes received; the environment
    variable `MSRNN_KERAS_DOWNLOAD_SECONDS` sets another time for the whole
    file. The progress of files of 10 MiB or more is shown on a terminal.

    Args:
        url: String, http(s) or file URL.
        path: Path of a file that does not exist. After an error, a part of
            the file may be there.
        size: Integer, bytes, the known size, or None. A shorter file is an
            error only where `size` is None and the server told its size.
        answer: Number, seconds within which the server must answer.

    Raises:
        OSError: If the URL cannot be read, or gives a longer file.
        TimeoutError: If it takes too long.

    Example:
    >>> download("https://example.org/frames.npz", "frames.npz", size=11490434)
    """
    start = time.monotonic()
    with (
        contextlib.closing(_open(url, answer)) as response,
        open(path, "xb") as file,
    ):
        told = response.headers.get("Content-Length") or ""
        whole = int(told) if size is None and told.isdecimal() else size
        limit = LARGEST if whole is None else whole
        show = _progress(whole or 0)
        received = 0
        while chunk := _read(response, limit + 1 - received):
            received += len(chunk)
            if received > limit:
                raise OSError(
                    f"the file is longer than the {limit} bytes it may have"
                )
            file.write(chunk)
            _check_time(time.monotonic() - start, received)
            show(received)
    if size is None and received < (whole or 0):
        raise OSError(f"the file ended after {received} of {whole} bytes")


def _open(url, seconds):
    """Return the response of a URL, within some seconds.

    The timeout of a socket starts anew with each byte, so a server that sends
    its headers slowly would hold the caller for hours.
    """
    answers = queue.Queue()

    def ask():
        try:
            answers.put(urllib.request.urlopen(url, timeout=SILENCE))
        except Exception as error:
            answers.put(error)

    threading.Thread(target=ask, daemon=True).start()
    try:
        answer = answers.get(timeout=seconds)
    except queue.Empty:
        raise TimeoutError(f"there was no answer after {seconds:g} s") from None
    if isinstance(answer, Exception):
        raise _as_os_error(answer)
    return answer


def _read(response, most):
    """Return the bytes that are there, at least one before the end."""
    try:
        return response.read1(min(CHUNK, most))
    except http.client.HTTPException as error:
        raise _as_os_error(error) from error


def _as_os_error(error):
    """Return an error as an `OSError`."""
    if isinstance(error, (OSError, ValueError)):
        return error
    return OSError(f"{type(error).__name__}: {error}")


def _allowed(received):
    """Return how many seconds may have passed at a number of bytes."""
    seconds = os.environ.get(ENVIRONMENT)
    if not seconds:
        return GRACE + received / SLOWEST
    try:
        return float(seconds)
    except ValueError:
        raise ValueError(
            f"{ENVIRONMENT} must be a number of seconds. Received: {seconds!r}"
        ) from None


def _check_time(passed, received):
    """Refuse a download that takes too long."""
    if passed > _allowed(received):
        raise TimeoutError(
            f"the server is too slow: {received} bytes in {passed:.0f} s; "
            f"{ENVIRONMENT} allows more"
        )


def _progress(size):
    """Return a function of the bytes received that shows them."""
    if size < SHOWN or not sys.stdout.isatty():
        return lambda received: None
    import keras

    bar = keras.utils.Progbar(size, unit_name="byte")
    return bar.update
