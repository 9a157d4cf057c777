"""Progress on a terminal, on standard error."""

import sys
import time

REFRESH = 0.2  # seconds
WIDTH = 79  # columns


def note(text):
    """Print a line on standard error, if it is a terminal."""
    if sys.stderr.isatty():
        print(text, file=sys.stderr, flush=True)


class Progress:
    """One line that says what goes on, such as `scoring mine: 3/8 batches`.

    Args:
        name: String, what goes on.
        total: Integer, or None if unknown.
        unit: String, what is counted, in the plural.
        shown: Boolean; False shows nothing, as anything but a terminal does.
    """

    def __init__(self, name, total=None, unit="batches", shown=True):
        self.name, self.total, self.unit = name, total, unit
        self.shown = shown and sys.stderr is not None and sys.stderr.isatty()
        self._last = -REFRESH

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.shown:
            self._write("")
            print(end="\r", file=sys.stderr, flush=True)

    def update(self, count):
        """Show that so many are done."""
        now = time.monotonic()
        if self.shown and now - self._last >= REFRESH:
            self._last = now
            of = "" if self.total is None else f"/{self.total:,}"
            self._write(f"{self.name}: {count:,}{of} {self.unit}")

    def _write(self, text):
        # Spaces erase the line; escape sequences are not for all terminals.
        text = f"\r{text[:WIDTH]:<{WIDTH}}"
        print(text, end="", file=sys.stderr, flush=True)
