import dataclasses
import math
import pathlib
import shutil
import subprocess
import sys
import types

import numpy as np
import pytest

from msrnn_keras import distribution, training
from msrnn_keras.recipes import load_recipe
from msrnn_keras.training import RunKeeper, read_history, train
from tests.runs import RECIPE, contents, state, write_mnist

BEGUN = {"environment.json", "recipe.toml"}
FILES = {"best.weights.h5", "checkpoint.keras", "history.csv", *BEGUN}
STEPS = 3  # of an epoch of RECIPE

# Takes a run up and dies, as by SIGKILL, while it writes the checkpoint of
# the epoch: half of the file is there.
KILLED = """
import os, pathlib, sys
from msrnn_keras import distribution, training
from msrnn_keras.recipes import load_recipe

def die(model, path):
    pathlib.Path(path).write_bytes(b"half")
    os._exit(9)

training.keras.Model.save = die
recipe, run_dir, data = sys.argv[1:]
training.train(load_recipe(recipe), run_dir, data=data, verbose=0)
"""


class Clock:
    now = 0.0

    def monotonic(self):
        return self.now


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("training")


@pytest.fixture(scope="module")
def mnist(folder):
    return write_mnist(folder / "mnist.npz")


@pytest.fixture(scope="module")
def recipe(folder):
    path = folder / "tiny.toml"
    path.write_text(RECIPE)
    return load_recipe(path)


@pytest.fixture(scope="module")
def uncut(folder, recipe, mnist):
    train(recipe, folder / "uncut", data=mnist, verbose=0)
    return folder / "uncut"


@pytest.fixture(scope="module")
def stopped(folder, recipe, mnist):
    """A run whose minute is over in the middle of its second epoch."""
    clock = Clock()

    class Slow(RunKeeper):
        def on_train_batch_end(self, batch, logs=None):
            if len(self.rows) == 1 and batch == 1:
                clock.now = 61.0
            super().on_train_batch_end(batch, logs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "time", clock)
        patch.setattr(training, "RunKeeper", Slow)
        train(recipe, folder / "run", mnist, max_minutes=1, verbose=0)
    return folder / "run"


@pytest.fixture(scope="module")
def killed(folder, stopped, mnist):
    """The stopped run, taken up and killed at the end of an epoch."""
    run = shutil.copytree(stopped, folder / "killed")
    arguments = [str(path) for path in (folder / "tiny.toml", run, mnist)]
    process = subprocess.run(
        [sys.executable, "-c", KILLED, *arguments],
        cwd=pathlib.Path(__file__).parents[1],
        capture_output=True,
        text=True,
    )
    assert process.returncode == 9, process.stderr
    return run


@pytest.fixture(scope="module")
def resumed(folder, killed, recipe, mnist):
    run = shutil.copytree(killed, folder / "resumed")
    train(recipe, run, data=mnist, verbose=0)
    return run


def scores(run):
    """The history, but for the seconds that the epochs took."""
    return [
        {key: value for key, value in row.items() if key != "seconds"}
        for row in read_history(run)
    ]


def assert_equal_states(a, b):
    a, b = state(a / "checkpoint.keras"), state(b / "checkpoint.keras")
    assert a.keys() == b.keys()
    for name in a:
        np.testing.assert_array_equal(a[name], b[name], err_msg=name)


def test_a_run_leaves_its_files(uncut):
    assert set(contents(uncut)) == FILES
    assert (uncut / "recipe.toml").read_text() == RECIPE
    history = read_history(uncut)
    assert [row["epoch"] for row in history] == [0, 1, 2]
    assert {"loss", "mse", "val_loss", "val_mse"} < set(history[0])
    assert len({row["val_mse"] for row in history}) == 3


def test_the_checkpoint_holds_optimizer_and_counters(uncut):
    saved = state(uncut / "checkpoint.keras")
    counts = [value for value in saved.values() if value.shape == ()]
    steps = [value for value in counts if value == 3 * STEPS]
    assert len(steps) >= 2  # the optimizer's steps and those of sampling
    assert any(name.startswith("optimizer") for name in saved)


def test_time_over_amid_an_epoch_keeps_the_last_full_one(stopped, uncut):
    assert set(contents(stopped)) == FILES
    assert scores(stopped) == scores(uncut)[:1]
    saved = state(stopped / "checkpoint.keras").values()
    assert any(value.shape == () and value == STEPS for value in saved)


