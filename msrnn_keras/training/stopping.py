"""When a run has to stop: its time is over, or it is told to."""

import signal
import threading
import time

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stopped(Exception):
    """A run was stopped and has saved its state."""


def reraise(number):
    """Do what a signal does outside of a run.

    Its handler is called rather than the signal raised again: what a handler
    raises is lost where Python runs it inside another library's callback.

    Args:
        number: Integer, the signal.

    Raises:
        KeyboardInterrupt: If it is Ctrl-C, unless someone else handles that.
    """
    handler = signal.getsignal(number)
    if callable(handler):
        handler(number, None)
    else:
        signal.raise_signal(number)


class Stop:
    """Knows whether a run has to stop.

    Within `with stop:` Ctrl-C and SIGTERM are noted, so that the run can save
    its state; a second one acts at once. Only the main thread of a process
    can do so.

    Args:
        deadline: Number, `time.monotonic()` by which all must be saved; None
            is never.
    """

    def __init__(self, deadline=None):
        self.deadline = deadline
        self.signal = None
        self._handlers = {}

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
        """Whether the run cannot go on for so many seconds.

        Args:
            seconds: Number, what the next step and saving take.

        Returns:
            Boolean.
        """
        late = (
            self.deadline is not None
            and time.monotonic() + seconds > self.deadline
        )
        return self.signal is not None or late
