import os
import pathlib
import signal
import socket
import subprocess
import sys

import pytest

from msrnn_keras.tuning import search as module
from tests.tuning.searches import by_trial, search

pytestmark = pytest.mark.backend_free  # The processes use PyTorch.

ROOT = pathlib.Path(__file__).parents[2]
# Forks a chief and its workers, which start together: a worker that starts
# after the search would wait for its chief. The first to get a trial waits for
# the other. KerasTuner's chief checks every 20 s whether it is done.
PROCESSES = """
import contextlib, os, pathlib, sys, time, traceback, types
from keras_tuner.src.distribute import oracle_chief
from msrnn_keras.tuning import search as module
from tests.tuning.searches import search

ready, folder = map(pathlib.Path, sys.argv[1:])
short = lambda seconds: time.sleep(min(seconds, 0.2))
oracle_chief.time = types.SimpleNamespace(sleep=short)
begin = module._Lines.on_trial_begin

def meet(tuner, trial):
    begin(tuner, trial)
    (ready.parent / f"busy-{os.getpid()}").touch()
    while len(list(ready.parent.glob("busy-*"))) < 2:
        time.sleep(0.05)

module._Lines.on_trial_begin = meet

def lead_or_work(name):
    os.environ["KERASTUNER_TUNER_ID"] = name
    (ready / f"{name}.txt").touch()
    while len(list(ready.iterdir())) < 3:
        time.sleep(0.05)
    with (ready / f"{name}.txt").open("w") as file:
        with contextlib.redirect_stdout(file):
            tuner = search(folder, verbose=1)
            print("leads", tuner.leads, tuner.finished)

children = []
for name in ("chief", "worker0", "worker1"):
    children.append(os.fork())
    if not children[-1]:
        try:
            lead_or_work(name)
            os._exit(0)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(1)
sys.exit(any([os.waitpid(child, 0)[1] for child in children]))
"""


def test_chief_and_two_workers_share_a_search(uncut, tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    ready, folder = tmp_path / "ready", tmp_path / "run"
    ready.mkdir()
    variables = {
        **{"KERAS_BACKEND": "torch", "OMP_NUM_THREADS": "1"},
        **{"KERASTUNER_ORACLE_IP": "127.0.0.1"},
        "KERASTUNER_ORACLE_PORT": str(port),
    }
    process = subprocess.Popen(
        [sys.executable, "-c", PROCESSES, ready, folder],
        cwd=ROOT,
        env={**os.environ, **variables},
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        _, errors = process.communicate(timeout=150)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        raise
    assert process.returncode == 0, errors
    chief, *workers = [path.read_text() for path in sorted(ready.iterdir())]
    assert "leads True True" in chief and "val_mse" not in chief
    done = []
    for output in workers:
        assert "leads False True" in output
        trials = [x for x in output.splitlines() if x.startswith("Trial ")]
        assert trials  # Both workers train.
        done += [line.split()[1].rstrip(":") for line in trials]
    assert sorted(done) == ["0", "1"]
    assert (folder / "best.toml").exists()
    # The trials are those of one process.
    shared, alone = by_trial(folder), by_trial(uncut[0])
    assert shared.keys() == alone.keys()
    for trial, result in shared.items():
        assert result["values"] == pytest.approx(alone[trial]["values"])
        score = pytest.approx(alone[trial]["val_mse"], rel=1e-3)
        assert result["val_mse"] == score
    search(folder)  # One process finds the search complete, too.
    assert by_trial(folder) == shared


def test_role_of_the_process(monkeypatch, tmp_path):
    for name in module.VARIABLES:
        monkeypatch.delenv(name, raising=False)
    assert module.role_of_process() == "alone"
    monkeypatch.setenv("KERASTUNER_ORACLE_IP", "127.0.0.1")
    monkeypatch.setenv("KERASTUNER_ORACLE_PORT", "9")
    with pytest.raises(ValueError, match="Received: no KERASTUNER_TUNER_ID"):
        search(tmp_path / "run")
    for name, role in (("the-chief", "chief"), ("worker0", "worker")):
        monkeypatch.setenv("KERASTUNER_TUNER_ID", name)
        assert module.role_of_process() == role
    with pytest.raises(ValueError, match="not for a chief.*max_minutes=1"):
        search(tmp_path / "run", max_minutes=1)
    assert not (tmp_path / "run").exists()
