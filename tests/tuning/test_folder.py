"""Whose a folder is, and what is refused."""

import shutil

import numpy as np
import pytest

from msrnn_keras import tuning
from tests.tuning.searches import by_trial, clips, search, space

pytestmark = pytest.mark.backend_free


@pytest.mark.parametrize(
    "options, name",
    [
        ({"hypermodel": space(filters=(1, 2))}, "filters"),
        ({"hypermodel": space(horizon=3)}, "fixed"),
        ({"method": "hyperband"}, "method"),
        ({"epochs": 3}, "epochs"),
        ({"seed": 1}, "seed"),
        ({"setting": {"dataset": "mnist"}}, "setting"),
    ],
)
def test_the_folder_of_another_search_is_refused(uncut, options, name):
    folder = uncut[0]
    before = by_trial(folder)
    with pytest.raises(FileExistsError, match=f"differs in {name}$"):
        search(folder, **options)
    assert by_trial(folder) == before


def test_a_folder_of_other_files_is_refused(tmp_path):
    (tmp_path / "thesis.txt").write_text("all there is")
    for overwrite in (False, True):
        with pytest.raises(
            FileExistsError, match="Received: .*" + tmp_path.name
        ):
            search(tmp_path, overwrite=overwrite)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_overwriting_deletes_the_search(uncut, tmp_path):
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


@pytest.mark.parametrize(
    "options, message",
    [
        ({"method": "grid"}, "Received: method='grid'"),
        ({"max_trials": 0}, "Received: max_trials=0"),
        ({"epochs": 0}, "Received: epochs=0"),
        ({"seed": -1}, "Received: seed=-1"),
        ({"max_minutes": 0}, "Received: max_minutes=0"),
    ],
)
def test_arguments_out_of_range_are_refused(tmp_path, options, message):
    with pytest.raises(ValueError, match=message):
        search(tmp_path / "run", **options)
    assert not (tmp_path / "run").exists()


def test_data_that_are_refused_end_the_search(tmp_path):
    x, y = clips()
    with pytest.raises(ValueError, match="contain NaN"):
        search(tmp_path / "a", train=(np.full_like(x, np.nan), y))
    with pytest.raises(TypeError, match="floating-point"):
        search(tmp_path / "b", train=(x.astype("int32"), y))
    assert [r["status"] for r in tuning.read_results(tmp_path / "a")] == [
        "RUNNING"
    ]


def test_trials_that_fail_end_the_search(tmp_path):
    class Failing(tuning.MSRNNHyperModel):
        def fit(self, hp, model, *args, **kwargs):
            raise RuntimeError("out of memory")

    config = {"cell": "convlstm", "filters": (1, 2, 3, 4), "scales": ((1,),)}
    config |= {"patch_size": 4, "image_shape": (8, 8, 1)}
    with pytest.raises(RuntimeError, match="row.*Received: .*out of memory$"):
        search(tmp_path / "a", Failing(**config), max_trials=4)
    with pytest.raises(RuntimeError, match="All trials.*out of memory$"):
        search(tmp_path / "b", Failing(**config), max_trials=1)
    results = tuning.read_results(tmp_path / "b")
    assert [r["status"] for r in results] == ["FAILED"]
    assert "out of memory" in results[0]["message"]
    assert not (tmp_path / "b" / tuning.BEST).exists()
    table = tuning.results_table(results)
    assert table.count("failed") == 1 and "RuntimeError" not in table
