"""One process at a time trains in a run directory."""

import subprocess
import sys

import pytest

from msrnn_keras.training import lock_run, train
from tests.runs import contents

pytestmark = pytest.mark.backend_free

HOLDER = """
import filelock, sys
with filelock.FileLock(sys.argv[1] + "/lock"):
    print("locked", flush=True)
    sys.stdin.read()
"""


def test_locked_run_is_refused_until_its_holder_dies(uncut, recipe, mnist):
    before = contents(uncut)
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(uncut)], **pipes
    ) as process:
        try:
            while (line := process.stdout.readline()) != "locked\n":
                assert line, "the process has ended"
            with pytest.raises(RuntimeError, match="Another.*Received: "):
                train(recipe, uncut, data=mnist, verbose=0)
            assert contents(uncut) == before
        finally:
            process.kill()
    train(recipe, uncut, data=mnist, verbose=0)


def test_new_run_is_started_once(uncut, recipe, mnist, tmp_path):
    with lock_run(tmp_path / "run"):
        with pytest.raises(RuntimeError, match="Another.*Received: "):
            train(recipe, tmp_path / "run", data=mnist, verbose=0)
    assert set(contents(tmp_path / "run")) == {"lock"}
    train(recipe, tmp_path / "run", data=mnist, verbose=0)
    assert set(contents(tmp_path / "run")) == set(contents(uncut))
