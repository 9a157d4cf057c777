import json
import re
from unittest import mock

import numpy as np
import pytest

from msrnn_keras.cli import main as msrnn
from msrnn_keras.data import ArraySource, Clips, RainRate
from msrnn_keras.evaluation import PROTOCOLS
from msrnn_keras.presets import registry
from tests.runs import RECIPE
from tests.tools.publishing.publishing import (
    NAME,
    empty_library,
    few_clips,
    write_run,
)
from tools.publishing import __main__ as command

RAIN_RECIPE = (
    RECIPE.replace('"mnist"', '"germany"')
    .replace("[32, 32, 1]", "[16, 16, 1]")
    .replace("patch_size = 4", 'patch_size = 4\nmissing = "mask"')
)


@pytest.fixture
def root(tmp_path, monkeypatch):
    library = empty_library(tmp_path / "zoo")
    monkeypatch.setattr(registry, "PRESETS", library.root)
    monkeypatch.setattr(registry, "MANIFEST", library.manifest)
    monkeypatch.setattr("msrnn_keras.data.verify_test_set", lambda data: None)
    return library.root


@pytest.fixture
def run(capsys):
    def run(*arguments):
        status = command.main([str(argument) for argument in arguments])
        printed = capsys.readouterr()
        assert bool(printed.err) is bool(status)
        return status, printed.err or printed.out

    return run


def check_scores(preset, tmp_path, data=None):
    """Run the command of a card; return the metadata if the scores agree."""
    card = (preset / "README.md").read_text(encoding="utf-8")
    words = re.search(r"^    msrnn (evaluate .*)$", card, re.M)[1]
    arguments = words.replace("PATH", str(data)).split()
    path = tmp_path / "measured.json"
    assert msrnn.main([*arguments, "--json", str(path)]) == 0
    measured = json.loads(path.read_text())
    metadata = json.loads((preset / "metadata.json").read_text())
    expected = metadata["scores"]["test"]
    expected = {metadata["model"]: expected, **metadata["baselines"]}
    assert set(measured) == set(expected)
    for name, scores in expected.items():
        for protocol in PROTOCOLS:
            close = pytest.approx(scores[protocol], rel=0.01)
            assert measured[name][protocol] == close
    return metadata, card


def test_the_command_of_the_card_reproduces_its_scores(run, root, tmp_path):
    folder, preset = write_run(tmp_path / "run"), root / NAME / "1"
    with few_clips():
        printed = run(folder, "--hardware", "abaci", "--verbose", 0)
        assert printed == (0, f"Published: {preset}\n")
        metadata, _ = check_scores(preset, tmp_path)
    assert metadata["hardware"] == "abaci"


def test_rain_is_scored_at_thresholds(run, root, tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    rain = rng.gamma(0.5, 8, (12, 16, 16, 1)).astype("float32")
    rain[:, :2, :2] = np.nan

    def load(name, split, batch_size, context, horizon, path, **options):
        assert (name, path) == ("germany", "RYDL.hdf5")
        source = ArraySource(rain, scaling=RainRate(), interval=300.0)
        return Clips(source, context, horizon, batch_size)

    monkeypatch.setattr("msrnn_keras.data.load", load)
    folder = write_run(tmp_path / "run", RAIN_RECIPE)
    options = ("--data", "RYDL.hdf5", "--hardware", "none", "--verbose", 0)
    assert run(folder, *options)[0] == 0
    preset = root / "ms-convlstm/germany/tiny/1"
    metadata, card = check_scores(preset, tmp_path, "RYDL.hdf5")
    forecast = metadata["scores"]["test"]["forecast"]
    assert metadata["input"]["interval"] == "300 s"
    assert metadata["input"]["units"]["class_name"] == "RainRate"
    assert f"| ms-convlstm | CSI | {forecast['csi_0.5']:.3f} |" in card
    assert "| 0.5 mm/h | 2 mm/h | 5 mm/h | 10 mm/h | 30 mm/h |" in card
    assert "RYDL, 2016 and 2017" in card and "MNIST" not in card


def test_all_options_are_passed_on(run, monkeypatch):
    publish = mock.Mock(return_value="presets/a/b/c/1")
    push = mock.Mock(return_value="hf://there")
    monkeypatch.setattr(command, "publish", publish)
    monkeypatch.setattr(command, "require", lambda *names: None)
    monkeypatch.setattr("msrnn_keras.presets.hub.push", push)
    given = ("run", "--hardware", "two abaci")
    assert run(*given) == (0, "Published: presets/a/b/c/1\n")
    options = {"data": None, "batch_size": 16, "unfinished": False}
    publish.assert_called_once_with("run", "two abaci", **options, verbose=1)
    push.assert_not_called()
    more = ("--data", "kth", "--batch", 3, "--unfinished", "--verbose", 0)
    _, out = run(*given, *more, "--hub", "me/mine")
    assert out.splitlines()[1] == "Uploaded: hf://there"
    options = {"data": "kth", "batch_size": 3, "unfinished": True}
    publish.assert_called_with("run", "two abaci", **options, verbose=0)
    push.assert_called_once_with("presets/a/b/c/1", "me/mine")


def test_refusals_are_one_line(run, root, tmp_path, monkeypatch):
    def refuse(message, folder, *options):
        status, line = run(folder, "--hardware", "abaci", *options)
        assert status == 2 and line.count("\n") == 1
        assert line.startswith("tools.publishing: ") and message in line

    refuse("there is no run", tmp_path / "none")
    refuse("1 of 3 epochs", write_run(tmp_path / "run", epochs=1))
    monkeypatch.setattr(command, "publish", None)
    refuse("USER/NAME", "run", "--hub", "mine")
    missing = ImportError("pip install huggingface_hub. Received: nothing")
    require, stop = (
        mock.Mock(side_effect=error) for error in (missing, KeyboardInterrupt)
    )
    monkeypatch.setattr(command, "require", require)
    refuse("huggingface_hub", "run", "--hub", "me/mine")
    monkeypatch.setattr(command, "publish", stop)
    status = run("run", "--hardware", "none")
    assert status == (130, "tools.publishing: stopped\n")
