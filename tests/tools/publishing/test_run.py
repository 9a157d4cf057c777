"""Runs that are to be published: what is read of them, what is refused."""

import json
import shutil

import h5py
import numpy as np
import pytest

from msrnn_keras.presets.download import describe
from msrnn_keras.training.history import write_history
from tests.tools.publishing.publishing import ENVIRONMENT, history, write_run
from tools.publishing.run import read_run

pytestmark = pytest.mark.backend_free


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory):
    return write_run(tmp_path_factory.mktemp("run") / "run")


@pytest.fixture
def copy(run_dir, tmp_path):
    return shutil.copytree(run_dir, tmp_path / "run")


def test_what_is_read(run_dir):
    run = read_run(run_dir)
    assert run.recipe.model == "ms-convlstm"
    assert run.training == {
        "clips": 3 * 3 * 2,
        "steps": 3 * 3,
        "epochs": 3,
        "planned_epochs": 3,
        "hours": 0.75,
        "cpu_hours": None,
        "best_epoch": 1,
        **ENVIRONMENT,
        "history": history(3),
    }
    sha256 = describe(run_dir / "best.weights.h5")["sha256"]
    assert run.identity == {"weights_sha256": sha256, "epochs": 3}


def test_the_cpu_time_of_all_epochs(copy):
    rows = [{**row, "cpu_seconds": 1800.0} for row in history(3)]
    write_history(copy, rows)
    assert read_run(copy).training["cpu_hours"] == 1.5
    write_history(copy, [*history(1), *rows[1:]])  # begun by an older version
    assert read_run(copy).training["cpu_hours"] is None


def test_the_model_has_the_best_weights(run_dir):
    given = read_run(run_dir).load()
    assert given.compiled
    with h5py.File(run_dir / "best.weights.h5") as file:
        arrays = []
        file.visititems(lambda name, item: arrays.append(item))
        shapes = [a for a in arrays if isinstance(a, h5py.Dataset)]
        stored = sorted(a[()].sum() for a in shapes if a.dtype.kind == "f")
    sums = sorted(weight.numpy().sum() for weight in given.trainable_weights)
    assert len(sums) > 4
    for total in sums:
        assert np.isclose(stored, total).any()


@pytest.mark.parametrize(
    "missing", ["best.weights.h5", "history.csv", "environment.json"]
)
def test_a_run_without_an_epoch(copy, missing):
    (copy / missing).unlink()
    with pytest.raises(FileNotFoundError, match="no epoch. Received: .*run"):
        read_run(copy)


def test_no_run(tmp_path):
    with pytest.raises(FileNotFoundError, match="Received: "):
        read_run(tmp_path / "run")


def test_a_run_that_is_not_finished(copy):
    write_history(copy, history(2))
    with pytest.raises(ValueError, match="--unfinished.*Received: 2 of 3"):
        read_run(copy)
    training = read_run(copy, unfinished=True).training
    assert (training["epochs"], training["planned_epochs"]) == (2, 3)
    assert (training["clips"], training["hours"]) == (2 * 3 * 2, 0.5)


def test_a_score_that_is_not_a_number(copy):
    rows = history(3)
    rows[1]["val_mse"] = float("nan")
    write_history(copy, rows)
    with pytest.raises(ValueError, match=r"Received: val_mse=\[30.0, nan"):
        read_run(copy)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_weight_that_is_not_a_number(copy, value):
    names = []
    with h5py.File(copy / "best.weights.h5", "r+") as file:
        file.visit(names.append)
        name = next(n for n in names if getattr(file[n], "ndim", 0) == 4)
        file[name][0, 0, 0, 0] = value
    with pytest.raises(ValueError, match=f"Received: NaN or.*{name}"):
        read_run(copy)


def test_damaged_weights(copy):
    weights = copy / "best.weights.h5"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(OSError, match="cannot be read.*Received: "):
        read_run(copy)


def test_the_software_is_that_of_the_training(copy):
    other = {**ENVIRONMENT, "python": "2.7"}
    (copy / "environment.json").write_text(json.dumps(other))
    assert read_run(copy).training["python"] == "2.7"
