import json

import keras
import numpy as np
import pytest

import zoo
from msrnn_keras import Lagrangian, data
from msrnn_keras.cli.main import main
from msrnn_keras.losses import FrameL1L2Loss
from msrnn_keras.training import fine_tuning, finetune
from tests.reference import assert_equal, short

pytestmark = pytest.mark.backend_free
SIZES = {"image_shape": (16, 16, 1), "context": 3, "horizon": 2}


def fading(frames=40, side=20):
    """A blob that moves to the right and fades: a recording."""
    rows, columns = np.indices((side, side))
    clip = []
    for time in range(frames):
        center = 6 + time % 10
        blob = np.exp(-((rows - 9) ** 2 + (columns - center) ** 2) / 8)
        clip.append(0.9 * blob * 0.9 ** (time % 10))
    return np.array(clip, "float32")


def build(moving=False):
    keras.utils.set_random_seed(0)
    model = short(
        filters=2, scales=(1,), residual=True, missing="mask", **SIZES
    )
    model.compile("sgd", FrameL1L2Loss(l1_weight=0.0))
    return Lagrangian(model) if moving else model


class Steps(keras.callbacks.Callback):
    """In place of the deadline: stop after 30 steps, however slow."""

    def __init__(self, end):
        super().__init__()
        self.end, self.steps = end, 0

    def on_train_batch_end(self, batch, logs=None):
        self.steps += 1
        self.model.stop_training = self.steps == 30


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))


@pytest.mark.parametrize("moving", [False, True])
def test_some_steps_lower_the_error_on_validation(moving, monkeypatch):
    pytest.importorskip("pysteps")
    monkeypatch.setattr(fine_tuning, "_Deadline", Steps)
    model = build(moving)
    before = model.get_weights()
    recording = data.from_arrays(fading(), interval=300)
    crops = fine_tuning._crops(model, [recording], 2, 0)
    windows = len(crops.sources[0].segments)  # moved ones are apart
    assert (windows > 1) == moving
    scores = finetune(model, recording, 1, learning_rate=0.02, batch_size=2)
    assert scores["kept"]
    mse = {k: v["forecast"]["mse"] for k, v in scores.items() if k != "kept"}
    assert mse["after"] < mse["before"]
    assert set(mse) > {"persistence", "optical flow", "smoothed flow"}
    changed = [
        (a != b).any() for a, b in zip(model.get_weights(), before, strict=True)
    ]
    assert any(changed)
    inner = model.model if moving else model
    assert type(inner.optimizer).__name__ == "SGD"


@pytest.mark.parametrize("rate", [1e3, 1e38])
def test_worse_weights_are_not_kept(rate):
    model = build()
    before = model.get_weights()
    recording = data.from_arrays(fading(), interval=300)
    scores = finetune(model, recording, 0.001, rate, batch_size=2)
    assert not scores["kept"]
    for weight, kept in zip(before, model.get_weights(), strict=True):
        assert_equal(weight, kept)


def test_the_command_writes_a_preset(tmp_path, capsys):
    build().save_to_preset(tmp_path / "old")
    np.save(tmp_path / "rain.npy", fading())
    arguments = ["finetune", str(tmp_path / "rain.npy"), "--batch", "2"]
    arguments += ["--model", str(tmp_path / "old"), "--max-minutes", "0.01"]
    out = ["--out", str(tmp_path / "new")]
    assert main([*arguments, *out]) == 0
    printed = capsys.readouterr()
    assert "after" in printed.out and "persistence" in printed.out
    assert zoo.load(tmp_path / "new").context == 3
    assert json.loads((tmp_path / "new/config.json").read_text())
    assert main([*arguments, *out]) == 2
    assert "new folder" in capsys.readouterr().err
    arguments[1] = str(tmp_path / "none*.npy")
    assert main([*arguments, "--out", str(tmp_path / "other")]) == 2
    np.save(tmp_path / "short.npy", fading(9))
    arguments[1] = str(tmp_path / "short.npy")
    assert main([*arguments, "--out", str(tmp_path / "other")]) == 2
    error = capsys.readouterr().err
    assert "needs 10 frames" in error and "Received: 9" in error
    assert "Traceback" not in error
    assert not (tmp_path / "other").exists()
    np.save(tmp_path / "short.npy", fading(10))  # a clip of 5 for each
    assert main([*arguments, "--out", str(tmp_path / "other")]) == 0
