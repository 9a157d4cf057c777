"""Signals in a test, even if the tests run with Ctrl-C ignored."""

import contextlib
import os
import signal
import sys
from unittest import mock

from msrnn_keras.cli.interrupts import WORDS, interrupts


@contextlib.contextmanager
def interrupting():
    """Let SIGINT raise KeyboardInterrupt.

    A shell starts background jobs with SIGINT ignored.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextlib.contextmanager
def installed(insist=False):
    """Handle signals as the process of a command does, once it has started.

    Without `insist` a signal that is lost does not come again, nor end the
    process.
    """
    before = [signal.signal(number, signal.SIG_DFL) for number in WORDS]
    hook = sys.unraisablehook
    state = dict(vars(interrupts))
    interrupts.install()
    interrupts.starting = False
    stderr, interrupts.stderr = interrupts.stderr, None  # as tests capture it
    os.close(stderr)
    try:
        stub = mock.patch.object(interrupts, "_insist")
        with contextlib.nullcontext() if insist else stub:
            yield interrupts
    finally:
        vars(interrupts).update(state)
        sys.unraisablehook = hook
        for number, handler in zip(WORDS, before, strict=True):
            signal.signal(number, handler)
