import functools
import os
import random
import signal
import sys
import threading
import time
import traceback

import keras
import pytest

from msrnn_keras.presets.download import describe
from msrnn_keras.presets.registry import read_manifest
from tests.runs import RECIPE
from tests.tools.publishing.publishing import (
    FILES,
    NAME,
    empty_library,
    quick,
    write_run,
)
from tools.publishing import manifest
from tools.publishing.publish import publish

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "torch" or not hasattr(os, "fork"),
    reason="other backends do not survive a fork",
)
PLAIN = NAME.removeprefix("ms-")
PATIENCE = 60  # seconds; a call takes less than one


def run_and_kill(call, folder, after=None, seconds=None):
    """Run a call in a fork that is killed after file operations or seconds.

    Return the number of operations in `folder` if it was not killed, else 0.
    """
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            count = _count_operations(str(folder), after)
            call()
            os.write(writer, str(count[0]).encode())
            os._exit(0)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(1)
    os.close(writer)
    if seconds is not None:
        time.sleep(seconds)
        os.kill(child, signal.SIGKILL)
    alarm = threading.Timer(PATIENCE, os.kill, (child, signal.SIGKILL))
    alarm.start()
    start, (_, status) = time.monotonic(), os.waitpid(child, 0)
    alarm.cancel()
    assert time.monotonic() - start < PATIENCE, "The call hangs."
    with os.fdopen(reader, "rb") as pipe:
        operations = int(pipe.read() or 0)
    assert os.waitstatus_to_exitcode(status) in (0, -signal.SIGKILL)
    return operations


def _count_operations(folder, last):
    """Count file operations in a folder; the last one kills the process."""
    import torch

    torch.set_num_threads(1)  # a fork has no threads of its parent
    count = [0]

    def hook(event, arguments):
        if event == "open" or event.startswith(("os.", "shutil.")):
            if any(folder in str(argument) for argument in arguments[:2]):
                if count[0] == last:
                    os.kill(os.getpid(), signal.SIGKILL)
                count[0] += 1

    sys.addaudithook(hook)
    return count


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("kill")
    run = write_run(folder / "run")
    with quick(run):
        yield folder, run


def check_library(library):
    """Return the number of listed presets; all files must be complete."""
    listed = read_manifest(library.manifest)
    for entry in listed:
        for name, record in entry.files.items():
            assert describe(library.root / entry.folder / name) == record
    generated = manifest.generate(library.root, {"presets": {}})["presets"]
    assert all(set(entry["files"]) == FILES for entry in generated.values())
    return len(listed)


def test_publishing_is_killed_six_times(world):
    folder, run = world
    files = {path.name for path in run.iterdir()}
    rng = random.Random(5)

    def call(library):
        return functools.partial(publish, run, "none", library=library)

    trial = empty_library(folder / "trial")
    start = time.monotonic()
    operations = run_and_kill(call(trial), folder)
    seconds = time.monotonic() - start
    assert check_library(trial) == 1 and operations > 20
    # The last 20 operations list the preset; those before write its folder.
    late = rng.randrange(1, 20), rng.randrange(22, 30)
    moments = [{"after": operations - n} for n in late]
    moments += [{"after": n} for n in rng.sample(range(operations), 2)]
    moments += [{"seconds": rng.uniform(0, seconds)} for _ in range(2)]
    for index, moment in enumerate(moments):
        library = empty_library(folder / f"zoo{index}")
        (run / "scores.json").unlink(missing_ok=True)
        run_and_kill(call(library), folder, **moment)
        assert check_library(library) in (0, 1)
        preset = call(library)()
        assert preset == library.root / NAME / "1"
        assert check_library(library) == 1
        assert [path.name for path in preset.parent.iterdir()] == ["1"]
        left = [path.name for path in library.manifest.parent.iterdir()]
        assert sorted(left) == [".manifest.lock", "manifest.json", "presets"]
        left = {path.name for path in run.iterdir()}
        assert left == {*files, "lock", "scores.json"}


def test_renewing_the_counterpart_is_killed(world):
    folder, run = world
    plain = write_run(folder / "plain", RECIPE.replace("ms-conv", "conv"))
    rng = random.Random(7)

    def prepare(name):
        library = empty_library(folder / name)
        publish(plain, "none", library=library)
        call = functools.partial(publish, run, "none", library=library)
        return library, library.root / PLAIN / "1" / "README.md", call

    trial, card, call = prepare("plain-trial")
    before = card.read_bytes()
    operations = run_and_kill(call, folder)
    cards = {before, card.read_bytes()}
    assert len(cards) == 2 and check_library(trial) == 2
    for index, late in enumerate(rng.sample(range(1, 25), 3)):
        other, card, call = prepare(f"plain{index}")
        run_and_kill(call, folder, after=operations - late)
        assert card.read_bytes() in cards
        call()
        assert card.read_bytes() != before
        assert check_library(other) == 2
        assert len(list(card.parent.iterdir())) == 5
