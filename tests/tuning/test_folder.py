import json
import shutil

import numpy as np
import pytest

from msrnn_keras import tuning
from msrnn_keras.tuning import search as search_module
from tests.disk import full
from tests.tuning.searches import by_trial, clips, search, space

pytestmark = pytest.mark.backend_free


def test_other_folders_are_refused(uncut, tmp_path):
    folder = uncut[0]
    before = by_trial(folder)
    for options, name in (
        ({"hypermodel": space(filters=(1, 2))}, "filters"),
        ({"hypermodel": space(horizon=3)}, "horizon"),
        ({"method": "hyperband"}, "method"),
        ({"epochs": 3, "seed": 1}, "epochs, seed"),
        ({"setting": {"dataset": "mnist"}}, "setting"),
    ):
        with pytest.raises(FileExistsError, match=f"differs in {name}$"):
            search(folder, **options)
    assert by_trial(folder) == before
    (tmp_path / "thesis.txt").write_text("the only copy")
    message = f"Received: .*{tmp_path.name}"
    for overwrite in (False, True):
        with pytest.raises(FileExistsError, match=message):
            search(tmp_path, overwrite=overwrite)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_overwrite_deletes_the_search(uncut, tmp_path):
    folder = shutil.copytree(uncut[0], tmp_path / "run")
    before = by_trial(folder)
    other = {"max_trials": 1, "epochs": 1, "overwrite": True}
    with pytest.raises(ValueError, match="Received: horizon=0"):
        search(folder, space(horizon=0), **other)
    assert by_trial(folder) == before
    search(folder, **other)
    (result,) = tuning.read_results(folder)
    assert result["epochs"] == 1


def test_damaged_files_are_named(uncut, tmp_path):
    folder = shutil.copytree(uncut[0], tmp_path / "run")
    (folder / "oracle.json").write_text("{")
    with pytest.raises(ValueError, match="search are damaged.*Received"):
        search(folder)
    (folder / "trial_1" / "trial.json").write_text("{")
    with pytest.raises(ValueError, match="trial is damaged.*trial_1"):
        tuning.read_results(folder)
    with pytest.raises(FileNotFoundError, match="no search there"):
        tuning.read_results(folder / "none")


def test_refused_arguments_and_data(tmp_path):
    numbers = {"max_trials": 0, "epochs": 0, "seed": -1, "max_minutes": 0}
    for name, value in {"method": "grid", **numbers}.items():
        with pytest.raises(ValueError, match=f"Received: {name}={value!r}"):
            search(tmp_path / "run", **{name: value})
    assert not (tmp_path / "run").exists()
    x, y = clips()
    with pytest.raises(ValueError, match="contain NaN"):
        search(tmp_path / "a", train=(np.full_like(x, np.nan), y))
    with pytest.raises(TypeError, match="floating-point"):
        search(tmp_path / "b", train=(x.astype("int32"), y))
    (result,) = tuning.read_results(tmp_path / "a")
    assert result["status"] == "RUNNING"


def test_failing_trials_end_the_search(tmp_path):
    class Failing(tuning.MSRNNHyperModel):
        def fit(self, hp, model, *args, **kwargs):
            raise RuntimeError("out of memory")

    with pytest.raises(RuntimeError, match="row.*Received: .*out of memory$"):
        search(tmp_path / "a", space(Failing), max_trials=4)
    with pytest.raises(RuntimeError, match="All trials.*out of memory$"):
        search(tmp_path / "b", space(Failing), max_trials=1)
    (result,) = tuning.read_results(tmp_path / "b")
    assert result["status"] == "FAILED"
    assert "out of memory" in result["message"]
    assert not (tmp_path / "b" / tuning.BEST).exists()


def test_a_full_disk_stops_the_search_which_goes_on_later(tmp_path):
    folder = tmp_path / "run"
    with full(1 << 20), pytest.raises(OSError, match=f"of {folder} is full"):
        search(folder, max_trials=1)
    assert not list(folder.rglob("tmp-*"))
    assert {row["status"] for row in by_trial(folder).values()} == {"RUNNING"}
    assert search(folder, max_trials=1).finished
    assert by_trial(folder)["0"]["status"] == "COMPLETED"


def test_a_kill_within_a_write_loses_nothing(uncut, tmp_path, monkeypatch):
    """A limit of file sizes cuts what is written, as a kill does."""
    folder, original = tmp_path / "run", search_module._Lines.on_trial_end

    def cut(self, trial):
        with full(200):
            original(self, trial)

    for _ in range(2):
        with monkeypatch.context() as patch:
            patch.setattr(search_module._Lines, "on_trial_end", cut)
            with pytest.raises(OSError, match="full.*Received"):
                search(folder)
        for path in folder.rglob("*.json"):
            json.loads(path.read_text())
    # A trial that began, but the oracle was not saved after it.
    state = json.loads((folder / "trial_0" / "trial.json").read_text())
    (folder / "trial_1").mkdir()
    state["trial_id"] = "1"
    (folder / "trial_1" / "trial.json").write_text(json.dumps(state))
    assert search(folder).finished
    after = by_trial(folder)
    assert after == {
        trial: {**row, "val_mse": pytest.approx(row["val_mse"], rel=1e-4)}
        for trial, row in by_trial(uncut[0]).items()
    }
