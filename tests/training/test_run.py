"""The files and messages of a run."""

import signal

import numpy as np
import pytest

from msrnn_keras.training import read_history, run, train
from msrnn_keras.training.keeper import RunKeeper
from tests.runs import RECIPE, contents, state

STEPS = 3  # of an epoch of RECIPE
STARTED = {"environment.json", "lock", "recipe.toml"}
TRAINED = "best.weights.h5 checkpoint.keras history.csv previous.keras".split()


def test_files_of_a_run(uncut):
    assert set(contents(uncut)) == STARTED.union(TRAINED)
    assert (uncut / "recipe.toml").read_text() == RECIPE
    history = read_history(uncut)
    assert [row["epoch"] for row in history] == [0, 1, 2]
    assert {"loss", "mse", "val_loss", "val_mse"} < set(history[0])
    assert len({row["val_mse"] for row in history}) == 3
    saved = state(uncut / "checkpoint.keras")
    counts = [value for value in saved.values() if value.shape == ()]
    steps = [value for value in counts if value == 3 * STEPS]
    assert len(steps) >= 2  # the optimizer's steps and those of sampling
    assert any(name.startswith("optimizer") for name in saved)


def test_best_weights_have_the_score_of_the_best_epoch(uncut, recipe, mnist):
    model = recipe.build()
    model.load_weights(uncut / "best.weights.h5")
    data = recipe.data("validation", path=mnist)
    scored = model.evaluate(data, verbose=0, return_dict=True)["mse"]
    best = min(row["val_mse"] for row in read_history(uncut))
    np.testing.assert_allclose(scored, best, rtol=1e-5)


def test_averaged_weights_are_validated_and_saved(tmp_path, recipe, mnist):
    averaging = recipe.change_training(ema=0.5, epochs=1)
    weights = []

    class Watching(RunKeeper):
        def on_train_batch_end(self, batch, logs=None):
            super().on_train_batch_end(batch, logs)
            trained = self.model.trainable_variables
            weights.append([np.array(v.numpy()) for v in trained])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run, "RunKeeper", Watching)
        train(averaging, tmp_path / "run", mnist, verbose=0)
    first, second, third = weights
    expected = [
        0.25 * a + 0.25 * b + 0.5 * c
        for a, b, c in zip(first, second, third, strict=True)
    ]
    model = averaging.build()
    model.load_weights(tmp_path / "run" / "best.weights.h5")
    for variable, value in zip(
        model.trainable_variables, expected, strict=True
    ):
        np.testing.assert_allclose(variable.numpy(), value, atol=1e-6)
    data = averaging.data("validation", path=mnist)
    scored = model.evaluate(data, verbose=0, return_dict=True)["mse"]
    (row,) = read_history(tmp_path / "run")
    np.testing.assert_allclose(row["val_mse"], scored, rtol=1e-5)
    # The checkpoint holds both: training continues with its own weights.
    saved = state(tmp_path / "run" / "checkpoint.keras").values()
    for value in (*third, *expected):
        assert any(
            s.shape == value.shape and np.allclose(s, value, atol=1e-7)
            for s in saved
        )


@pytest.mark.backend_free
def test_infinite_loss_ends_the_run(tmp_path, recipe, mnist):
    wild = recipe.change_training(learning_rate=1e30)
    message = "after step [123] of epoch 1; .*Received: loss=(nan|inf)"
    with pytest.raises(FloatingPointError, match=message):
        train(wild, tmp_path / "run", data=mnist, verbose=0)
    assert set(contents(tmp_path / "run")) == STARTED


@pytest.mark.backend_free
def test_signal_stops_the_run_and_is_raised_again(
    tmp_path, recipe, mnist, capsys
):
    class Signalled(RunKeeper):
        def on_train_batch_end(self, batch, logs=None):
            if batch == 1:
                signal.raise_signal(signal.SIGTERM)
            super().on_train_batch_end(batch, logs)

    received = []
    handler = signal.signal(
        signal.SIGTERM, lambda number, frame: received.append(number)
    )
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(run, "RunKeeper", Signalled)
            train(recipe, tmp_path / "run", mnist)
    finally:
        signal.signal(signal.SIGTERM, handler)
    assert received == [signal.SIGTERM]
    out = capsys.readouterr().out
    assert out == "stopped and saved: epoch 1/3, step 2/3\n"
    assert {"checkpoint.keras", *STARTED} == set(contents(tmp_path / "run"))


def test_progress_and_tensorboard_logs(tmp_path, recipe, mnist, capsys):
    pytest.importorskip("tensorflow")
    pytest.importorskip("tensorboard")
    short = recipe.change_training(epochs=1)
    train(short, tmp_path / "run", mnist, tensorboard=True)
    (row,) = read_history(tmp_path / "run")
    line = f"epoch 1/1, val_mse {row['val_mse']:.1f}\n"
    assert capsys.readouterr().out == line
    logs = tmp_path / "run" / "tensorboard"
    assert {path.name for path in logs.iterdir()} == {"train", "validation"}
