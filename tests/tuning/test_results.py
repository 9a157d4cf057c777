import tomllib

import pytest

import msrnn_keras
from msrnn_keras import tuning
from tests.tuning.searches import TRIALS

pytestmark = pytest.mark.backend_free

ROW = {
    "trial": "0",
    "status": "COMPLETED",
    "val_mse": 12.3456,
    "epochs": 2,
    "seconds": 61.25,
    "parameters": 1234,
    "values": {"cell": "predrnn", "filters": 8, "learning_rate": 1e-4},
    "message": None,
}
FAILED = {
    **ROW,
    **dict.fromkeys(("val_mse", "epochs", "seconds", "parameters")),
    "trial": "1",
    "status": "FAILED",
    "values": {**ROW["values"], "filters": 16},
}


def test_the_table_shows_what_differs():
    assert tuning.results_table([ROW, FAILED]).splitlines() == [
        "trial  val_mse  epochs  seconds  parameters  filters",
        "0        12.35       2    61.25       1,234        8",
        "1       failed       –        –           –       16",
    ]
    table = tuning.results_table([ROW], searched=["cell", "learning_rate"])
    assert table.splitlines()[0].split()[-2:] == ["cell", "learning_rate"]
    assert table.splitlines()[1].split()[-2:] == ["predrnn", "0.0001"]


def test_the_best_is_written_as_a_recipe(uncut):
    folder, tuner = uncut
    with tuner.best.open("rb") as file:
        recipe = tomllib.load(file)
    best = tuning.read_results(folder)[0]
    assert tuner.best == folder.resolve() / tuning.BEST
    assert recipe["model"] == "convlstm"
    assert recipe["architecture"] == {
        "scales": [1],
        "filters": best["values"]["filters"],
        "kernel_size": 1,
        "skips": "none",
        "patch_size": 4,
        "image_shape": [8, 8, 1],
        "context": 2,
        "horizon": 2,
    }
    assert recipe["training"] == {
        "epochs": 2,
        "learning_rate": best["values"]["learning_rate"],
        "sampling": best["values"]["sampling"],
        "loss": "l1_l2",
        "seed": 3,
    }
    assert recipe["search"] == {
        "method": "random",
        "trial": best["trial"],
        "trials": TRIALS,
        "val_mse": best["val_mse"],
        "parameters": best["parameters"],
    }
    model = msrnn_keras.create(recipe["model"], **recipe["architecture"])
    assert model.count_params() == best["parameters"]
