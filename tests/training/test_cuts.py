"""A run that is cut ends as one that is not."""

import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys

import keras
import pytest

from msrnn_keras.training import branch_run, checkpoints, read_history, train
from msrnn_keras.training.checkpoints import Position
from msrnn_keras.training.recipe import load_recipe
from tests.runs import RECIPE, RICH, contents

KILLS = int(os.environ.get("MSRNN_KILLS", 2))  # of a run, and of its branch
STEPS = 3  # of an epoch of RECIPE; its validation is one batch
ROOT = pathlib.Path(__file__).parents[2]
TORCH = keras.backend.backend() == "torch"

# Takes a run up, saves after each step, and dies by SIGKILL so many seconds
# after the first one, or, with a negative number, while it writes a file.
KILLED = """
import os, pathlib, signal, sys, threading, time
import keras
from msrnn_keras import training
from msrnn_keras.recipes import load_recipe
from msrnn_keras.training import checkpoints

recipe, run_dir, data, seconds = sys.argv[1:5]
init = keras.saving.load_model(sys.argv[5]) if sys.argv[5:] else None
seconds = float(seconds)
save = training.keras.Model.save

def die():
    os.kill(os.getpid(), signal.SIGKILL)

def write(model, path):
    if seconds < 0:
        pathlib.Path(path).write_bytes(b"half")
        die()
    threading.Timer(seconds, die).start()
    save(model, path)

training.keras.Model.save = write
training.train(
    load_recipe(recipe),
    run_dir,
    data,
    verbose=0,
    checkpoint_minutes=1e-9,
    init=init,
)
time.sleep(60)
"""


@pytest.fixture(scope="module")
def rich_uncut(folder, rich, mnist):
    train(rich, folder / "rich-uncut", data=mnist, verbose=0)
    return folder / "rich-uncut"


def test_a_run_cut_anywhere_ends_as_one_uncut(
    folder, rich, rich_uncut, mnist, train_until, assert_same_run
):
    run = folder / "cut"
    seconds = 0
    for questions, here in (
        (2, (0, 2)),  # within the first epoch
        (2, (0, 3)),  # after its last step, in its validation
        (4, (1, 3)),  # after that, before the validation of the second epoch
    ):
        train_until(questions, rich, run, mnist)
        _, position = checkpoints.restore(run, STEPS)
        assert (position.epoch, position.step) == here
        assert set(position.means) == {"loss", "mse"}
        assert len(read_history(run)) == here[0]
        assert position.seconds > (seconds if here[0] == 0 else 0)
        seconds = position.seconds
    train(rich, run, mnist, verbose=0)
    assert_same_run(run, rich_uncut)
    assert read_history(run)[1]["seconds"] >= round(seconds, 1)


def kill(run, recipe, mnist, seconds, *init):
    arguments = [str(path) for path in (recipe, run, mnist, seconds, *init)]
    process = subprocess.run(
        [sys.executable, "-c", KILLED, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert process.returncode == -signal.SIGKILL, process.stderr


def test_a_run_killed_at_any_moment_ends_as_one_uncut(
    folder, recipe, uncut, mnist, assert_same_run
):
    run = folder / "killed"
    kill(run, folder / "tiny.toml", mnist, random.uniform(0, 0.3))
    before = contents(run)
    kill(run, folder / "tiny.toml", mnist, -1)
    after = contents(run)
    # The first kill may fall between the history and its checkpoint.
    for name in before.keys() & after.keys() - {"history.csv"}:
        assert before[name] == after[name], name
    train(recipe, run, mnist, verbose=0)
    assert_same_run(run, uncut, rounding=TORCH)


def test_a_run_and_its_branch_killed_again_and_again_end_as_ones_uncut(
    tmp_path, steady, recipe, uncut, mnist, train_until, assert_same_run
):
    steady = steady.change_training(epochs=40)
    path = tmp_path / "steady.toml"
    path.write_text(steady.text)
    source = recipe.build()
    source.load_weights(uncut / "best.weights.h5")
    init = tmp_path / "source.keras"
    source.save(init)
    run, branched = tmp_path / "killed", tmp_path / "branch"
    for _ in range(KILLS):
        kill(run, path, mnist, random.uniform(0, 0.5), init)
    train_until(3, steady, run, mnist)  # It may have no checkpoint yet.
    branch = branch_run(steady, run, branched, decay_steps=12)
    for _ in range(KILLS):
        copy = branched / "recipe.toml"
        kill(branched, copy, mnist, random.uniform(0, 0.5))
    for plan, cut in ((steady, run), (branch, branched)):
        train(plan, cut, mnist, verbose=0)
        whole = tmp_path / f"uncut-{cut.name}"
        train(plan, whole, mnist, verbose=0, init=source)
        assert_same_run(cut, whole, rounding=TORCH)


@pytest.mark.parametrize("text", [RECIPE, RICH])
def test_the_data_goes_on_where_it_was_cut(folder, tmp_path, mnist, text):
    from msrnn_keras.training.batches import Batches

    path = tmp_path / "recipe.toml"
    path.write_text(text)
    recipe = load_recipe(path)
    whole = Batches(recipe.data("train", mnist), STEPS)
    part = Batches(recipe.data("train", mnist), STEPS)
    whole.epoch, part.epoch, part.first = 2, 2, 1
    assert len(whole) == STEPS and len(part) == STEPS - 1
    for index in range(len(part)):
        for a, b in zip(part[index], whole[index + 1], strict=True):
            assert (a == b).all()


def test_a_copy_of_a_run_goes_on_as_well(folder, recipe, uncut, mnist):
    run = shutil.copytree(uncut, folder / "copied")
    assert checkpoints.restore(run, STEPS)[1] == Position(3)
    before = contents(run)
    best = train(recipe, run, data=mnist, verbose=0)
    assert best == run / "best.weights.h5"
    assert contents(run) == before
