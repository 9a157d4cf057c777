"""Downloads with a limit of size and of time."""

import contextlib
import http.client
import os
import queue
import threading
import time
import urllib.error
import urllib.request

from msrnn_keras.utils.progress import Progress

CHUNK = 1 << 20  # bytes
SILENCE = 60  # seconds without a byte
GRACE = 60  # seconds for the connection and the first bytes
SLOWEST = 5_000  # bytes per second after that, on average
WAITS = 1, 4  # seconds before another try
LONGEST_WAIT = 10  # seconds, whatever Retry-After says
TEMPORARY = 429, 500, 502, 503, 504  # answers of a server
PARTIAL, UNSATISFIABLE = 206, 416  # answers to a range
LARGEST = 1 << 30  # bytes of a file of unknown size
SHOWN = 10 << 20  # bytes from which the progress is shown
ENVIRONMENT = "MSRNN_KERAS_DOWNLOAD_SECONDS"


def download(url, path, size=None, answer=GRACE):
    """Copy a URL to a file; limit its `size` and the time it takes.

    A file that is there is continued, if the server knows how. One that is too
    long is left empty.
    """
    start = time.monotonic()
    begun = os.path.getsize(path) if os.path.exists(path) else 0
    with contextlib.closing(_open_from(url, begun, answer)) as response:
        if getattr(response, "status", None) != PARTIAL:
            begun = 0
        told = response.headers.get("Content-Length") or ""
        whole = size
        if size is None and told.isdecimal():
            whole = begun + int(told)
        limit = LARGEST if whole is None else whole
        received, shown = begun, (whole or 0) >= SHOWN
        name = f"downloading {os.path.basename(url)}"
        with (
            Progress(name, whole, "bytes", shown) as progress,
            open(path, "ab" if begun else "wb") as file,
        ):
            while chunk := _read(response, limit + 1 - received):
                received += len(chunk)
                if received > limit:
                    file.truncate(0)
                    raise OSError(
                        f"the file is longer than the {limit} bytes it may have"
                    )
                file.write(chunk)
                _check_pace(received - begun, time.monotonic() - start)
                progress.update(received)
    if received < (whole or 0):
        raise OSError(f"the file ended after {received} of {whole} bytes")


def _open_from(url, begun, answer):
    """Return the response of a URL, from a byte on if the server can."""
    if not begun:
        return _open_patiently(url, answer)
    ranged = {"Range": f"bytes={begun}-"}
    try:
        request = urllib.request.Request(url, headers=ranged)
        response = _open_patiently(request, answer)
    except urllib.error.HTTPError as error:
        if error.code != UNSATISFIABLE:
            raise
        return _open_patiently(url, answer)
    place = response.headers.get("Content-Range") or ""
    if response.status == PARTIAL and not place.startswith(f"bytes {begun}-"):
        response.close()
        return _open_patiently(url, answer)
    return response


def _check_pace(received, seconds):
    if seconds > _allowed(received):
        raise TimeoutError(
            f"the server is too slow: {received} bytes in {seconds:.0f} "
            f"s; {ENVIRONMENT} allows more"
        )


def _open_patiently(url, seconds):
    """Return the response of a URL; try again after a temporary error."""
    for wait in WAITS:
        try:
            return _open(url, seconds)
        except urllib.error.HTTPError as error:
            if error.code not in TEMPORARY:
                raise
            told = error.headers.get("Retry-After") or ""
            time.sleep(
                min(int(told) if told.isdecimal() else wait, LONGEST_WAIT)
            )
    return _open(url, seconds)


def _open(url, seconds):
    """Return the response of a URL, or stop waiting after some seconds."""
    # A thread, because the timeout of a socket starts anew with each byte: a
    # server that sends its headers slowly could hold the caller for hours.
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
    try:
        return response.read1(min(CHUNK, most))
    except http.client.HTTPException as error:
        raise _as_os_error(error) from error


def _as_os_error(error):
    if isinstance(error, (OSError, ValueError)):
        return error
    return OSError(f"{type(error).__name__}: {error}")


def _allowed(received):
    seconds = os.environ.get(ENVIRONMENT)
    if not seconds:
        return GRACE + received / SLOWEST
    try:
        return float(seconds)
    except ValueError:
        raise ValueError(
            f"{ENVIRONMENT} must be a number of seconds. Received: {seconds!r}"
        ) from None
