import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest

from msrnn_keras.training import checkpoints
from msrnn_keras.training.checkpoints import Position
from tests.descriptors import NETWORKS
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
    checkpoints.save(tmp_path, model, Position(1))
    model.weights[1].assign(np.ones(3))
    checkpoints.save(tmp_path, model, HERE)
    return tmp_path


def test_missing_or_damaged_checkpoints(run):
    path = run / "checkpoint.keras"
    data, half = path.read_bytes(), path.stat().st_size // 2
    flipped = bytes([data[half] ^ 1])
    for damaged in (
        b"",
        data[:half],
        data[:half] + flipped + data[half + 1 :],
        data.replace(b"1e+300", b"2e+300"),  # the position
    ):
        assert damaged != data
        path.write_bytes(damaged)
        with pytest.warns(UserWarning, match="checkpoint.keras is damaged"):
            restored, position = checkpoints.restore(run, 3)
        assert position == Position(1)
        assert restored.weights[1].numpy().tolist() == [0, 0, 0]
    (run / "checkpoint.keras").unlink()  # a kill between the two renames
    assert checkpoints.restore(run, 3)[1] == Position(1)
    for name in ("checkpoint.keras", "previous.keras"):
        (run / name).write_bytes(b"half")
    with pytest.raises(OSError, match="and previous.keras.*Received: "):
        checkpoints.restore(run, 3)


def test_states_are_saved(run, model, tmp_path_factory, monkeypatch):
    restored, position = checkpoints.restore(run, 3)
    assert position == HERE
    for a, b in zip(restored.weights, model.weights, strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())
    assert set(contents(run)) == {"checkpoint.keras", "previous.keras"}
    assert checkpoints.find(run) == run / "checkpoint.keras"
    # A checkpoint without a position ends an epoch.
    empty = tmp_path_factory.mktemp("empty")
    assert checkpoints.restore(empty, 3) is None  # There is none yet.
    model.optimizer.iterations.assign(6)
    model.save(empty / "checkpoint.keras")
    assert checkpoints.restore(empty, 3)[1] == Position(2)

    def fail(self, path):
        path.write_bytes(b"half")
        raise OSError("No space left on device")

    before = contents(run)
    moments = [v for v in model.optimizer.variables if v.shape == (3,)]
    message = "after step 2 of epoch 2; .*Received: 1 of 3 numbers"
    for variable in (model.weights[-1], moments[-1]):
        variable.assign(np.array([1, np.nan, 2]))
        with pytest.raises(FloatingPointError, match=message):
            checkpoints.save(run, model, HERE)
        variable.assign(np.zeros(3))
    monkeypatch.setattr(type(model), "save", fail)
    with pytest.raises(OSError, match="No space"):
        checkpoints.save(run, model, HERE)
    assert contents(run) == before


RESTORE = """
import sys
import msrnn_command
from msrnn_keras.training import checkpoints
for run in sys.argv[1:]:
    print(type(checkpoints.restore(run, 1)[0]).__name__)
"""


@pytest.mark.backend_free
def test_a_new_process_restores_every_model(tmp_path):
    # The command imports a model only when something needs it.
    runs = []
    for network in NETWORKS:
        if network.name in ("tau", "earthformer"):
            model = network.small()
            model.compile(keras.optimizers.Adam())
            model.optimizer.build(model.trainable_variables)
            runs.append(tmp_path / network.name)
            runs[-1].mkdir()
            checkpoints.save(runs[-1], model, Position(1))
    command = [sys.executable, "-c", RESTORE, *map(str, runs)]
    root = pathlib.Path(__file__).parents[2]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    assert done.stdout.split() == ["SimVP", "Earthformer"], done.stderr
