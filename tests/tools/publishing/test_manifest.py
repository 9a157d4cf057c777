import json
import shutil
import threading

import pytest

from msrnn_keras.presets.download import describe
from tools.publishing import manifest

NAME = "mim/mnist/base/1"


@pytest.fixture
def root(tmp_path, write_stub):
    root = tmp_path / "presets"
    write_stub(root, NAME, 4.0)
    return root


@pytest.fixture
def run(root, tmp_path):
    path = tmp_path / "manifest.json"
    return lambda *arguments: manifest.main(arguments, root, path)


@pytest.fixture
def listed(tmp_path):
    path = tmp_path / "manifest.json"
    return lambda: json.loads(path.read_text())["presets"]


def test_the_manifest_is_complete(run, listed, root, write_stub):
    assert manifest.main(["--check"]) == 0  # the committed one
    folder = root / NAME
    (folder / ".DS_Store").write_bytes(b"not ours")
    (folder.parent / ".2.unfinished").mkdir()
    assert run("--check") == 1
    assert run() == 0
    assert run("--check") == 0
    files = ("metadata.json", "model.weights.h5")
    assert listed() == {
        NAME: {
            "files": {name: describe(folder / name) for name in files},
            "parameters": 7,
            "scores": {"validation": {"forecast": {"mse": 4.0}}},
        }
    }
    write_stub(root, "mim/mnist/base/2", 3.0)
    assert run("--check") == 1
    assert list(listed()) == [NAME]
    run()
    assert list(listed()) == [NAME, "mim/mnist/base/2"]


def test_a_card_may_change(run, root, listed):
    card = root / NAME / "README.md"
    card.write_text("There is no plain model.")
    run()
    card.write_text("It beats the plain model.")
    assert run("--check") == 1
    assert run() == 0
    assert listed()[NAME]["files"]["README.md"] == describe(card)
    card.unlink()
    assert run() == 1


def test_other_files_must_not_change(run, root, listed, capsys):
    run()
    before = listed()
    weights = root / NAME / "model.weights.h5"
    notes = weights.with_name("notes.txt")
    for change in (
        lambda: weights.write_bytes(b"WEIGHTS"),
        weights.unlink,
        lambda: weights.write_bytes(b"weights") and notes.write_text("late"),
    ):
        change()
        assert run("--check") == 1
        assert run() == 1
        assert "publish a new revision" in capsys.readouterr().err
        assert listed() == before


def test_absent_presets_stay_listed(run, root, listed, write_stub, capsys):
    run()
    before = listed()
    shutil.rmtree(root / "mim")
    assert run("--check") == 0
    folder = write_stub(root, "predrnn/mnist/base/1", 2.0)
    run()
    after = listed()
    assert after.pop("predrnn/mnist/base/1")["scores"] != {}
    assert after == before
    # The folder and its metadata must agree.
    folder.parent.rename(root / "predrnn/mnist/other")
    assert run() == 1
    assert "Received: predrnn/mnist/base/1" in capsys.readouterr().err


def test_concurrent_updates(run, root, listed, write_stub, monkeypatch):
    generate = manifest.generate
    generated, other_done = threading.Event(), threading.Event()

    def slowly(root, listed):
        made = generate(root, listed)
        if not generated.is_set():  # the first call, whose input grows old
            generated.set()
            other_done.wait(0.5)
        return made

    monkeypatch.setattr(manifest, "generate", slowly)
    first = threading.Thread(target=run)
    first.start()
    generated.wait()
    write_stub(root, "predrnn/mnist/base/1", 2.0)
    run()
    other_done.set()
    first.join()
    assert set(listed()) == {NAME, "predrnn/mnist/base/1"}