def test_a_killed_run_loses_its_epoch_only(killed, stopped):
    name = "checkpoint.keras"
    assert contents(killed)[name] == contents(stopped)[name]
    leftovers = set(contents(killed)) - FILES
    assert len(leftovers) == 1 and leftovers.pop().endswith(name)


def test_a_run_taken_up_ends_as_one_uncut(resumed, uncut):
    assert set(contents(resumed)) == FILES
    assert scores(resumed) == scores(uncut)
    assert_equal_states(resumed, uncut)


def test_best_weights_score_as_the_best_epoch(uncut, recipe, mnist):
    model = recipe.build()
    model.load_weights(uncut / "best.weights.h5")
    data = recipe.data("validation", path=mnist)
    scored = model.evaluate(data, verbose=0, return_dict=True)["mse"]
    best = min(row["val_mse"] for row in read_history(uncut))
    np.testing.assert_allclose(scored, best, rtol=1e-5)


def test_a_finished_run_trains_no_more(uncut, recipe, mnist):
    before = contents(uncut)
    best = train(recipe, uncut, data=mnist, verbose=0)
    assert best == uncut / "best.weights.h5"
    assert contents(uncut) == before


def test_loss_that_is_not_finite_ends_the_run(tmp_path, recipe, mnist):
    wild = dataclasses.replace(recipe.training, learning_rate=1e30)
    wild = dataclasses.replace(recipe, training=wild)
    with pytest.raises(FloatingPointError, match="Received: loss=(nan|inf)"):
        train(wild, tmp_path / "run", data=mnist, verbose=0)
    assert set(contents(tmp_path / "run")) == BEGUN


# === Folders ===


def test_the_run_of_another_recipe_is_refused(uncut, recipe, mnist):
    before = contents(uncut)
    other = dataclasses.replace(recipe, text=recipe.text + "# another\n")
    with pytest.raises(FileExistsError, match="another recipe.*Received: "):
        train(other, uncut, data=mnist)
    assert contents(uncut) == before


def test_a_folder_of_something_else_is_refused(tmp_path, recipe, mnist):
    (tmp_path / "letter.txt").write_text("Dear Ada")
    with pytest.raises(FileExistsError, match="holds no run.*Received: "):
        train(recipe, tmp_path, data=mnist)
    assert contents(tmp_path) == {"letter.txt": b"Dear Ada"}


def test_a_file_in_place_of_the_folder_is_refused(tmp_path, recipe, mnist):
    (tmp_path / "run").write_text("Dear Ada")
    with pytest.raises(FileExistsError, match="Received: "):
        train(recipe, tmp_path / "run", data=mnist)
    assert (tmp_path / "run").read_text() == "Dear Ada"


@pytest.mark.parametrize("minutes", [0, -1, math.nan])
def test_minutes_must_be_positive(tmp_path, recipe, mnist, minutes):
    with pytest.raises(ValueError, match="Received: "):
        train(recipe, tmp_path / "run", data=mnist, max_minutes=minutes)
    assert not (tmp_path / "run").exists()


def test_what_cannot_be_trained_makes_no_folder(tmp_path, recipe, mnist):
    with pytest.raises(FileNotFoundError):
        train(recipe, tmp_path / "run", data=tmp_path / "none.npz")
    wrong = {**recipe.architecture, "filters": 0}
    with pytest.raises(ValueError, match="Received: "):
        train(
            dataclasses.replace(recipe, architecture=wrong),
            tmp_path / "run",
            data=mnist,
        )
    assert not (tmp_path / "run").exists()


# === The keeper of a run ===


def keeper(folder, done=0, max_minutes=None, group=None):
    """A `RunKeeper` whose model saves the number of the epoch."""
    model = types.SimpleNamespace(stop_training=False, epoch=None)
    keeper = RunKeeper(folder, done, max_minutes, group)
    keeper.set_params({"steps": STEPS})

    def save(path):
        path.write_text(str(model.epoch))

    model.save = model.save_weights = save
    keeper.set_model(model)
    return keeper


def run_epoch(keeper, epoch, val_mse=1.0):
    keeper.model.epoch = epoch
    keeper.on_epoch_begin(epoch)
    for batch in range(STEPS):
        keeper.on_train_batch_end(batch, {"loss": 2.0})
        if keeper.model.stop_training:
            break
    keeper.on_epoch_end(epoch, {"loss": 2.0, "val_mse": val_mse})


