"""Checkpoints: save, restore, fall back to the previous one."""

import keras
import numpy as np
import pytest

from msrnn_keras.training import checkpoints
from msrnn_keras.training.checkpoints import Position
from tests.runs import contents

HERE = Position(1, 2, 3.5, {"loss": 0.1, "mse": 1e300})


@pytest.fixture
def model():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3)])
    model.compile(keras.optimizers.Adam(), "mse")
    model.optimizer.build(model.trainable_variables)
    return model


@pytest.fixture
def run(tmp_path, model):
    """A run with two checkpoints."""
    checkpoints.save(tmp_path, model, Position(1))
    model.weights[1].assign(np.ones(3))
    checkpoints.save(tmp_path, model, HERE)
    return tmp_path


def test_saved_state_is_restored(run, model):
    restored, position = checkpoints.restore(run, 3)
    assert position == HERE
    for a, b in zip(restored.weights, model.weights, strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())
    assert set(contents(run)) == {"checkpoint.keras", "previous.keras"}
    assert checkpoints.find(run) == run / "checkpoint.keras"


def test_checkpoint_without_position_ends_an_epoch(tmp_path, model):
    assert checkpoints.restore(tmp_path, 3) is None  # There is none yet.
    model.optimizer.iterations.assign(6)
    model.save(tmp_path / "checkpoint.keras")
    assert checkpoints.restore(tmp_path, 3)[1] == Position(2)


def halve(data):
    return data[: len(data) // 2]


def flip(data):
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]


def change_the_comment(data):
    return data.replace(b"1e+300", b"2e+300")


@pytest.mark.parametrize(
    "damage", [halve, flip, change_the_comment, lambda data: b""]
)
def test_damaged_checkpoint_is_skipped(run, damage):
    path = run / "checkpoint.keras"
    damaged = damage(path.read_bytes())
    assert damaged != path.read_bytes()
    path.write_bytes(damaged)
    with pytest.warns(UserWarning, match="checkpoint.keras is damaged"):
        restored, position = checkpoints.restore(run, 3)
    assert position == Position(1)
    assert restored.weights[1].numpy().tolist() == [0, 0, 0]


def test_missing_or_damaged_checkpoints(run):
    (run / "checkpoint.keras").unlink()  # a kill between the two renames
    assert checkpoints.restore(run, 3)[1] == Position(1)
    for name in ("checkpoint.keras", "previous.keras"):
        (run / name).write_bytes(b"half")
    with pytest.raises(OSError, match="and previous.keras.*Received: "):
        checkpoints.restore(run, 3)


@pytest.mark.parametrize("owner", ["weights", "optimizer"])
def test_numbers_that_are_not_finite_are_not_saved(run, model, owner):
    variables = model.weights
    if owner == "optimizer":
        variables = [v for v in model.optimizer.variables if v.shape == (3,)]
    variables[-1].assign(np.array([1, np.nan, 2]))
    before = contents(run)
    message = "after step 2 of epoch 2; .*Received: 1 of 3 numbers"
    with pytest.raises(FloatingPointError, match=message):
        checkpoints.save(run, model, HERE)
    assert contents(run) == before


def test_failed_save_changes_nothing(run, model, monkeypatch):
    def fail(self, path):
        path.write_bytes(b"half")
        raise OSError("No space left on device")

    before = contents(run)
    monkeypatch.setattr(type(model), "save", fail)
    with pytest.raises(OSError, match="No space"):
        checkpoints.save(run, model, HERE)
    assert contents(run) == before
