"""What is not published, and how little is computed before that is known."""

import contextlib
import json

import pytest

from msrnn_keras.training import lock_run
from msrnn_keras.training.history import write_history
from tests.runs import RECIPE
from tests.tools.publishing.publishing import (
    NAME,
    history,
    small_mnist,
    write_run,
)
from tools.publishing import manifest
from tools.publishing.publish import publish

pytestmark = pytest.mark.backend_free


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Two runs of one recipe."""
    folder = tmp_path_factory.mktemp("publish")
    return [write_run(folder / f"run{i}", seed=i) for i in range(2)]


def nothing_written(library):
    return not any(path.is_file() for path in library.root.rglob("*"))


# === Revisions ===


def test_each_run_is_the_next_revision(scorer, runs, library):
    folders = [publish(run, "none", library=library) for run in runs]
    assert folders == [library.root / NAME / n for n in "12"]
    assert manifest.main(["--check"], library.root, library.manifest) == 0


def test_a_run_that_went_on_is_another(scorer, library):
    run = write_run(library.root.parent / "run", epochs=2)
    first = publish(run, "none", library=library, unfinished=True)
    assert "Unfinished: 2 of" in (first / "README.md").read_text("utf-8")
    history = run / "history.csv"
    history.write_text(history.read_text() + "2,9.0,40.0,29.5\n")
    assert publish(run, "none", library=library).name == "2"


def test_what_is_worse_is_refused_before_the_test(scorer, runs, library):
    mse = iter([5.0, 5.0, 1.0, 1.0, 1.0, 1.0, 5.001, 5.001])
    scorer.mse = lambda model, dataset: next(mse)
    first = publish(runs[0], "none", library=library)
    before = library.manifest.read_bytes()
    scorer.asked.clear()
    with pytest.raises(ValueError, match="MSE 5.0000.*Received: MSE 5.001"):
        publish(runs[1], "none", library=library)
    assert [split for _, split in scorer.asked] == ["validation"] * 2
    assert list(first.parent.iterdir()) == [first]
    assert library.manifest.read_bytes() == before


def test_the_test_clips_are_scored_last_and_once(scorer, runs, library):
    publish(runs[0], "none", library=library)
    assert scorer.asked == [
        ("ms-convlstm", "validation"),  # float32
        ("ms-convlstm", "validation"),  # float16
        ("ms-convlstm", "test"),
        ("persistence", "test"),
        ("all black", "test"),
        ("linear extrapolation", "test"),
    ]


# === Refusals ===


@pytest.mark.parametrize("hardware", ["", "  ", None])
def test_hardware_must_be_told(scorer, runs, library, hardware):
    with pytest.raises(ValueError, match="Received: hardware="):
        publish(runs[0], hardware, library=library)
    assert nothing_written(library)


def test_an_unknown_licence(scorer, runs, library, monkeypatch):
    monkeypatch.setattr("tools.publishing.publish.LICENSES", {})
    with pytest.raises(ValueError, match="licence.*Received: dataset='mnist'"):
        publish(runs[0], "none", library=library)


def test_a_run_that_is_not_finished(scorer, tmp_path, library):
    run = write_run(tmp_path / "run", epochs=2)
    with pytest.raises(ValueError, match="--unfinished.*Received: 2 of 3"):
        publish(run, "none", library=library)


def test_missing_data(runs, library):
    with pytest.raises(FileNotFoundError, match="Received: "):
        publish(runs[0], "none", "none.npz", library)
    assert nothing_written(library)


def test_another_test_set(runs, library):
    with (
        small_mnist(),
        pytest.raises(ValueError, match="not the fixed.*Received: "),
    ):
        publish(runs[0], "none", library=library)
    assert nothing_written(library)


def test_other_digits_are_not_the_test_set(tmp_path, library):
    text = RECIPE + "\n[data]\nnum_digits = 3\n"
    run = write_run(tmp_path / "run", text)
    with (
        small_mnist(),
        pytest.raises(ValueError, match="not the fixed.*Received: "),
    ):
        publish(run, "none", library=library)


def test_nothing_is_written_when_scoring_fails(scorer, runs, library):
    def fail(model, dataset):
        raise ValueError("not finite")

    scorer.mse = fail
    with pytest.raises(ValueError, match="not finite"):
        publish(runs[0], "none", library=library)
    assert nothing_written(library)
    assert not (runs[0] / "publishing").exists()


def test_a_preset_that_is_not_listed_yet_is(scorer, runs, library, monkeypatch):
    """A call is cut between the folder and the manifest."""

    def cut(root, path):
        if (root / NAME / "1").exists():
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("tools.publishing.manifest.update", cut)
        with pytest.raises(KeyboardInterrupt):
            publish(runs[0], "none", library=library)
    assert (library.root / NAME / "1").is_dir()
    assert json.loads(library.manifest.read_text()) == {"presets": {}}
    scorer.asked.clear()
    again = publish(runs[0], "none", library=library)
    assert again == library.root / NAME / "1"
    assert scorer.asked == []
    assert library.names() == [NAME]


def test_a_run_that_another_call_publishes_is_refused(runs, library):
    with (
        lock_run(runs[0]),
        pytest.raises(RuntimeError, match="Another process"),
    ):
        publish(runs[0], "none", library=library)
    assert nothing_written(library)


def test_what_was_trained_before_it_was_held_counts(
    scorer, tmp_path, library, monkeypatch
):
    longer = RECIPE.replace("epochs = 3", "epochs = 4")
    run = write_run(tmp_path / "run", longer)

    @contextlib.contextmanager
    def hold_late(folder):
        write_history(folder, history(4))
        with lock_run(folder):
            yield

    monkeypatch.setattr("tools.publishing.publish.hold", hold_late)
    preset = publish(run, "none", library=library, unfinished=True)
    metadata = json.loads((preset / "metadata.json").read_text())
    assert metadata["run"]["epochs"] == metadata["training"]["epochs"] == 4


def test_a_folder_without_a_run_is_refused(tmp_path, library):
    with pytest.raises(FileNotFoundError, match="no run.*Received: "):
        publish(tmp_path / "none", "none", library=library)
    assert not (tmp_path / "none").exists()
