"""Publishing of models that forecast along the motion."""

import json

import numpy as np
import pytest

from msrnn_keras import Lagrangian, data
from msrnn_keras.data.datasets.events import SCALING
from msrnn_keras.evaluation import evaluate
from msrnn_keras.presets.loading import load_folder
from tests.data.datasets import published
from tests.tools.publishing.publishing import empty_library, write_run
from tools.publishing import blending
from tools.publishing.publish import publish

pytestmark = pytest.mark.backend_free

RECIPE = """
model = "ms-convlstm"
dataset = "radar"
variant = "tiny"
[architecture]
image_shape = [8, 8, 1]
context = 6
horizon = 12
filters = 1
scales = [1]
residual = true
missing = "mask"
[training]
epochs = 3
steps_per_epoch = 2
validation_clips = 4
loss = "mse"
[data]
moving = true
"""


def error(model, clips):
    past, future = clips.arrays()
    difference = model.forecast(past) - future
    return np.nansum(np.square(difference, dtype="float64"))


def test_a_run_in_the_moving_frame_is_published_as_lagrangian(
    tmp_path, monkeypatch
):
    for module in ("cv2", "pysteps"):
        pytest.importorskip(module)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    published.write_radar(tmp_path / "radar")
    run = write_run(tmp_path / "run", RECIPE)
    library = empty_library(tmp_path / "zoo")
    preset = publish(run, "an abacus", tmp_path / "radar", library, 2)
    model = load_folder(preset)
    assert isinstance(model, Lagrangian)
    assert model.trained_on == data.TrainedOn(SCALING, 300.0, 2.0)
    model.save_to_preset(tmp_path / "copy")
    assert load_folder(tmp_path / "copy").trained_on == model.trained_on
    clips = data.load(
        "radar", "validation", path=tmp_path / "radar", stride=4, batch_size=1
    )
    settings = blending.choose_blend(load_folder(run), clips)
    for name, value in settings.items():
        assert getattr(model, name) == value
    assert 0 < settings["blend"] <= 1
    least = error(model, clips)
    for name in ("blend", "factor"):
        for step in (-0.1, 0.1):
            setattr(model, name, settings[name] + step)
            assert least <= error(model, clips)
            setattr(model, name, settings[name])
    card = (preset / "README.md").read_text(encoding="utf-8")
    assert "whole frames" in card and "None" not in card
    scores = json.loads((preset / "metadata.json").read_text())["scores"]
    test = data.load("radar", "test", path=tmp_path / "radar", batch_size=2)
    expected = evaluate(load_folder(preset), test)["forecast"]["mse"]
    np.testing.assert_allclose(scores["test"]["forecast"]["mse"], expected)
    assert set(scores["test"]["ms-rnn"].values()) == {None}
