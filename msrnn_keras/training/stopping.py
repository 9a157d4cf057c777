"""When a run has to stop: a deadline or a signal."""

import math
import signal
import threading
import time

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stopped(Exception):
    """A run has stopped and saved its state."""


def reraise(number):
    """Handle a signal as outside of a run."""
    handler = signal.getsignal(number)
    if callable(handler):
        # Python loses an exception of a handler that a library called.
        handler(number, None)
    else:
        signal.raise_signal(number)


class Stop:
    """Records the first Ctrl-C or SIGTERM, so that the run can save itself."""

    def __init__(self, deadline=None):
        self.deadline, self.signal, self._handlers = deadline, None, {}

    def __enter__(self):
        if threading.current_thread() is threading.main_thread():
            for number in SIGNALS:
                self._handlers[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *_):
        for number, handler in self._handlers.items():
            signal.signal(number, handler or signal.SIG_DFL)
        self._handlers = {}

    def _note(self, number, frame):
        if self.signal is not None:
            self.__exit__()
            reraise(number)
        self.signal = number

    def within(self, seconds):
        """Return whether the run must stop within so many seconds."""
        end = math.inf if self.deadline is None else self.deadline
        return time.monotonic() + seconds > end or self.signal is not None
