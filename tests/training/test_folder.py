"""One process at a time works in the directory of a run."""

import subprocess
import sys

import pytest

from msrnn_keras.training import lock_run, pack_run, train, unpack_run
from tests.runs import contents

HOLDER = """
import pathlib, sys
from msrnn_keras.training import hold
with hold(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder():
    """Starts another process that holds a directory; ends with the test."""
    started = []

    def holder(folder):
        process = subprocess.Popen(
            [sys.executable, "-c", HOLDER, str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        while (line := process.stdout.readline()) != "held\n":
            assert line, "it came to its end"
        return process

    yield holder
    for process in started:
        process.kill()
        process.communicate()


def test_a_run_that_another_process_holds_is_refused(
    uncut, recipe, mnist, holder, tmp_path
):
    before = contents(uncut)
    process = holder(uncut)
    with pytest.raises(RuntimeError, match="Another process.*Received: "):
        train(recipe, uncut, data=mnist, verbose=0)
    with pytest.raises(RuntimeError, match="Another process.*Received: "):
        pack_run(uncut, tmp_path / "packed")
    assert contents(uncut) == before
    process.kill()  # as kill -9: the system frees what it held
    process.wait()
    train(recipe, uncut, data=mnist, verbose=0)
    assert pack_run(uncut, tmp_path / "packed").is_file()


def test_a_run_that_begins_is_not_begun_twice(
    uncut, recipe, mnist, holder, tmp_path
):
    holder(tmp_path / "run")
    pack_run(uncut, tmp_path / "packed")
    with pytest.raises(RuntimeError, match="Another process.*Received: "):
        unpack_run(tmp_path / "packed", tmp_path / "run")
    with pytest.raises(RuntimeError, match="Another process.*Received: "):
        train(recipe, tmp_path / "run", data=mnist, verbose=0)
    assert set(contents(tmp_path / "run")) == {"lock"}


def test_a_directory_is_free_after_it_was_held(tmp_path):
    for _ in range(2):
        with lock_run(tmp_path / "run"):
            assert (tmp_path / "run").is_dir()


def test_a_run_killed_at_its_first_moment_is_begun_again(
    uncut, recipe, mnist, tmp_path
):
    with lock_run(tmp_path / "run"):
        pass
    pack_run(uncut, tmp_path / "packed")
    unpack_run(tmp_path / "packed", tmp_path / "run")
    left = {"lock", "previous.keras"}  # neither is packed
    assert set(contents(tmp_path / "run")) == set(contents(uncut)) - left
    with lock_run(tmp_path / "other"):
        pass
    train(recipe, tmp_path / "other", data=mnist, verbose=0)
    assert set(contents(tmp_path / "other")) == set(contents(uncut))
