"""A signal ends a command with one line, whatever a library makes of it."""

import contextlib
import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest

from msrnn_keras.cli import interrupts as module
from msrnn_keras.cli import main
from tests.ctrl_c import installed, interrupting

pytestmark = [
    pytest.mark.backend_free,
    pytest.mark.skipif(os.name != "posix", reason="signals"),
]
ROOT = pathlib.Path(__file__).parents[2]


def start(*arguments):
    with interrupting():  # Children inherit whether it is ignored.
        return subprocess.Popen(
            [sys.executable, "-m", "msrnn_keras.cli", *map(str, arguments)],
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )


def handles_signals(process):
    """Whether a process handles SIGTERM, as Linux says."""
    status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    (caught,) = (x for x in status.splitlines() if x.startswith("SigCgt"))
    return int(caught.split()[1], 16) >> (signal.SIGTERM - 1) & 1


@pytest.mark.skipif(not pathlib.Path("/proc/self").exists(), reason="Linux")
@pytest.mark.parametrize("seconds", [0.0, 0.7])
def test_a_signal_while_keras_is_imported(seconds):
    process = start("summary", "convlstm")
    while process.poll() is None and not handles_signals(process):
        time.sleep(0.01)
    time.sleep(seconds)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    # The first line comes before the command is known.
    assert process.returncode == 130
    assert errors in ("msrnn: stopped\n", "msrnn summary: stopped\n")


class Careless:
    """A library's callback, in which an exception is lost."""

    def __del__(self):
        signal.raise_signal(signal.SIGINT)


def test_an_exception_that_a_library_loses_or_changes(monkeypatch, capfd):
    def lose(options):
        Careless()
        time.sleep(5)

    def change(options):
        try:
            signal.raise_signal(signal.SIGTERM)
        except KeyboardInterrupt as error:
            raise RuntimeError("INTERNAL: callback failed") from error

    monkeypatch.setattr(module, "AGAIN", (0.1, 0.2, 9.0))
    monkeypatch.setattr(sys, "unraisablehook", sys.__unraisablehook__)
    for run, word, status in (
        (change, "terminated", 143),
        (lose, "stopped", 130),
    ):
        monkeypatch.setattr(main.presets, "run_list", run)
        with installed(insist=run is lose):
            assert main.main(["list"]) == status
        assert capfd.readouterr().err == f"msrnn list: {word}\n"


def test_the_process_ends_though_the_signal_is_ignored(monkeypatch, capfd):
    left = []
    monkeypatch.setattr(module, "AGAIN", (0.0, 0.0))
    monkeypatch.setattr(module.os, "_exit", left.append)
    with installed(insist=True) as interrupts:
        for _ in range(3):
            with contextlib.suppress(KeyboardInterrupt):
                signal.raise_signal(signal.SIGTERM)
                time.sleep(10)
        for _ in range(500):
            if left:
                break
            with contextlib.suppress(KeyboardInterrupt):
                time.sleep(0.01)
        assert interrupts.tell("again") == 143
    assert left == [143]
    assert capfd.readouterr().err.count("terminated") == 1


def test_the_start_ends_at_once(monkeypatch, capfd):
    """Imports lose exceptions, and print long ones."""

    def leave(status):
        raise SystemExit(status)

    monkeypatch.setattr(module.os, "_exit", leave)
    monkeypatch.setattr(sys, "argv", ["msrnn", "train", "recipe"])
    with installed() as interrupts:
        interrupts.starting = True
        with pytest.raises(SystemExit, match="130"):
            signal.raise_signal(signal.SIGINT)
    assert capfd.readouterr().err == "msrnn train: stopped\n"


def test_ignored_signals_stay_ignored():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        module.Interrupts().install()
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
