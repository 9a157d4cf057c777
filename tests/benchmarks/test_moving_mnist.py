import re

import pytest

from benchmarks import moving_mnist

pytestmark = pytest.mark.backend_free


def test_prints_clips_per_second(capsys, monkeypatch):
    ticks = iter(range(0, 1000, 2))  # each call of a clock adds 2 s
    for clock in ("process_time", "perf_counter"):
        monkeypatch.setattr(moving_mnist.time, clock, lambda: next(ticks))
    arguments = "--size 40 --length 5 --batch 3 --batches 4 --repeats 2"
    moving_mnist.main(arguments.split())
    printed = capsys.readouterr().out
    assert "5×40×40, batches of 3" in printed
    # 12 clips in two calls of the other clock: 4 s.
    assert re.search(r"\| 3 +\| 3 +\|", printed)
