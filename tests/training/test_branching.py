"""Runs that are prolonged, and decays that are branched off them."""

import itertools
import shutil

import pytest

from msrnn_keras.training import branch_run, checkpoints, read_history, train
from msrnn_keras.training import keeper as keeping
from tests.runs import contents

STEPS = 3  # of an epoch


@pytest.fixture(scope="module")
def steady_uncut(folder, steady, mnist):
    train(steady, folder / "steady-uncut", data=mnist, verbose=0)
    return folder / "steady-uncut"


def test_a_prolonged_run_ends_as_one_uncut(
    tmp_path, steady, steady_uncut, mnist, assert_same_run
):
    run = tmp_path / "run"
    train(steady.change_training(epochs=1), run, mnist, verbose=0)
    assert len(read_history(run)) == 1
    train(steady, run, mnist, verbose=0)
    assert_same_run(run, steady_uncut)
    assert (run / "recipe.toml").read_text() == steady.text


@pytest.mark.parametrize(
    "changes", [{"learning_rate": 2e-2}, {"epochs": 4, "decay_steps": 2}]
)
def test_a_run_is_prolonged_by_epochs_alone(
    steady, steady_uncut, mnist, changes
):
    other = steady.change_training(**changes)
    with pytest.raises(FileExistsError, match="another recipe.*Received: "):
        train(other, steady_uncut, mnist)


@pytest.mark.parametrize("questions", [2, 4])
def test_a_branch_ends_as_an_uncut_run_of_its_recipe(
    tmp_path,
    steady,
    steady_uncut,
    mnist,
    train_until,
    assert_same_run,
    questions,
):
    # It is branched within an epoch, or where an epoch ends.
    run, branched, uncut = (tmp_path / name for name in ("a", "b", "c"))
    train_until(questions, steady, run, mnist)
    before = contents(run)
    branch = branch_run(steady, run, branched, decay_steps=2)
    assert contents(run) == before
    training = branch.training
    done = min(questions, STEPS)
    assert training.decay_steps == training.steps - done
    assert training.epochs == 2
    train(branch, branched, mnist, verbose=0)
    train(branch, uncut, mnist, verbose=0)
    assert_same_run(branched, uncut)
    # The run itself goes on as if nothing had happened.
    train(steady, run, mnist, verbose=0)
    assert_same_run(run, steady_uncut)


def test_a_branch_is_continued(tmp_path, steady, steady_uncut):
    first = branch_run(steady, steady_uncut, tmp_path / "branch", 4)
    assert (first.training.epochs, first.training.decay_steps) == (5, 6)
    before = contents(tmp_path / "branch")
    assert set(before) == {
        "best.weights.h5",
        "checkpoint.keras",
        "environment.json",
        "history.csv",
        "lock",
        "recipe.toml",
    }
    assert branch_run(steady, steady_uncut, tmp_path / "branch", 9) == first
    assert contents(tmp_path / "branch") == before


def test_what_cannot_be_branched(tmp_path, recipe, steady, steady_uncut, uncut):
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


def test_a_branch_waits_for_files_of_one_checkpoint(
    tmp_path, steady, steady_uncut, monkeypatch
):
    run = shutil.copytree(steady_uncut, tmp_path / "run")
    waits = []

    def settle(seconds):
        waits.append(seconds)
        (run / "history.csv").touch()

    monkeypatch.setattr("msrnn_keras.training.branching.time.sleep", settle)
    (run / "best.weights.h5").touch()  # The history follows a moment later.
    branch_run(steady, run, tmp_path / "branch", 2)
    assert len(waits) == 1


def test_copies_of_the_weights_by_cpu_time(
    tmp_path, steady, steady_uncut, mnist, monkeypatch
):
    ticks = itertools.count()
    monkeypatch.setattr(keeping.time, "process_time", lambda: next(ticks))
    monkeypatch.setattr(keeping, "COPY_SECONDS", 1)
    train(steady, tmp_path / "run", mnist, verbose=0)
    copies = contents(tmp_path / "run" / "weights")
    assert set(copies) == {f"epoch-{n}.weights.h5" for n in (1, 2, 3)}
    rows = read_history(steady_uncut)
    assert sum(row["cpu_seconds"] for row in rows) > 0
    best = min(rows, key=lambda row: row["val_mse"])["epoch"] + 1
    model = steady.build()
    model.load_weights(tmp_path / "run" / f"weights/epoch-{best}.weights.h5")
    data = steady.data("validation", path=mnist)
    scored = model.evaluate(data, verbose=0, return_dict=True)["mse"]
    assert scored == pytest.approx(rows[best - 1]["val_mse"], rel=1e-5)


def test_a_run_stops_at_its_cpu_hours(
    tmp_path, steady, steady_uncut, mnist, assert_same_run
):
    run = tmp_path / "run"
    train(steady, run, mnist, verbose=0, max_cpu_hours=1e-9)
    _, position = checkpoints.restore(run, STEPS)
    assert (position.epoch, position.step) == (0, 1)
    assert 0 < position.cpu_seconds
    before = contents(run)
    train(steady, run, mnist, verbose=0, max_cpu_hours=1e-9)
    assert contents(run) == before
    train(steady, run, mnist, verbose=0, max_cpu_hours=1.0)
    assert_same_run(run, steady_uncut)
    first = read_history(run)[0]
    assert first["cpu_seconds"] >= round(position.cpu_seconds, 1)
