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
    positions = []

    def save(run_dir, model, position):
        clock.now += clock.saving
        positions.append(position)
        (run_dir / "checkpoint.keras").write_text(str(model.epoch))

    monkeypatch.setattr(checkpoints, "save", save)
    return positions


def keeper(folder, *args, **kwargs):
    keeper = RunKeeper(folder, STEPS, *args, **kwargs)
    model = types.SimpleNamespace(
        variables=[],
        optimizer=types.SimpleNamespace(use_ema=False, variables=[]),
        save_weights=lambda path: path.write_text(str(model.epoch)),
        get_metrics_result=lambda: {"loss": model.loss},
        loss=2.0,
        epoch=None,
    )
    keeper.set_model(model)
    return keeper


def run_epoch(keeper, epoch, val_mse=1.0, first=0, clock=None):
    keeper.model.epoch = epoch
    keeper.on_epoch_begin(epoch)
    for batch in range(STEPS - first):
        if clock is not None:
            clock.now += clock.step
        keeper.on_train_batch_end(batch, {"loss": 2.0})
    keeper.on_test_begin()
    keeper.on_test_batch_end(0, {"loss": 1.0})
    keeper.on_test_end()
    keeper.on_epoch_end(epoch, {"loss": 2.0, "val_mse": val_mse})


def test_best_weights_are_those_of_the_lowest_score(tmp_path):
    assert read_history(tmp_path) == []
    first = keeper(tmp_path)
    for epoch, val_mse in enumerate([3.0, 2.0, 5.0]):
        run_epoch(first, epoch, val_mse)
    best = tmp_path / "best.weights.h5"
    assert best.read_text() == "1"
    assert (tmp_path / "checkpoint.keras").read_text() == "2"
    second = keeper(tmp_path, Position(3))
    run_epoch(second, 3, 2.5)
    assert best.read_text() == "1"
    run_epoch(second, 4, 1.5)
    assert best.read_text() == "4"
    run_epoch(keeper(tmp_path, Position(4)), 4, 1.0)  # A repeated epoch.
    scores = [row["val_mse"] for row in read_history(tmp_path)]
    assert scores == [3.0, 2.0, 5.0, 2.5, 1.0]


def test_checkpoint_within_an_epoch(tmp_path, saved, clock):
    clock.step = 40.0
    run_epoch(keeper(tmp_path, checkpoint_minutes=1), 0, clock=clock)
    cut = Position(0, 2, 80.0, {"loss": 2.0})
    assert replace(saved[0], cpu_seconds=0) == cut
    assert saved[1:] == [Position(1)]
    # An interrupted epoch has the means of its parts.
    cut = replace(cut, means={"loss": 5.0})
    run_epoch(keeper(tmp_path, cut), 0, first=2, clock=clock)
    (row,) = read_history(tmp_path)
    assert row["loss"] == pytest.approx((2 * 5.0 + 2.0) / 3)
    assert row["seconds"] == 120.0
    assert saved[2:] == [Position(1)]


def test_run_stops_before_its_deadline(tmp_path, saved, clock):
    clock.step = 20.0
    # Saving is assumed to take 5 s: 37.5 s with the step and the margin.
    for seconds, step in ((60, 2), (58, 2), (57, 1)):
        limited = keeper(tmp_path, stop=Stop(deadline=clock.now + seconds))
        with pytest.raises(Stopped):
            run_epoch(limited, 0, clock=clock)
        assert saved[-1].step == step and limited.saved == saved[-1]
    run_epoch(keeper(tmp_path, stop=Stop(clock.now + 120)), 0, clock=clock)
    assert saved[3:] == [Position(1)]


def test_slow_saving_stops_the_run_earlier(tmp_path, saved, clock):
    clock.step, clock.saving = 1.0, 20.0
    limited = keeper(tmp_path, stop=Stop(60.0), checkpoint_minutes=1 / 60)
    with pytest.raises(Stopped):  # Another step and saving would be late.
        run_epoch(limited, 0, clock=clock)
    assert [position.step for position in saved] == [1, 2]
    assert clock.now == 42


def test_time_of_the_first_step_counts_once(tmp_path, saved, clock):
    limited = keeper(tmp_path, stop=Stop())
    limited.on_epoch_begin(0)
    for seconds, deadline in ((200.0, 1000.0), (10.0, 400.0)):
        clock.now += seconds
        limited.stop.deadline = deadline
        limited.on_train_batch_end(0, {"loss": 2.0})
    assert not saved
    clock.now += 190.0
    with pytest.raises(Stopped):
        limited.on_train_batch_end(0, {"loss": 2.0})


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


def test_score_that_is_not_finite_keeps_the_checkpoint(tmp_path):
    run = keeper(tmp_path)
    run_epoch(run, 0)
    before, message = contents(tmp_path), "epoch 2; .*Received: loss="
    for value in (math.nan, math.inf):
        with pytest.raises(FloatingPointError, match="Received: val_mse="):
            run_epoch(run, 1, value)
        with pytest.raises(FloatingPointError, match=message):
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
