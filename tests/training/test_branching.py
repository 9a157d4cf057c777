"""Prolonged runs, and decays branched off a run; test_cuts.py trains one."""

import shutil

import pytest

from msrnn_keras.training import branch_run, checkpoints, read_history, train
from tests.runs import contents

pytestmark = pytest.mark.backend_free
STEPS = 3  # of an epoch


def test_branching_again_changes_nothing(tmp_path, steady, steady_uncut):
    first = branch_run(steady, steady_uncut, tmp_path / "branch", 4)
    assert (first.training.epochs, first.training.decay_steps) == (5, 6)
    before = contents(tmp_path / "branch")
    assert set(before) == set(contents(steady_uncut)) - {"previous.keras"}
    assert branch_run(steady, steady_uncut, tmp_path / "branch", 9) == first
    assert contents(tmp_path / "branch") == before


def test_refused_branches(tmp_path, recipe, steady, steady_uncut, uncut):
    out = tmp_path / "branch"
    with pytest.raises(ValueError, match="Received: schedule='cosine'"):
        branch_run(recipe, uncut, out, 2)
    with pytest.raises(ValueError, match="Received: decay_steps=0$"):
        branch_run(steady, steady_uncut, out, 0)
    with pytest.raises(FileNotFoundError, match="checkpoint.*Received: "):
        branch_run(steady, tmp_path / "none", out, 2)
    assert not out.exists()
    before = contents(uncut)
    with pytest.raises(FileExistsError, match="Received: "):
        branch_run(steady, steady_uncut, uncut, 2)
    assert contents(uncut) == before


def test_branch_waits_for_files(tmp_path, steady, steady_uncut, monkeypatch):
    run = shutil.copytree(steady_uncut, tmp_path / "run")
    waits = []

    def settle(seconds):
        waits.append(seconds)
        (run / "history.csv").touch()

    monkeypatch.setattr("msrnn_keras.training.branching.time.sleep", settle)
    (run / "best.weights.h5").touch()  # newer than the history
    branch_run(steady, run, tmp_path / "branch", 2)
    assert len(waits) == 1


def test_prolonged_run(tmp_path, steady, steady_uncut, mnist, assert_same_run):
    run, short = tmp_path / "run", steady.change_training(epochs=1)
    train(short, run, mnist, verbose=0, max_cpu_hours=1e-9)
    _, position = checkpoints.restore(run, STEPS)
    assert (position.epoch, position.step) == (0, 1)
    assert 0 < position.cpu_seconds
    before = contents(run)
    train(short, run, mnist, verbose=0, max_cpu_hours=1e-9)
    assert contents(run) == before
    train(short, run, mnist, verbose=0, max_cpu_hours=1.0)
    (row,) = read_history(run)
    assert row["cpu_seconds"] >= round(position.cpu_seconds, 1)
    train(steady, run, mnist, verbose=0)
    assert_same_run(run, steady_uncut)
    assert (run / "recipe.toml").read_text() == steady.text
