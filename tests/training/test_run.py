import signal

import numpy as np
import pytest

from msrnn_keras.training import read_history, run, train
from msrnn_keras.training.keeper import RunKeeper
from tests.runs import RECIPE, contents, state

STEPS = 3  # of an epoch of RECIPE
STARTED = {"environment.json", "lock", "recipe.toml"}


def test_files_of_a_run(uncut, recipe, mnist):
    trained = "best.weights.h5 checkpoint.keras history.csv previous.keras"
    assert set(contents(uncut)) == STARTED.union(trained.split())
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
    # The best weights have the score of the best epoch.
    model = recipe.build()
    model.load_weights(uncut / "best.weights.h5")
    data = recipe.data("validation", path=mnist)
    scored = model.evaluate(data, verbose=0, return_dict=True)["mse"]
    best = min(row["val_mse"] for row in history)
    np.testing.assert_allclose(scored, best, rtol=1e-5)


def test_averaged_weights_are_validated(tmp_path, recipe, mnist, monkeypatch):
    averaging = recipe.change_training(ema=0.5, epochs=1)
    weights = []

    class Watching(RunKeeper):
        def on_train_batch_end(self, batch, logs=None):
            super().on_train_batch_end(batch, logs)
            trained = self.model.trainable_variables
            weights.append([np.array(v.numpy()) for v in trained])

    monkeypatch.setattr(run, "RunKeeper", Watching)
    train(averaging, tmp_path / "run", mnist, verbose=0)
    expected = [
        0.25 * a + 0.25 * b + 0.5 * c for a, b, c in zip(*weights, strict=True)
    ]
    model = averaging.build()
    model.load_weights(tmp_path / "run" / "best.weights.h5")
    for a, b in zip(model.trainable_variables, expected, strict=True):
        np.testing.assert_allclose(a.numpy(), b, atol=1e-6)
    data = averaging.data("validation", path=mnist)
    scored = model.evaluate(data, verbose=0, return_dict=True)["mse"]
    (row,) = read_history(tmp_path / "run")
    np.testing.assert_allclose(row["val_mse"], scored, rtol=1e-5)
    # The checkpoint holds both: training continues with its own weights.
    saved = state(tmp_path / "run" / "checkpoint.keras").values()
    for value in (*weights[-1], *expected):
        alike = [other for other in saved if other.shape == value.shape]
        assert any(np.allclose(other, value, atol=1e-7) for other in alike)


@pytest.mark.backend_free
def test_signal_stops_the_run(tmp_path, recipe, mnist, capsys, monkeypatch):
    class Signalled(RunKeeper):
        def on_train_batch_end(self, batch, logs=None):
            if batch == 1:
                signal.raise_signal(signal.SIGTERM)
            super().on_train_batch_end(batch, logs)

    monkeypatch.setattr(run, "RunKeeper", Signalled)
    received = []
    handler = signal.signal(
        signal.SIGTERM, lambda *got: received.append(got[0])
    )
    try:
        train(recipe, tmp_path / "run", mnist)
    finally:
        signal.signal(signal.SIGTERM, handler)
    assert received == [signal.SIGTERM]
    out = capsys.readouterr().out
    assert out == "stopped and saved: epoch 1/3, step 2/3\n"
    assert {"checkpoint.keras", *STARTED} == set(contents(tmp_path / "run"))


@pytest.mark.backend_free
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
