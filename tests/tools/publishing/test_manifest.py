"""The manifest: generated, checked, and never rewriting history."""

import json
import shutil
import threading

import pytest

from msrnn_keras.presets.download import describe
from tools.publishing import manifest

pytestmark = pytest.mark.backend_free


@pytest.fixture
def root(tmp_path, write_stub):
    root = tmp_path / "presets"
    write_stub(root, "mim/mnist/base/1", 4.0)
    return root


@pytest.fixture
def run(root, tmp_path):
    """Runs the command line on the stub presets."""

    def run(*arguments):
        return manifest.main(arguments, root, tmp_path / "manifest.json")

    return run


@pytest.fixture
def listed(tmp_path):
    """Reads the presets that the manifest lists."""

    def listed():
        return json.loads((tmp_path / "manifest.json").read_text())["presets"]

    return listed


def test_the_published_manifest_agrees_with_the_presets():
    assert manifest.main(["--check"]) == 0


def test_lists_files_scores_and_parameters(run, listed, root):
    (root / "mim/mnist/base/1/.DS_Store").write_bytes(b"not ours")
    (root / "mim/mnist/base/.2.unfinished").mkdir()
    assert run() == 0
    folder = root / "mim/mnist/base/1"
    assert listed() == {
        "mim/mnist/base/1": {
            "files": {
                name: describe(folder / name)
                for name in ("metadata.json", "model.weights.h5")
            },
            "parameters": 7,
            "scores": {"validation": {"forecast": {"mse": 4.0}}},
        }
    }


def test_check_says_whether_it_is_stale(run, root, write_stub, listed):
    assert run("--check") == 1
    run()
    assert run("--check") == 0
    write_stub(root, "mim/mnist/base/2", 3.0)
    assert run("--check") == 1
    assert list(listed()) == ["mim/mnist/base/1"]
    run()
    assert list(listed()) == ["mim/mnist/base/1", "mim/mnist/base/2"]


def test_a_card_may_be_written_again(run, root, listed):
    card = root / "mim/mnist/base/1/README.md"
    card.write_text("There is no plain model.")
    run()
    card.write_text("It beats the plain model.")
    assert run("--check") == 1
    assert run() == 0
    (entry,) = listed().values()
    assert entry["files"]["README.md"] == describe(card)
    card.unlink()
    assert run() == 1


@pytest.mark.parametrize("change", ["other bytes", "one more", "one less"])
def test_a_revision_never_changes(run, root, listed, capsys, change):
    run()
    before = listed()
    weights = root / "mim/mnist/base/1/model.weights.h5"
    if change == "other bytes":
        weights.write_bytes(b"WEIGHTS")
    elif change == "one more":
        weights.with_name("notes.txt").write_text("late")
    else:
        weights.unlink()
    assert run("--check") == 1
    assert run() == 1
    assert "publish a new revision" in capsys.readouterr().err
    assert listed() == before


def test_what_is_not_on_disk_stays_listed(run, root, listed, write_stub):
    run()
    before = listed()
    shutil.rmtree(root / "mim")
    assert run("--check") == 0
    write_stub(root, "predrnn/mnist/base/1", 2.0)
    run()
    after = listed()
    assert after.pop("predrnn/mnist/base/1")["scores"] != {}
    assert after == before


def test_folder_and_metadata_must_agree(run, root, capsys):
    (root / "mim/mnist/base").rename(root / "mim/mnist/other")
    assert run() == 1
    assert "Received: mim/mnist/base/1" in capsys.readouterr().err


def test_it_is_written_whole_or_not_at_all(run, root, tmp_path, monkeypatch):
    run()
    path = tmp_path / "manifest.json"
    before = path.read_bytes()
    shutil.copytree(root / "mim/mnist/base/1", root / "mim/mnist/base/2")
    metadata = root / "mim/mnist/base/2/metadata.json"
    text = metadata.read_text().replace('"revision": "1"', '"revision": "2"')
    metadata.write_text(text)

    def killed(source, target):
        raise KeyboardInterrupt

    left = tmp_path / f"tmp-{'0' * 32}-manifest.json"
    left.write_bytes(before[:9])
    with monkeypatch.context() as patch:
        patch.setattr("os.replace", killed)
        with pytest.raises(KeyboardInterrupt):
            run()
    assert path.read_bytes() == before
    assert run() == 0
    assert path.read_bytes() != before
    assert not left.exists()


def test_what_others_publish_meanwhile_is_listed(
    run, root, listed, write_stub, monkeypatch
):
    generate, generated = manifest.generate, threading.Event()
    other_done = threading.Event()

    def slowly(root, listed):
        made = generate(root, listed)
        if not generated.is_set():  # the first: what it read grows old
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
    assert set(listed()) == {"mim/mnist/base/1", "predrnn/mnist/base/1"}
