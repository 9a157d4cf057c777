"""Killed at any moment: nothing is corrupt, and the same call works again."""

import functools
import os
import random
import signal
import sys
import time
import traceback

import keras
import pytest

from msrnn_keras.presets.download import describe, fetch
from msrnn_keras.presets.registry import read_manifest
from tests.runs import RECIPE
from tests.tools.publishing.publishing import (
    NAME,
    empty_library,
    quick,
    write_run,
)
from tools.publishing import manifest
from tools.publishing.publish import publish

pytestmark = [
    pytest.mark.backend_free,
    pytest.mark.skipif(
        keras.backend.backend() != "torch" or not hasattr(os, "fork"),
        reason="the other backends do not survive a fork",
    ),
]
PLAIN = NAME.removeprefix("ms-")
PATIENCE = 60  # seconds, far more than a call takes


def run_and_kill(call, folder, after=None, seconds=None):
    """Run a call in a copy of this process, and kill that in the middle.

    Args:
        call: Function without arguments.
        folder: Path; opening, renaming, removing and making what is in it
            are the file operations that are counted.
        after: Integer, how many of them happen before the kill.
        seconds: Float, how long the copy lives.

    Returns:
        Integer, the file operations of a call that was not killed, else 0.
    """
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            count = _count_operations(str(folder), after)
            call()
            os.write(writer, str(count[0]).encode())
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    os.close(writer)
    if seconds is not None:
        time.sleep(seconds)
        os.kill(child, signal.SIGKILL)
    status = _wait(child)
    with os.fdopen(reader, "rb") as pipe:
        told = pipe.read()
    killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
    assert killed or os.WEXITSTATUS(status) == 0
    return int(told or 0)


def _count_operations(folder, last):
    """Count file operations in a folder; the last one kills the process."""
    import torch

    torch.set_num_threads(1)  # those of the parent are not here
    count = [0]

    def hook(event, arguments):
        if event == "open" or event.startswith(("os.", "shutil.")):
            if any(folder in str(argument) for argument in arguments[:2]):
                if count[0] == last:
                    os.kill(os.getpid(), signal.SIGKILL)
                count[0] += 1

    sys.addaudithook(hook)
    return count


def _wait(child):
    deadline = time.monotonic() + PATIENCE
    while True:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return status
        if time.monotonic() > deadline:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            raise TimeoutError(f"The call hangs. Received: process {child}")
        time.sleep(0.005)


# === Publishing ===


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A run, in a folder of its own."""
    folder = tmp_path_factory.mktemp("kill")
    run = write_run(folder / "run")
    with quick(run):
        yield folder, run


def check_library(library):
    """All that is listed is there, whole; all that is there is whole."""
    listed = read_manifest(library.manifest)
    for entry in listed:
        for name, record in entry.files.items():
            assert describe(library.root / entry.folder / name) == record
    generated = manifest.generate(library.root, {"presets": {}})["presets"]
    for entry in generated.values():
        assert set(entry["files"]) == {
            "README.md",
            "config.json",
            "forecast.png",
            "metadata.json",
            "model.weights.h5",
        }
    return len(listed)


def test_publishing_is_killed_ten_times(world):
    folder, run = world
    rng = random.Random(5)

    def call(library):
        return functools.partial(publish, run, "none", library=library)

    trial = empty_library(folder / "trial")
    start = time.monotonic()
    operations = run_and_kill(call(trial), folder)
    seconds = time.monotonic() - start
    assert check_library(trial) == 1 and operations > 20
    # The last 20 operations list the preset; those before write its folder.
    late = rng.sample(range(1, 20), 2) + rng.sample(range(22, 30), 2)
    moments = [{"after": operations - n} for n in late]
    moments += [{"after": n} for n in rng.sample(range(operations), 3)]
    moments += [{"seconds": rng.uniform(0, seconds)} for _ in range(3)]
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
        assert sorted(path.name for path in run.iterdir()) == [
            "best.weights.h5",
            "environment.json",
            "history.csv",
            "lock",
            "recipe.toml",
            "scores.json",
        ]


def test_renewing_the_counterpart_is_killed(world):
    folder, run = world
    plain = write_run(folder / "plain", RECIPE.replace("ms-conv", "conv"))
    rng = random.Random(7)

    def library(name):
        library = empty_library(folder / name)
        publish(plain, "none", library=library)
        return library, (library.root / PLAIN / "1" / "README.md")

    def call(library):
        return functools.partial(publish, run, "none", library=library)

    trial, card = library("plain-trial")
    before = card.read_bytes()
    operations = run_and_kill(call(trial), folder)
    cards = {before, card.read_bytes()}
    assert len(cards) == 2 and check_library(trial) == 2
    for index, late in enumerate(rng.sample(range(1, 25), 6)):
        other, card = library(f"plain{index}")
        run_and_kill(call(other), folder, after=operations - late)
        assert card.read_bytes() in cards
        call(other)()
        assert card.read_bytes() != before
        assert check_library(other) == 2
        assert len(list(card.parent.iterdir())) == 5


# === Fetching ===


def test_fetching_is_killed_ten_times(tmp_path):
    rng = random.Random(6)
    source = tmp_path / "source.h5"
    source.write_bytes(os.urandom(4_000_000))
    record = describe(source)
    target = tmp_path / "cache" / "model.weights.h5"
    call = functools.partial(fetch, source.as_uri(), target, record)
    start = time.monotonic()
    operations = run_and_kill(call, target.parent)
    seconds = time.monotonic() - start
    moments = [{"after": n} for n in range(min(operations, 5))]
    moments += [{"seconds": rng.uniform(0, seconds)} for _ in range(5)]
    assert operations > 2
    for moment in moments:
        target.unlink()
        run_and_kill(call, target.parent, **moment)
        assert not target.exists() or describe(target) == record
        call()
        assert describe(target) == record
        assert list(target.parent.iterdir()) == [target]
