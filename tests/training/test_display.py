import io
import sys
import time
import types

import pytest

from msrnn_keras.training.checkpoints import Position
from msrnn_keras.training.display import Display, duration

pytestmark = pytest.mark.backend_free


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def clock(monkeypatch):
    clock = types.SimpleNamespace(now=0.0)
    monkeypatch.setattr(time, "monotonic", lambda: clock.now)
    return clock


def run_epoch(display, clock, epoch, first=0, compiling=0.0):
    display.on_epoch_begin(epoch)
    for batch in range(display.steps - first):
        clock.now += 3.0 + (compiling if not batch else 0.0)
        display.on_train_batch_end(batch, {"loss": 1234.5678})
    display.on_test_begin()
    clock.now += 12.0
    display.on_test_end()
    display.on_epoch_end(epoch, {"val_mse": 90.14 - epoch})


def test_lines_of_epochs_and_steps(clock, monkeypatch):
    out = io.StringIO()
    display = Display(3, 20, Position(), stream=out)
    for epoch, seconds in enumerate((600.0, 0.0, 0.0)):
        run_epoch(display, clock, epoch, compiling=seconds)
    assert out.getvalue().splitlines() == [
        "epoch 1/3, val_mse 90.1, 2 min left",  # 2 epochs of 72 s
        "epoch 2/3, val_mse 89.1, 1 min left",
        "epoch 3/3, val_mse 88.1",
    ]
    out = Terminal()
    display = Display(3, 20, Position(1, 18), stream=out)
    run_epoch(display, clock, 1, first=18)
    first, second, erased, last, end = out.getvalue().split("\r")[1:] + [""]
    assert first.rstrip() == "epoch 2/3, step 19/20, loss 1235"
    # This step and 20 more; the time of a validation is not known yet.
    assert second.rstrip() == "epoch 2/3, step 20/20, loss 1235, 1 min left"
    assert not erased.strip() and not end
    assert last == "epoch 2/3, val_mse 89.1, 1 min left\n"
    result, terminal = io.StringIO(), Terminal()
    monkeypatch.setattr(sys, "stdout", result)
    monkeypatch.setattr(sys, "stderr", terminal)
    run_epoch(Display(1, 2, Position()), clock, 0)
    assert result.getvalue() == "epoch 1/1, val_mse 90.1\n"
    assert "step 2/2" in terminal.getvalue()
    out = Terminal()  # with verbose=2
    run_epoch(Display(1, 2, Position(), 2, out), clock, 0)
    assert out.getvalue() == "epoch 1/1, val_mse 90.1\n"
    for step, note in ((7, ""), (20, "; its validation will start again")):
        out = io.StringIO()
        Display(3, 20, Position(), stream=out).stopped(Position(1, step))
        line = f"stopped and saved: epoch 2/3, step {step}/20{note}\n"
        assert out.getvalue() == line
    words = [duration(seconds) for seconds in (0.4, 59, 60, 3599, 7500)]
    assert words == ["0 s", "59 s", "1 min", "1 h 0 min", "2 h 5 min"]
