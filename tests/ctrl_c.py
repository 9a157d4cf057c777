"""Ctrl-C in a test, also where the tests run with it ignored."""

import contextlib
import signal


@contextlib.contextmanager
def interrupting():
    """Within it SIGINT raises KeyboardInterrupt.

    A shell starts what it runs in the background with SIGINT ignored.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
