"""Signals and the deadline of a run."""

import signal
import threading
import time

import pytest

from msrnn_keras.training.stopping import Stop, reraise
from tests.ctrl_c import interrupting

pytestmark = pytest.mark.backend_free


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_first_signal_is_recorded_second_one_acts(number):
    received = []
    before = signal.signal(number, lambda *args: received.append(args[0]))
    try:
        handler = signal.getsignal(number)
        with Stop() as stop:
            assert not stop.within(1e9)
            signal.raise_signal(number)
            assert stop.within(0) and stop.signal == number
            assert not received
            signal.raise_signal(number)
            assert received == [number]
        assert signal.getsignal(number) is handler
    finally:
        signal.signal(number, before)


def test_reraise_calls_the_handler():
    with interrupting(), pytest.raises(KeyboardInterrupt):
        reraise(signal.SIGINT)
    with interrupting(), pytest.raises(KeyboardInterrupt), Stop():
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        reraise(signal.SIGTERM)  # ignored
    finally:
        signal.signal(signal.SIGTERM, before)


def test_other_threads_leave_signals_alone():
    seen = []

    def look():
        with Stop() as stop:
            seen.append(signal.getsignal(signal.SIGTERM))
            seen.append(stop.within(0))

    before = signal.getsignal(signal.SIGTERM)
    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert seen == [before, False]


def test_the_deadline(monkeypatch):
    monkeypatch.setattr(time, "monotonic", lambda: 100.0)
    stop = Stop(deadline=110.0)
    assert not stop.within(10.0)
    assert stop.within(10.5)
    assert not Stop().within(1e9)
