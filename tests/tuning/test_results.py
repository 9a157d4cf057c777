import tomllib

import pytest

import msrnn_keras
from msrnn_keras import tuning
from tests.tuning.searches import TRIALS

pytestmark = pytest.mark.backend_free

VALUES = {"cell": "predrnn", "filters": 8, "learning_rate": 1e-4}
ROW = {
    **{"trial": "0", "status": "COMPLETED", "val_mse": 12.3456, "epochs": 2},
    **{"seconds": 61.25, "parameters": 1234, "values": VALUES},
}
FAILED = dict.fromkeys(ROW) | {"trial": "1", "status": "FAILED"}
FAILED["values"] = {**VALUES, "filters": 16}


def test_table_shows_the_searched_values():
    assert tuning.results_table([ROW, FAILED]).splitlines() == [
        "trial  val_mse  epochs  seconds  parameters  filters",
        "0        12.35       2    61.25       1,234        8",
        "1       failed       –        –           –       16",
    ]
    table = tuning.results_table([ROW], searched=["cell", "learning_rate"])
    shown = [line.split()[-2:] for line in table.splitlines()]
    assert shown == [["cell", "learning_rate"], ["predrnn", "0.0001"]]


def test_best_trial_is_written_as_a_recipe(uncut):
    folder, tuner = uncut
    with tuner.best.open("rb") as file:
        recipe = tomllib.load(file)
    best = tuning.read_results(folder)[0]
    assert tuner.best == folder.resolve() / tuning.BEST
    assert recipe["model"] == "convlstm"
    values = best["values"]
    assert recipe["architecture"] == {
        **{"image_shape": [8, 8, 1], "context": 2, "horizon": 2},
        **{name: values[name] for name in ("filters", "kernel_size")},
        **{"scales": [1], "skips": "none", "patch_size": 4},
    }
    assert recipe["training"] == {
        **{name: values[name] for name in ("learning_rate", "sampling")},
        **{"epochs": 2, "loss": "l1_l2", "seed": 3},
    }
    assert recipe["search"] == {
        **{name: best[name] for name in ("trial", "val_mse", "parameters")},
        **{"method": "random", "trials": TRIALS},
    }
    model = msrnn_keras.create(recipe["model"], **recipe["architecture"])
    assert model.count_params() == best["parameters"]
