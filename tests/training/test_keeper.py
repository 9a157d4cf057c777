"""`RunKeeper` with a model that only saves."""

import contextlib
import itertools
import math
import time
import types
from dataclasses import replace

import pytest

from msrnn_keras import distribution
from msrnn_keras.training import checkpoints, read_history
from msrnn_keras.training import keeper as module
from msrnn_keras.training.checkpoints import Position
from msrnn_keras.training.keeper import RunKeeper
from msrnn_keras.training.stopping import Stop, Stopped
from tests.runs import contents

pytestmark = pytest.mark.backend_free
STEPS = 3


@pytest.fixture
def clock(monkeypatch):
    """The time, and the duration of a step and of saving."""
    clock = types.SimpleNamespace(now=0.0, step=0.0, saving=0.0)
    monkeypatch.setattr(time, "monotonic", lambda: clock.now)
    return clock


@pytest.fixture(autouse=True)
def saved(monkeypatch, clock):
    """The saved positions."""
    positions = []

    def save(run_dir, model, position):
        clock.now += clock.saving
        positions.append(position)
        (run_dir / "checkpoint.keras").write_text(str(model.epoch))

    monkeypatch.setattr(checkpoints, "save", save)
    return positions


def keeper(folder, *args, **kwargs):
    """Return a `RunKeeper` whose model saves the number of the epoch."""
    keeper = RunKeeper(folder, STEPS, *args, **kwargs)
    model = types.SimpleNamespace(
        optimizer=types.SimpleNamespace(use_ema=False),
        save_weights=lambda path: path.write_text(str(model.epoch)),
        get_metrics_result=lambda: {"loss": model.loss},
        loss=2.0,
        epoch=None,
    )
    keeper.set_model(model)
    return keeper


def train_steps(keeper, epoch, first=0, clock=None):
    keeper.on_epoch_begin(epoch)
    for batch in range(STEPS - first):
        if clock is not None:
            clock.now += clock.step
        keeper.on_train_batch_end(batch, {"loss": 2.0})


def run_epoch(keeper, epoch, val_mse=1.0, first=0, clock=None):
    keeper.model.epoch = epoch
    train_steps(keeper, epoch, first, clock)
    keeper.on_test_begin()
    keeper.on_test_batch_end(0, {"loss": 1.0})
    keeper.on_test_end()
    keeper.on_epoch_end(epoch, {"loss": 2.0, "val_mse": val_mse})


def test_best_weights_are_those_of_the_lowest_score(tmp_path):
    assert read_history(tmp_path) == []
    first = keeper(tmp_path)
    for epoch, val_mse in enumerate([3.0, 2.0, 5.0]):
        run_epoch(first, epoch, val_mse)
    assert contents(tmp_path)["best.weights.h5"] == b"1"
    assert contents(tmp_path)["checkpoint.keras"] == b"2"
    second = keeper(tmp_path, Position(3))
    run_epoch(second, 3, 2.5)
    assert contents(tmp_path)["best.weights.h5"] == b"1"
    run_epoch(second, 4, 1.5)
    assert contents(tmp_path)["best.weights.h5"] == b"4"
    run_epoch(keeper(tmp_path, Position(4)), 4, 1.0)  # A repeated epoch.
    scores = [row["val_mse"] for row in read_history(tmp_path)]
    assert scores == [3.0, 2.0, 5.0, 2.5, 1.0]


def test_interrupted_epoch_has_the_means_of_its_parts(tmp_path, saved, clock):
    cut = Position(0, 2, 30.0, {"loss": 5.0})
    clock.step = 15.0
    run_epoch(keeper(tmp_path, cut), 0, first=2, clock=clock)
    (row,) = read_history(tmp_path)
    assert row["loss"] == pytest.approx((2 * 5.0 + 2.0) / 3)
    assert row["seconds"] == 45.0
    assert saved == [Position(1)]


def test_checkpoint_within_an_epoch(tmp_path, saved, clock):
    clock.step = 40.0
    run_epoch(keeper(tmp_path, checkpoint_minutes=1), 0, clock=clock)
    cut = Position(0, 2, 80.0, {"loss": 2.0})
    assert replace(saved[0], cpu_seconds=0) == cut
    assert saved[1:] == [Position(1)]


