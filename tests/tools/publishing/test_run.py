import shutil

import h5py
import numpy as np
import pytest

from msrnn_keras.presets.download import describe
from msrnn_keras.presets.registry import Library
from msrnn_keras.training.history import write_history
from tests.tools.publishing.publishing import ENVIRONMENT, history, write_run
from tools.publishing.run import earlier_training, read_run


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory):
    return write_run(tmp_path_factory.mktemp("run") / "run")


@pytest.fixture
def copy(run_dir, tmp_path):
    return shutil.copytree(run_dir, tmp_path / "run")


def test_a_run_is_read_or_refused(run_dir, copy):
    run = read_run(run_dir)
    assert run.recipe.model == "ms-convlstm"
    assert run.training == {
        **{"clips": 3 * 3 * 2, "steps": 3 * 3, "epochs": 3},
        **{"planned_epochs": 3, "best_epoch": 1},
        **{"hours": 0.75, "cpu_hours": None, "history": history(3)},
        **ENVIRONMENT,
    }
    sha256 = describe(run_dir / "best.weights.h5")["sha256"]
    assert run.identity == {"weights_sha256": sha256, "epochs": 3}
    rows = [{**row, "cpu_seconds": 1800.0} for row in history(3)]
    write_history(copy, rows)
    assert read_run(copy).training["cpu_hours"] == 1.5
    write_history(copy, [*history(1), *rows[1:]])  # begun by an older version
    assert read_run(copy).training["cpu_hours"] is None
    rows = history(3)
    rows[1]["val_mse"] = float("nan")
    write_history(copy, rows)
    with pytest.raises(ValueError, match=r"Received: val_mse=\[30.0, nan"):
        read_run(copy)
    write_history(copy, history(2))
    with pytest.raises(ValueError, match="--unfinished.*Received: 2 of 3"):
        read_run(copy)
    training = read_run(copy, unfinished=True).training
    assert (training["epochs"], training["planned_epochs"]) == (2, 3)
    assert (training["clips"], training["hours"]) == (2 * 3 * 2, 0.5)
    write_history(copy, history(3))
    weights = copy / "best.weights.h5"
    for value in (np.nan, np.inf):
        names = []
        with h5py.File(weights, "r+") as file:
            file.visit(names.append)
            name = next(n for n in names if getattr(file[n], "ndim", 0) == 4)
            file[name][0, 0, 0, 0] = value
        with pytest.raises(ValueError, match=f"Received: NaN or.*{name}"):
            read_run(copy)
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(OSError, match="cannot be read.*Received: "):
        read_run(copy)
    for missing in ("best.weights.h5", "history.csv", "environment.json"):
        content = (copy / missing).read_bytes()
        (copy / missing).unlink()
        with pytest.raises(FileNotFoundError, match="no epoch.*Received: "):
            read_run(copy)
        (copy / missing).write_bytes(content)
    (copy / "recipe.toml").unlink()
    with pytest.raises(FileNotFoundError, match="no run.*Received: "):
        read_run(copy)


def test_the_training_of_initial_weights_counts(run_dir):
    run, library = read_run(run_dir), Library()
    for init in (None, "./folder", "hf://user/name", "old.keras"):
        other = run._replace(environment={"init": init})
        assert earlier_training(other, library) == {}
    run = run._replace(environment={"init": "ms-predrnn++/mnist/medium"})
    assert earlier_training(run, library) == {
        "earlier_clips": 16_800 + 57_600,
        "earlier_hours": pytest.approx(1.15 + 1.82),
    }
