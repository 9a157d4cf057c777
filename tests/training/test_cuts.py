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
from tests.runs import contents

KILLS = int(os.environ.get("MSRNN_KILLS", 1))  # of a run; one less of a branch
STEPS = 3  # of an epoch; its validation is one batch
ROOT = pathlib.Path(__file__).parents[2]
TORCH = keras.backend.backend() == "torch"

# Resumes a run, saves after each step, and dies by SIGKILL so many seconds
# after it began the third save; with a negative number, in the first one.
KILLED = """
import os, pathlib, signal, sys, threading, time
import keras
from msrnn_keras.training import train
from msrnn_keras.training.recipe import load_recipe

recipe, run_dir, data, seconds = sys.argv[1:5]
init = keras.saving.load_model(sys.argv[5]) if sys.argv[5:] else None
seconds, saves = float(seconds), []
save = keras.Model.save

def die():
    os.kill(os.getpid(), signal.SIGKILL)

def write(model, path):
    saves.append(path)
    if seconds < 0:
        pathlib.Path(path).write_bytes(b"half")
        die()
    if len(saves) == 3:
        threading.Timer(seconds, die).start()
    save(model, path)

keras.Model.save = write
options = {"verbose": 0, "checkpoint_minutes": 1e-9, "init": init}
train(load_recipe(recipe), run_dir, data, **options)
time.sleep(60)
"""


@pytest.mark.backend_free
def test_stopped_run(folder, rich, mnist, train_until, assert_same_run):
    run, uncut = folder / "cut", folder / "rich-uncut"
    train(rich, uncut, mnist, verbose=0)
    # In the first validation, then within the second epoch.
    for checks, here in ((STEPS + 1, (0, STEPS)), (STEPS, (1, 2))):
        train_until(checks, rich, run, mnist)
        _, position = checkpoints.restore(run, STEPS)
        assert (position.epoch, position.step) == here
        assert set(position.means) == {"loss", "mse"}
        assert len(read_history(run)) == here[0]
        assert position.seconds > 0
    train(rich, run, mnist, verbose=0)
    assert_same_run(run, uncut)
    assert read_history(run)[1]["seconds"] >= round(position.seconds, 1)


def kill(run, recipe, mnist, seconds, *init):
    arguments = [str(path) for path in (recipe, run, mnist, seconds, *init)]
    process = subprocess.run(
        [sys.executable, "-c", KILLED, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert process.returncode == -signal.SIGKILL, process.stderr


def test_killed_run(tmp_path, steady, recipe, uncut, mnist, assert_same_run):
    path, init = tmp_path / "steady.toml", tmp_path / "source.keras"
    steady = steady.change_training(epochs=KILLS + 2)
    path.write_text(steady.text)
    source = recipe.build()
    source.load_weights(uncut / "best.weights.h5")
    source.save(init)
    run, branched = tmp_path / "killed", tmp_path / "branch"
    for _ in range(KILLS):
        kill(run, path, mnist, random.uniform(0, 0.3), init)
    before = contents(run)
    if TORCH:  # The backend has no part in half a file.
        kill(run, path, mnist, -1)
    after = contents(run)
    # The first kill may fall between the history and its checkpoint.
    repeated = {"best.weights.h5", "history.csv"}
    for name in before.keys() & after.keys() - repeated:
        assert before[name] == after[name], name
    longer = steady.change_training(epochs=KILLS + 3)  # prolongs the run
    before = contents(run)
    steps = STEPS * KILLS - 1
    branch = branch_run(longer, run, branched, decay_steps=steps)
    assert contents(run) == before
    # To the end of an epoch.
    assert steps <= branch.training.decay_steps < steps + STEPS
    for _ in range(KILLS - 1):
        copy = branched / "recipe.toml"
        kill(branched, copy, mnist, random.uniform(0, 0.3))
    for plan, cut in ((longer, run), (branch, branched)):
        train(plan, cut, mnist, verbose=0)
        whole = tmp_path / f"uncut-{cut.name}"
        train(plan, whole, mnist, verbose=0, init=source)
        assert_same_run(cut, whole, rounding=TORCH)


def test_copy_of_a_finished_run_is_finished(folder, recipe, uncut, mnist):
    run = shutil.copytree(uncut, folder / "copied")
    assert checkpoints.restore(run, STEPS)[1] == Position(3)
    before = contents(run)
    best = train(recipe, run, data=mnist, verbose=0)
    assert best == run / "best.weights.h5"
    assert contents(run) == before
