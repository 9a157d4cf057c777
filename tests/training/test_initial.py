"""Runs that begin from the weights of another model."""

import json

import keras
import numpy as np
import pytest

import msrnn_keras
from msrnn_keras.training import train
from msrnn_keras.training.stopping import Stop
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


def test_a_run_begins_from_given_weights(
    tmp_path, steady, mnist, source, monkeypatch
):
    seen = []

    def within(self, seconds):
        return bool(seen) or seen.append(seconds)

    monkeypatch.setattr(Stop, "within", within)
    slow = steady.change_training(learning_rate=1e-12)
    options = {"init": source, "init_name": "mine", "verbose": 0}
    train(slow, tmp_path / "run", mnist, **options)
    model = keras.saving.load_model(tmp_path / "run" / "checkpoint.keras")
    for a, b in zip(
        model.trainable_variables, source.trainable_variables, strict=True
    ):
        np.testing.assert_allclose(a.numpy(), b.numpy(), atol=1e-9)
    assert int(model.optimizer.iterations.numpy()) == 2
    environment = json.loads((tmp_path / "run/environment.json").read_text())
    assert environment["init"] == "mine"


def test_a_run_that_began_from_weights_goes_on_to_the_bit(
    tmp_path, steady, mnist, source, begun, train_until, assert_same_run
):
    run = tmp_path / "run"
    train_until(2, steady, run, mnist, init=source)
    train(steady, run, mnist, verbose=0)  # The run knows where it began.
    assert_same_run(run, begun)
    # Killed before its first checkpoint, it begins from the same weights.
    other = tmp_path / "other"
    train_until(1, steady, other, mnist, init=source)
    for name in ("checkpoint.keras", "previous.keras"):
        (other / name).unlink(missing_ok=True)
    train(steady, other, mnist, verbose=0)
    assert_same_run(other, begun)


def test_other_weights_are_refused_in_a_run(
    steady, mnist, source, begun, uncut, recipe
):
    train(steady, begun, mnist, verbose=0, init=source)
    other = steady.change_training(seed=9).build()
    for started, plan in ((begun, steady), (uncut, recipe)):
        before = contents(started)
        with pytest.raises(FileExistsError, match="other weights.*Received: "):
            train(plan, started, mnist, init=other)
        assert contents(started) == before


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"filters": 4}, r"layer_0.*\(.*\) for \("),
        ({"scales": [1, 1, 1]}, "layer_1.* for no weight"),
    ],
)
def test_weights_that_do_not_fit_are_refused_by_name(
    tmp_path, steady, mnist, changes, message
):
    sizes = {**steady.architecture, **changes}
    other = msrnn_keras.create("ms-convlstm", **sizes)
    with pytest.raises(ValueError, match=f"Received: .*{message}"):
        train(steady, tmp_path / "run", mnist, init=other)
    assert not (tmp_path / "run").exists()


def test_a_model_with_a_mask_begins_from_one_without(tmp_path, steady, source):
    from msrnn_keras.models.transfer import initialize_weights

    sizes = {**steady.architecture, "missing": "mask"}
    model = msrnn_keras.create("ms-convlstm", **sizes)
    initialize_weights(source, model)
    x = np.random.default_rng(0).random((1, 2, 32, 32, 1), "float32")
    np.testing.assert_allclose(
        model.predict(x, verbose=0), source.predict(x, verbose=0), atol=1e-6
    )