@pytest.mark.parametrize(
    "minutes, steps",
    # A step takes 20 s, saving is assumed to take 5 s: 37.5 s with the margin.
    [(2, 3), (1.0, 2), (58 / 60, 2), (57 / 60, 1)],
)
def test_run_stops_before_its_deadline(tmp_path, saved, clock, minutes, steps):
    clock.step = 20.0
    stop = Stop(deadline=60 * minutes)
    limited = keeper(tmp_path, stop=stop)
    with pytest.raises(Stopped) if steps < 3 else contextlib.nullcontext():
        run_epoch(limited, 0, clock=clock)
    assert saved[0].step == (steps if steps < 3 else 0)
    assert limited.saved == saved[-1]


def test_slow_saving_stops_the_run_earlier(tmp_path, saved, clock):
    clock.step, clock.saving = 1.0, 20.0
    stop = Stop(deadline=60.0)
    limited = keeper(tmp_path, stop=stop, checkpoint_minutes=1 / 60)
    with pytest.raises(Stopped):  # Another step and saving would be late.
        run_epoch(limited, 0, clock=clock)
    assert [position.step for position in saved] == [1, 2]
    assert clock.now == 42


def test_time_of_the_first_step_counts_once(tmp_path, saved, clock):
    limited = keeper(tmp_path, stop=Stop(deadline=400.0))
    limited.on_epoch_begin(0)
    for seconds in (200.0, 10.0):
        clock.now += seconds
        if seconds == 200.0:
            limited.stop.deadline = 1000.0
        limited.on_train_batch_end(0, {"loss": 2.0})
        limited.stop.deadline = 400.0
    assert not saved
    clock.now += 190.0
    with pytest.raises(Stopped):
        limited.on_train_batch_end(0, {"loss": 2.0})


def test_interrupted_validation_starts_again(tmp_path, saved):
    stop = Stop()
    told = keeper(tmp_path, stop=stop)
    train_steps(told, 0)
    told.on_test_begin()
    told.model.loss = 9.0  # The metrics are those of validation now.
    stop.signal = 15
    with pytest.raises(Stopped):
        told.on_test_batch_end(0, {"loss": 9.0})
    (position,) = saved
    assert (position.epoch, position.step) == (0, STEPS)
    assert position.means == {"loss": 2.0}


class Second(distribution.Group):
    """A process that is not the main one; the main one has to stop."""

    is_main = False

    def any(self, flag):
        return True


def test_only_the_main_process_leaves_files(tmp_path):
    run_epoch(keeper(tmp_path), 0, 3.0)
    before = contents(tmp_path)
    second = keeper(tmp_path, Position(1), group=Second())
    second.group.any = lambda flag: flag
    assert [row["val_mse"] for row in second.rows] == [3.0]
    run_epoch(second, 1, 2.0)
    assert contents(tmp_path) == before
    assert "best.weights.h5" in contents(second.run_dir)
    with pytest.raises(Stopped):  # All processes stop together.
        run_epoch(keeper(tmp_path, group=Second()), 0)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_score_that_is_not_finite_keeps_the_checkpoint(tmp_path, value):
    run = keeper(tmp_path)
    run_epoch(run, 0)
    before = contents(tmp_path)
    with pytest.raises(FloatingPointError, match="Received: val_mse="):
        run_epoch(run, 1, value)
    with pytest.raises(FloatingPointError, match="epoch 2; .*Received: loss="):
        run.on_train_batch_end(0, {"loss": value})
    assert contents(tmp_path) == before


def test_copies_of_the_weights_by_cpu_time(tmp_path, monkeypatch):
    ticks = itertools.count()
    monkeypatch.setattr(time, "process_time", lambda: next(ticks))
    monkeypatch.setattr(module, "COPY_SECONDS", 1)
    run = keeper(tmp_path)
    run_epoch(run, 0)
    run_epoch(run, 1, val_mse=2.0)  # also an epoch that is not the best one
    assert contents(tmp_path / "weights") == {
        "epoch-1.weights.h5": b"0",
        "epoch-2.weights.h5": b"1",
    }
    assert all(row["cpu_seconds"] > 0 for row in read_history(tmp_path))
