"""Progress and remaining time of a run, as text."""

import sys
import time

import keras

from msrnn_keras.training.history import score_name

REFRESH = 1.0  # seconds


class Display(keras.callbacks.Callback):
    """Prints a line for each epoch and, on a terminal, the step (stderr)."""

    def __init__(self, epochs, steps, position, verbose=1, stream=None):
        super().__init__()
        self.epochs, self.steps, self.position = epochs, steps, position
        self.stream = stream or sys.stdout
        self.terminal = stream or sys.stderr
        self.live = verbose == 1 and self.terminal.isatty()
        self.epoch, self.step = position.epoch, position.step
        self._seconds, self._counted, self._seen = 0.0, 0, 0
        self._validation, self._shown = None, -REFRESH

    def on_epoch_begin(self, epoch, logs=None):
        here = epoch == self.position.epoch
        self.epoch, self.step = epoch, self.position.step if here else 0
        self._last = time.monotonic()

    def on_train_batch_end(self, batch, logs=None):
        now = time.monotonic()
        if self._seen:  # The first step may compile.
            self._seconds += now - self._last
            self._counted += 1
        self._last = now
        self._seen += 1
        self.step += 1
        if self.live and now - self._shown >= REFRESH:
            self._shown = now
            text = f"{self._place()}, step {self.step}/{self.steps}"
            text += f", loss {float(logs['loss']):.4g}{self.left()}"
            print(f"\r{text:<79}", end="", file=self.terminal, flush=True)

    def on_test_begin(self, logs=None):
        self._tested = time.monotonic()

    def on_test_end(self, logs=None):
        seconds = time.monotonic() - self._tested
        self._validation = min(seconds, self._validation or seconds)

    def on_epoch_end(self, epoch, logs=None):
        score = score_name(logs)
        text = f"{self._place()}, {score} {logs[score]:.1f}"
        self.epoch, self.step = epoch + 1, 0
        self._line(text + self.left())

    def stopped(self, position):
        """Print the saved position of a run that stopped."""
        text = f"stopped and saved: epoch {position.epoch + 1}/{self.epochs}, "
        text += f"step {position.step}/{self.steps}"
        if position.step == self.steps:
            text += "; its validation will start again"
        self._line(text)

    def left(self):
        """Return the remaining time as `", 5 min left"`, or `""`."""
        epochs = self.epochs - self.epoch
        if not self._counted or not epochs:
            return ""
        pace = self._seconds / self._counted
        seconds = pace * (epochs * self.steps - self.step)
        seconds += epochs * (self._validation or 0.0)
        return f", {duration(seconds)} left"

    def _place(self):
        return f"epoch {self.epoch + 1}/{self.epochs}"

    def _line(self, text):
        if self.live:
            print(f"\r{'':<79}\r", end="", file=self.terminal, flush=True)
        print(text, file=self.stream, flush=True)


def duration(seconds):
    """Return a time as `"40 s"`, `"12 min"` or `"2 h 5 min"`."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"
