"""`msrnn publish`, and that its cards' commands give the cards' scores."""

import json
import re

import numpy as np
import pytest

import zoo
from msrnn_keras.data import ArraySource, Clips, RainRate
from msrnn_keras.evaluation import PROTOCOLS
from tests.runs import RECIPE
from tests.tools.publishing.publishing import (
    NAME,
    empty_library,
    few_clips,
    write_run,
)

pytestmark = pytest.mark.backend_free
RAIN_RECIPE = (
    RECIPE.replace('"mnist"', '"germany"')
    .replace("[32, 32, 1]", "[16, 16, 1]")
    .replace("patch_size = 4", 'patch_size = 4\nmissing = "mask"')
)


@pytest.fixture
def presets(tmp_path, monkeypatch):
    """An empty library, which the commands take for the project's."""
    presets = empty_library(tmp_path / "zoo")
    monkeypatch.setattr("tools.publishing.publish.Library", lambda: presets)
    monkeypatch.setattr(zoo, "load", presets.load)
    monkeypatch.setattr("msrnn_keras.data.verify_test_set", lambda data: None)
    return presets


def evaluate_as_told(run, preset, tmp_path, **replaced):
    """Run the command in a card; gives what it measured and the metadata."""
    card = (preset / "README.md").read_text(encoding="utf-8")
    command = re.search(r"^    msrnn (evaluate .*)$", card, re.M)[1].split()
    command = [replaced.get(word, word) for word in command]
    run(*command, "--json", tmp_path / "scores.json")
    measured = json.loads((tmp_path / "scores.json").read_text())
    return measured, json.loads((preset / "metadata.json").read_text())


def check_scores(measured, metadata, model):
    """What was measured is within one per cent of what is published."""
    told = {model: metadata["scores"]["test"], **metadata["baselines"]}
    assert set(measured) == set(told)
    for name, protocols in told.items():
        for protocol in PROTOCOLS:
            assert measured[name][protocol] == pytest.approx(
                protocols[protocol], rel=0.01
            )


def test_the_card_says_how_to_get_its_scores(run, presets, tmp_path):
    folder = write_run(tmp_path / "run")
    with few_clips():
        out = run("publish", folder, "--hardware", "abaci", "--verbose", 0)
        preset = presets.root / NAME / "1"
        assert out == f"Published: {preset}\n"
        measured, metadata = evaluate_as_told(run, preset, tmp_path)
    assert metadata["hardware"] == "abaci"
    check_scores(measured, metadata, "ms-convlstm")


def test_rain_has_its_thresholds(run, presets, tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    rain = rng.gamma(0.5, 8, (12, 16, 16, 1)).astype("float32")
    rain[:, :2, :2] = np.nan

    def load(name, split, batch_size, context, horizon, path, **options):
        assert (name, path) == ("germany", "RYDL.hdf5")
        source = ArraySource(rain, scaling=RainRate(), interval=300.0)
        return Clips(source, context, horizon, batch_size)

    monkeypatch.setattr("msrnn_keras.data.load", load)
    folder = write_run(tmp_path / "run", RAIN_RECIPE)
    data = ("--data", "RYDL.hdf5", "--hardware", "none", "--verbose", 0)
    run("publish", folder, *data)
    preset = presets.root / "ms-convlstm/germany/tiny/1"
    measured, metadata = evaluate_as_told(
        run, preset, tmp_path, PATH="RYDL.hdf5"
    )
    check_scores(measured, metadata, "ms-convlstm")
    forecast = metadata["scores"]["test"]["forecast"]
    assert {f"csi_{t}" for t in ("0.5", "2", "5", "10", "30")} < set(forecast)
    assert metadata["input"]["interval"] == "300 s"
    assert metadata["input"]["units"]["class_name"] == "RainRate"
    card = (preset / "README.md").read_text(encoding="utf-8")
    assert f"| ms-convlstm | CSI | {forecast['csi_0.5']:.3f} |" in card
    assert "| 0.5 mm/h | 2 mm/h | 5 mm/h | 10 mm/h | 30 mm/h |" in card
    assert "RYDL, 2016 and 2017" in card and "MNIST" not in card


def test_everything_is_handed_on(run, monkeypatch):
    calls, pushed = [], []

    def publish(*arguments, **options):
        calls.append((arguments, options))
        return "presets/a/b/c/1"

    def push(folder, repo):
        pushed.append((folder, repo))
        return f"hf://{repo}"

    monkeypatch.setattr("tools.publishing.publish.publish", publish)
    monkeypatch.setattr("msrnn_keras.presets.hub.push", push)
    monkeypatch.setattr("msrnn_keras.utils.extras.require", lambda *names: None)
    command = ("publish", "run", "--hardware", "two abaci")
    assert run(*command) == "Published: presets/a/b/c/1\n"
    options = {"data": None, "batch_size": 16, "unfinished": False}
    assert calls == [(("run", "two abaci"), {**options, "verbose": 1})]
    assert pushed == []
    more = ("--data", "kth", "--batch", 3, "--unfinished", "--verbose", 0)
    out = run(*command, *more, "--hub", "me/mine")
    assert out.splitlines()[1] == "Uploaded: hf://me/mine"
    options = {"data": "kth", "batch_size": 3, "unfinished": True}
    assert calls[1] == (("run", "two abaci"), {**options, "verbose": 0})
    assert pushed == [("presets/a/b/c/1", "me/mine")]


def test_what_cannot_be_uploaded_is_refused_first(refuse, monkeypatch):
    monkeypatch.setattr("tools.publishing.publish.publish", None)
    command = ("publish", "run", "--hardware", "none", "--hub")
    refuse("USER/NAME", *command, "mine")

    def missing(*names):
        raise ImportError("pip install huggingface_hub. Received: nothing")

    monkeypatch.setattr("msrnn_keras.utils.extras.require", missing)
    refuse("huggingface_hub", *command, "me/mine")


def test_refusals(refuse, presets, tmp_path):
    command = ("publish", tmp_path / "none", "--hardware")
    refuse("There is no run", *command, "abaci")
    folder = write_run(tmp_path / "run", epochs=1)
    refuse("1 of 3 epochs", "publish", folder, "--hardware", "abaci")
