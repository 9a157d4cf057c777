"""Ctrl-C in a test, even if the tests run with it ignored."""

import contextlib
import signal


@contextlib.contextmanager
def interrupting():
    """Let SIGINT raise KeyboardInterrupt.

    A shell starts background jobs with SIGINT ignored.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
