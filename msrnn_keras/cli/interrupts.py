"""Ctrl-C and SIGTERM: a command ends with one line and the shell's status.

Nothing here imports Keras, so that it works from the start.
"""

import contextlib
import os
import signal
import sys
import threading
import time

WORDS = {signal.SIGINT: "stopped", signal.SIGTERM: "terminated"}
BASE = 128  # plus the signal's number, as a shell says it
# Libraries lose exceptions in callbacks and destructors. So many seconds after
# the signal it is raised again, and after the last the process ends.
AGAIN = 3.0, 6.0, 9.0


class Interrupts:
    """The signals of a process that runs one command."""

    def __init__(self):
        self.starting, self.stderr = True, None
        self.begin()

    def begin(self):
        """Forget the signals of an earlier command."""
        self.number = None  # of the first signal
        self.told, self.thread = False, None

    def install(self):
        """Handle the signals, unless they are ignored (`nohup`)."""
        self.stderr = os.dup(2)  # Imports may silence the other.
        for number in WORDS:
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self.receive)

    def receive(self, number, frame):
        """Raise KeyboardInterrupt; end the process where that is safe."""
        if self.starting:  # Nothing is open, and imports lose exceptions.
            self._leave(number)
        if self.number is None:
            self.number = number
            sys.unraisablehook = lambda lost: None  # It prints a traceback.
            self.thread = threading.Thread(target=self._insist, daemon=True)
            self.thread.start()
        raise KeyboardInterrupt

    def tell(self, name):
        """Print the line of a command, once; return the exit status."""
        number = self.number or signal.SIGINT
        if not self.told:
            self.told = True
            line = f"{name}: {WORDS[number]}\n"
            if self.stderr is None:
                sys.stderr.write(line)
            else:
                os.write(self.stderr, line.encode())
        return BASE + number

    def ending(self):
        """Let no signal disturb the end of the process."""
        for number in WORDS:
            if signal.getsignal(number) == self.receive:
                signal.signal(number, signal.SIG_IGN)

    def _insist(self):
        start, main = time.monotonic(), threading.main_thread().ident
        for seconds in AGAIN:
            time.sleep(max(0.0, start + seconds - time.monotonic()))
            if self.thread is not threading.current_thread():
                return  # Another command has begun.
            if not self.told and hasattr(signal, "pthread_kill"):
                signal.pthread_kill(main, self.number)
        self._leave(self.number)

    def _leave(self, number):
        self.number = number
        with contextlib.suppress(OSError):
            self.tell(" ".join(["msrnn", *sys.argv[1:2]]))
        os._exit(BASE + number)


interrupts = Interrupts()
