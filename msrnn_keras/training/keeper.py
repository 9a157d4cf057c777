"""The callback that saves a run and stops it in time."""

import math
import pathlib
import tempfile
import time

import keras

from msrnn_keras import distribution
from msrnn_keras.training import checkpoints
from msrnn_keras.training.averages import Averages
from msrnn_keras.training.checkpoints import Position
from msrnn_keras.training.history import read_history, score_name, write_history
from msrnn_keras.training.stopping import Stop, Stopped
from msrnn_keras.utils.files import write_atomically
from msrnn_keras.utils.weights_file import save_weights

BEST = "best.weights.h5"
COPIES = "weights"  # folder of copies, to compare runs at equal cost
COPY_SECONDS = 2 * 3600  # CPU time between two copies
SAVING = 5.0  # assumed seconds of saving, until it is measured
MARGIN = 1.5  # factor on the measured time of a step and saving


class RunKeeper(keras.callbacks.Callback):
    """Saves a run and stops it in time: a saved run ends `fit` by `Stopped`."""

    def __init__(
        self,
        run_dir,
        steps,
        position=None,
        stop=None,
        group=None,
        checkpoint_minutes=10,
        max_cpu_seconds=None,
    ):
        super().__init__()
        self.group = group or distribution.Group()
        self.position = position or Position()
        self.rows = read_history(run_dir)[: self.position.epoch]
        self.run_dir = pathlib.Path(run_dir)
        if not self.group.is_main:  # TensorFlow requires that all write
            self._elsewhere = tempfile.TemporaryDirectory()
            self.run_dir = pathlib.Path(self._elsewhere.name)
        self.steps, self.stop = steps, stop or Stop()
        self.interval = 60 * checkpoint_minutes
        self.max_cpu_seconds = max_cpu_seconds or math.inf
        self.saving, self.saved = SAVING, None  # seconds; position on disk
        self._saved = time.monotonic()
        self._steps, self._tests, self._averages = _Pace(), _Pace(), None

    # === Training ===

    def on_epoch_begin(self, epoch, logs=None):
        if epoch != self.position.epoch:
            self.position = Position(epoch)
        if self._averages is not None:
            self._averages.own = None
        self._part, self._done = {}, 0  # means and steps since then
        self._begun = self._last = time.monotonic()
        self._cpu_begun = time.process_time()

    def on_train_batch_end(self, batch, logs=None):
        self._done += 1
        _check_finite("loss", logs, self._here())
        late = time.monotonic() - self._saved >= self.interval
        due = late and self._here().step < self.steps
        self._save_or_stop(due, self._steps, self._measure)

    def on_train_end(self, logs=None):
        self._averages.restore()  # Keras leaves the averages in the model.

    # === Validation ===

    def on_test_begin(self, logs=None):
        if self._done:
            self._measure()  # before Keras resets the metrics
        self._averages = self._averages or Averages(self.model)
        self._averages.__enter__()
        self._last = time.monotonic()

    def on_test_batch_end(self, batch, logs=None):
        self._save_or_stop(False, self._tests, self._back_in_training)

    def on_test_end(self, logs=None):
        self._averages.__exit__()

    def on_epoch_end(self, epoch, logs=None):
        here = self._here()
        row = {name: float(value) for name, value in logs.items()}
        row |= here.means
        logs.update(here.means)  # for later callbacks
        score = score_name(row)
        _check_finite(score, row, here)
        best = min((r[score] for r in self.rows), default=float("inf"))
        cpu_before = self._cpu_seconds()
        names = ("seconds", "cpu_seconds")
        times = {name: round(getattr(here, name), 1) for name in names}
        self.rows.append({"epoch": epoch, **times, **row})
        if row[score] < best:
            self._write_averages(BEST)
        if self._cpu_seconds() // COPY_SECONDS > cpu_before // COPY_SECONDS:
            self._write_averages(f"{COPIES}/epoch-{epoch + 1}.weights.h5")
        write_history(self.run_dir, self.rows)
        self._save(Position(epoch + 1))
        self._averages.keep()

    def validate(self, model, dataset, callbacks):
        """Finish an epoch of which only the validation is missing."""
        epoch, options = self.position.epoch, {"callbacks": callbacks}
        self.on_epoch_begin(epoch)
        scores = model.evaluate(dataset, verbose=0, return_dict=True, **options)
        logs = {f"val_{name}": value for name, value in scores.items()}
        logs = {**self.position.means, **logs}
        for callback in callbacks:
            callback.on_epoch_end(epoch, logs)

    # === Saving ===

    def _measure(self):
        """Record the mean training scores since the start of this part."""
        results = self.model.get_metrics_result()
        self._part = {name: float(value) for name, value in results.items()}

    def _back_in_training(self):
        """Leave validation; on JAX `self.model` gets its state back."""
        self._averages.model = self.model
        self._averages.restore()

    def spent(self, position):
        """Return whether the CPU time of the run is used up."""
        used = self._cpu_seconds() + position.cpu_seconds
        return used >= self.max_cpu_seconds

    def _write_averages(self, name):
        """Write the averaged weights to a file in the run directory."""
        path = self.run_dir / name
        path.parent.mkdir(exist_ok=True)
        with self._averages:
            write_atomically(path, lambda to: save_weights(self.model, to))

    def _cpu_seconds(self):
        """Return the CPU time of the finished epochs."""
        return sum(row.get("cpu_seconds", 0) for row in self.rows)

    def _here(self):
        """Return the current position."""
        before, done = self.position, self._done
        step = before.step + done
        means = {**self._part, **before.means}
        for name in self._part if before.step else ():
            total = before.step * before.means[name] + done * self._part[name]
            means[name] = total / step
        seconds = before.seconds + time.monotonic() - self._begun
        cpu_seconds = before.cpu_seconds + time.process_time() - self._cpu_begun
        return Position(before.epoch, step, seconds, means, cpu_seconds)

    def _save_or_stop(self, due, pace, prepare):
        """Save if due; save and stop if there is no time for another step."""
        pace.add(time.monotonic() - self._last)
        needed = pace.longest + self.saving * (2 if due else 1)
        stop = self.stop.within(MARGIN * needed) or self.spent(self._here())
        if self.group.any(due or stop):
            prepare()
            self._save(self._here())
            if self.group.any(stop):
                raise Stopped
        self._last = time.monotonic()

    def _save(self, position):
        start = time.monotonic()
        checkpoints.save(self.run_dir, self.model, position)
        self.saved, self._saved = position, time.monotonic()
        self.saving = self._saved - start


class _Pace:
    """The longest of the steps after the first, which may compile."""

    longest, _count = 0.0, 0

    def add(self, seconds):
        self._count += 1
        before = self.longest if self._count > 2 else 0.0
        self.longest = max(before, seconds)


def _check_finite(name, logs, position):
    if not math.isfinite(float(logs[name])):
        raise FloatingPointError(
            f"`{name}` is no longer finite after "
            f"{checkpoints.describe(position)}; {checkpoints.CHECKPOINT} "
            "holds the last good state, if any. "
            f"Received: {name}={float(logs[name])}"
        )
