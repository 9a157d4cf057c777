import json

import keras
import numpy as np
import pytest

import msrnn_keras
from msrnn_keras.training import train
from msrnn_keras.training.recipe import parse_recipe
from tests.runs import contents


@pytest.fixture(scope="module")
def source(uncut, recipe):
    model = recipe.build()
    model.load_weights(uncut / "best.weights.h5")
    return model


@pytest.fixture(scope="module")
def begun(folder, steady, mnist, source):
    train(steady, folder / "begun", mnist, verbose=0, init=source)
    return folder / "begun"


def test_initial_weights(tmp_path, steady, mnist, source, train_until):
    slow = steady.change_training(learning_rate=1e-12)
    options = {"init": source, "init_name": "mine"}
    train_until(2, slow, tmp_path / "run", mnist, **options)
    model = keras.saving.load_model(tmp_path / "run" / "checkpoint.keras")
    models = model.trainable_variables, source.trainable_variables
    for a, b in zip(*models, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), atol=1e-9)
    assert int(model.optimizer.iterations.numpy()) == 2
    environment = json.loads((tmp_path / "run/environment.json").read_text())
    assert environment["init"] == "mine"


@pytest.mark.backend_free
def test_a_recipe_names_its_initial_weights(
    tmp_path, steady, mnist, source, begun, assert_same_run, monkeypatch
):
    loaded = []

    def load_preset(name):
        loaded.append(name)
        return source

    monkeypatch.setattr("msrnn_keras.training.run.load_preset", load_preset)
    name = "ms-convlstm/mnist/tiny"
    text = steady.text.replace("[arch", f'init = "{name}"\n\n[arch', 1)
    plan = parse_recipe(text, "steady.toml")
    assert plan.change_training(epochs=9).init == plan.init == name
    assert not plan.continues(steady.text)
    run = tmp_path / "run"
    for _ in range(2):
        train(plan, run, mnist, verbose=0)
    assert loaded == [name]
    assert json.loads((run / "environment.json").read_text())["init"] == name
    # The log and the copy of the recipe differ.
    for file in ("recipe.toml", "environment.json"):
        (run / file).write_bytes((begun / file).read_bytes())
    assert_same_run(run, begun)
    other = tmp_path / "other"
    options = {"init": source, "init_name": "mine"}
    train(plan, other, mnist, verbose=0, **options)
    assert loaded == [name]
    with pytest.raises(ValueError, match="`init` must be of type str"):
        parse_recipe(text.replace(f'"{name}"', "3"), "steady.toml")


@pytest.mark.backend_free
def test_run_without_checkpoint_starts_from_the_same_weights(
    tmp_path, steady, mnist, source, begun, train_until, assert_same_run
):
    run = tmp_path / "run"
    train_until(1, steady, run, mnist, init=source)
    (run / "checkpoint.keras").unlink()
    train(steady, run, mnist, verbose=0)
    assert_same_run(run, begun)


@pytest.mark.backend_free
def test_other_weights(tmp_path, steady, mnist, source, begun, uncut, recipe):
    train(steady, begun, mnist, verbose=0, init=source)
    other = steady.change_training(seed=9).build()
    for started, plan in ((begun, steady), (uncut, recipe)):
        before = contents(started)
        with pytest.raises(FileExistsError, match="other weights.*Received: "):
            train(plan, started, mnist, init=other)
        assert contents(started) == before
    wide = {**steady.architecture, "filters": 4}
    other = msrnn_keras.create("ms-convlstm", **wide)
    with pytest.raises(ValueError, match=r"Received: .*layer_0.*\(.*\) for \("):
        train(steady, tmp_path / "run", mnist, init=other)
    assert not (tmp_path / "run").exists()
