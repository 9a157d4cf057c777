import signal
import threading

import pytest

from msrnn_keras.training.stopping import Stop, reraise
from tests.ctrl_c import interrupting

pytestmark = pytest.mark.backend_free


def test_first_signal_is_recorded_second_one_acts():
    number, received = signal.SIGTERM, []
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
        signal.signal(number, signal.SIG_IGN)
        reraise(number)  # ignored
    finally:
        signal.signal(number, before)
    with interrupting(), pytest.raises(KeyboardInterrupt), Stop():
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
    with interrupting(), pytest.raises(KeyboardInterrupt):
        reraise(signal.SIGINT)
    seen, before = [], signal.getsignal(signal.SIGTERM)

    def look():
        with Stop() as stop:
            seen.extend([signal.getsignal(signal.SIGTERM), stop.within(0)])

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert seen == [before, False]
