import subprocess
import sys

import pytest

from msrnn_keras.training import train
from msrnn_keras.training.folder import lock_run
from tests.runs import contents

pytestmark = pytest.mark.backend_free

HOLDER = """
import filelock, sys
with filelock.FileLock(sys.argv[1] + "/lock"):
    print("locked", flush=True)
    sys.stdin.read()
"""


def test_locked_run_is_refused(uncut, recipe, mnist, tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(run)], **pipes
    ) as process:
        try:
            while (line := process.stdout.readline()) != "locked\n":
                assert line, "the process has ended"
            with pytest.raises(RuntimeError, match="Another.*Received: "):
                train(recipe, run, data=mnist, verbose=0)
            assert set(contents(run)) == {"lock"}
        finally:
            process.kill()
    short = recipe.change_training(epochs=1)
    train(short, run, data=mnist, verbose=0)
    assert set(contents(run)) == set(contents(uncut)) - {"previous.keras"}
    before = contents(run)
    with lock_run(run), pytest.raises(RuntimeError, match="Another"):
        train(short, run, data=mnist, verbose=0)
    assert contents(run) == before