def test_best_weights_are_of_the_epoch_that_scored_lowest(tmp_path):
    first = keeper(tmp_path)
    for epoch, val_mse in enumerate([3.0, 2.0, 5.0]):
        run_epoch(first, epoch, val_mse)
    assert contents(tmp_path)["best.weights.h5"] == b"1"
    assert contents(tmp_path)["checkpoint.keras"] == b"2"
    second = keeper(tmp_path, done=3)
    run_epoch(second, 3, 2.5)
    assert contents(tmp_path)["best.weights.h5"] == b"1"
    run_epoch(second, 4, 1.5)
    assert contents(tmp_path)["best.weights.h5"] == b"4"
    assert [row["val_mse"] for row in read_history(tmp_path)] == [
        3.0,
        2.0,
        5.0,
        2.5,
        1.5,
    ]


def test_an_epoch_done_again_is_not_listed_twice(tmp_path):
    first = keeper(tmp_path)
    run_epoch(first, 0, 3.0)
    run_epoch(first, 1, 1.0)
    run_epoch(keeper(tmp_path, done=1), 1, 2.0)
    rows = [(row["epoch"], row["val_mse"]) for row in read_history(tmp_path)]
    assert rows == [(0, 3.0), (1, 2.0)]
    assert contents(tmp_path)["best.weights.h5"] == b"1"


def test_a_run_stops_where_another_epoch_would_not_fit(tmp_path, monkeypatch):
    clock = Clock()
    monkeypatch.setattr(training, "time", clock)
    timed = keeper(tmp_path, max_minutes=2)
    compute = timed.on_train_batch_end

    def compute_slowly(batch, logs):
        clock.now += 15
        compute(batch, logs)

    timed.on_train_batch_end = compute_slowly
    run_epoch(timed, 0)
    assert not timed.model.stop_training
    run_epoch(timed, 1)
    assert timed.model.stop_training
    assert len(read_history(tmp_path)) == 2


@pytest.mark.parametrize("last, epochs", [(STEPS - 1, 1), (STEPS - 2, 0)])
def test_only_a_full_epoch_is_kept_when_time_is_over(
    tmp_path, monkeypatch, last, epochs
):
    clock = Clock()
    monkeypatch.setattr(training, "time", clock)
    timed = keeper(tmp_path, max_minutes=1)
    timed.on_epoch_begin(0)
    for batch in range(last + 1):
        clock.now = 61.0 if batch == last else 0.0
        timed.on_train_batch_end(batch, {"loss": 2.0})
    assert timed.model.stop_training
    timed.on_epoch_end(0, {"loss": 2.0, "val_mse": 1.0})
    assert len(read_history(tmp_path)) == epochs
    assert (tmp_path / "checkpoint.keras").exists() == (epochs == 1)


class Second(distribution.Group):
    """A process that is not the first, and for which time is over."""

    chief = False

    def any(self, flag):
        return True


def test_only_the_chief_leaves_files(tmp_path):
    run_epoch(keeper(tmp_path), 0, 3.0)
    before = contents(tmp_path)
    second = keeper(tmp_path, done=1, group=Second())
    assert [row["val_mse"] for row in second.rows] == [3.0]
    run_epoch(second, 1, 2.0)
    assert contents(tmp_path) == before
    assert "best.weights.h5" in contents(second.run_dir)


def test_all_processes_stop_where_one_does(tmp_path):
    timed = keeper(tmp_path, max_minutes=60, group=Second())
    timed.on_epoch_begin(0)
    timed.on_train_batch_end(0, {"loss": 2.0})
    assert timed.model.stop_training
    untimed = keeper(tmp_path, group=Second())
    run_epoch(untimed, 0)
    assert not untimed.model.stop_training


def test_devices_are_those_asked_for(tmp_path, recipe, monkeypatch):
    asked = []
    monkeypatch.setattr(
        distribution, "run", lambda *args, devices: asked.append(devices)
    )
    train(recipe, tmp_path / "run", devices=2)
    assert asked == [2]


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_score_that_is_not_finite_keeps_the_checkpoint(tmp_path, value):
    run = keeper(tmp_path)
    run_epoch(run, 0)
    before = contents(tmp_path)
    with pytest.raises(FloatingPointError, match="Received: val_mse="):
        run_epoch(run, 1, value)
    with pytest.raises(FloatingPointError, match="Received: loss="):
        run.on_train_batch_end(0, {"loss": value})
    assert contents(tmp_path) == before


def test_a_folder_without_history_has_none(tmp_path):
    assert read_history(tmp_path) == []
