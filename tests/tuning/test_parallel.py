"""A chief and two workers, each a process of this machine."""

import os
import pathlib
import socket
import subprocess
import sys

import pytest

from msrnn_keras.tuning import search as module
from tests.tuning.searches import by_trial, search

pytestmark = pytest.mark.backend_free  # The processes use PyTorch.

ROOT = pathlib.Path(__file__).parents[2]
# Starts when all three are ready: a worker that starts after the search would
# wait for its chief. KerasTuner's chief checks every 20 s whether it is done.
PROCESS = """
import os, pathlib, sys, time, types
from keras_tuner.src.distribute import oracle_chief
from tests.tuning.searches import search

ready, folder = map(pathlib.Path, sys.argv[1:])
short = lambda seconds: time.sleep(min(seconds, 0.2))
oracle_chief.time = types.SimpleNamespace(sleep=short)
(ready / os.environ["KERASTUNER_TUNER_ID"]).touch()
while len(list(ready.iterdir())) < 3:
    time.sleep(0.05)
tuner = search(folder, verbose=1)
print("leads", tuner.leads, tuner.finished)
"""


def run(processes):
    """Return the outputs; end all processes if one takes too long."""
    try:
        outputs = [p.communicate(timeout=150)[0] for p in processes]
    finally:
        for process in processes:
            process.kill()
            process.wait()
    assert [p.returncode for p in processes] == [0, 0, 0], outputs
    return outputs


def test_chief_and_two_workers_share_a_search(uncut, tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (tmp_path / "ready").mkdir()
    folder = tmp_path / "run"
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", PROCESS, str(tmp_path / "ready"), folder],
            cwd=ROOT,
            env={
                **os.environ,
                "KERAS_BACKEND": "torch",
                "OMP_NUM_THREADS": "1",
                "KERASTUNER_TUNER_ID": name,
                "KERASTUNER_ORACLE_IP": "127.0.0.1",
                "KERASTUNER_ORACLE_PORT": str(port),
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for name in ("chief", "worker0", "worker1")
    ]
    chief, *workers = run(processes)
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
