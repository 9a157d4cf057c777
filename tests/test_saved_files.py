"""Files saved by earlier releases load, with equal outputs.

`golden/saved-0.1.0` was written by release 0.1.0 on PyTorch: models, the past
they were given and what they forecast, and a run stopped in its third epoch,
with the weights and the history of the same run when it was not stopped. The
files of later releases are added; none is ever replaced.
"""

import shutil

import keras
import numpy as np
import pytest

import msrnn_keras
from msrnn_keras.training import read_history, train
from msrnn_keras.training.recipe import load_recipe
from tests.reference import GOLDEN, clips
from tests.runs import write_mnist

SAVED = GOLDEN / "saved-0.1.0"
MODELS = sorted(SAVED.glob("*.keras"))


@pytest.mark.parametrize("path", MODELS, ids=[path.stem for path in MODELS])
def test_a_saved_model_loads_with_unchanged_outputs(path):
    assert msrnn_keras
    model = keras.saving.load_model(path)
    with np.load(path.with_suffix(".npz")) as file:
        past, expected = file["past"], file["forecast"]
    given = model.predict(past, verbose=0)
    np.testing.assert_allclose(given, expected, atol=1e-4)
    assert np.ptp(expected) > 0.01
    if path.stem == "ms-convlstm":  # compiled
        frames = clips(2, 2, (8, 8))
        scores = model.evaluate(frames, frames, verbose=0)
        assert len(scores) == 4 and np.isfinite(scores).all()


@pytest.mark.backend_free
def test_a_run_begun_by_an_earlier_release_goes_on(tmp_path):
    run = shutil.copytree(SAVED / "run", tmp_path / "run")
    mnist = write_mnist(tmp_path / "mnist.npz")
    recipe = load_recipe(run / "recipe.toml")
    train(recipe, run, data=mnist, verbose=0)
    expected = recipe.build()
    expected.load_weights(SAVED / "trained.weights.h5")
    model = recipe.build()
    model.load_weights(run / "best.weights.h5")
    for a, b in zip(model.weights, expected.weights, strict=True):
        np.testing.assert_allclose(a, b, 1e-4, 1e-5, err_msg=a.path)
    history = read_history(run)
    shutil.copy(SAVED / "trained.csv", tmp_path / "history.csv")
    for row, other in zip(history, read_history(tmp_path), strict=True):
        for name in row.keys() - {"seconds", "cpu_seconds"}:
            assert row[name] == pytest.approx(other[name], rel=1e-4)
