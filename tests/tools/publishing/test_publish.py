import contextlib
import json
import shutil
from unittest import mock

import h5py
import keras
import numpy as np
import pytest

from msrnn_keras.baselines import Persistence
from msrnn_keras.data import MovingMNIST
from msrnn_keras.evaluation import evaluate
from msrnn_keras.presets.loading import load_folder
from msrnn_keras.training import read_history, train
from msrnn_keras.training.folder import lock_run
from msrnn_keras.training.history import write_history
from msrnn_keras.training.recipe import load_recipe, parse_recipe
from tests.reference import GOLDEN, assert_close
from tests.runs import RECIPE, contents
from tests.tools.publishing.publishing import (
    FILES,
    NAME,
    empty_library,
    few_clips,
    history,
    small_mnist,
    write_run,
)
from tools.publishing import manifest
from tools.publishing.card import render_card
from tools.publishing.datasets import LICENSES
from tools.publishing.publish import publish


def read_metadata(preset):
    return json.loads((preset / "metadata.json").read_text())


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run that release 0.1.0 began."""
    folder = tmp_path_factory.mktemp("publish") / "run"
    return shutil.copytree(GOLDEN / "saved-0.1.0/run", folder)


@pytest.fixture(scope="module")
def published(run):
    """The preset's folder, its metadata, its library and its test clips."""
    library = empty_library(run.parent / "zoo")
    options = {"batch_size": 3, "unfinished": True}
    with few_clips() as verified:
        preset = publish(run, "two abaci", library=library, **options)
    (data,) = verified
    return preset, read_metadata(preset), library, data


@pytest.mark.filterwarnings("default:MNIST could not be downloaded")
def test_the_loaded_model_has_the_published_scores(published, run):
    preset, metadata, _, data = published
    loaded = load_folder(preset)
    assert (data.split, data.num_clips, data.batch_size) == ("test", 6, 3)
    validation = MovingMNIST("validation", 4, 3, 2, 2, (32, 32))
    for split, clips in (("test", data), ("validation", validation)):
        scores = evaluate(loaded, clips)
        for protocol in ("forecast", "ms-rnn"):
            close = pytest.approx(scores[protocol], rel=1e-5)
            assert metadata["scores"][split][protocol] == close
        assert metadata["clips"][split] == scores["clips"]
    baseline = evaluate(Persistence(2, 2), data)
    expected = {key: baseline[key] for key in ("forecast", "ms-rnn")}
    assert metadata["baselines"]["persistence"] == expected
    names = {"persistence", "all black", "linear extrapolation"}
    assert set(metadata["baselines"]) == names
    assert len(metadata["curves"]["mse"]) == 2
    mse = metadata["scores"]["test"]["forecast"]["mse"]
    assert np.mean(metadata["curves"]["mse"]) == pytest.approx(mse)
    # It has the best weights, in float16.
    model = load_recipe(run / "recipe.toml").build()
    past, _ = data[0]
    untrained = model.predict(past, verbose=0)
    model.load_weights(run / "best.weights.h5")
    forecast = loaded.predict(past, verbose=0)
    assert_close(forecast, model.predict(past, verbose=0), atol=2e-3)
    assert np.abs(forecast - untrained).max() > 0.01
    types = set()
    with h5py.File(preset / "model.weights.h5") as file:
        file.visititems(lambda _, item: types.add(getattr(item, "dtype", None)))
    assert {str(t) for t in types - {None}} == {metadata["weights_dtype"]}
    assert metadata["weights_dtype"] == "float16"


def test_the_folder_is_complete_and_stays(published, run, monkeypatch):
    preset, metadata, library, _ = published
    assert preset == library.root / NAME / "1"
    assert set(contents(preset)) == FILES
    assert [path.name for path in preset.parent.iterdir()] == ["1"]
    assert not manifest.main(["--check"], library.root, library.manifest)
    assert library.names() == [NAME]
    assert not (run / "publishing").exists()
    assert metadata["training"]["history"] == read_history(run)
    assert metadata["training"]["epochs"] == 1
    assert metadata["recipe"] == (run / "recipe.toml").read_text()
    assert metadata["hardware"] == "two abaci"
    assert metadata["license"].endswith(LICENSES["mnist"])
    config = {"low": 0.0, "high": 255.0, "unit": ""}
    assert metadata["input"] == {
        **{"scaling": "[0, 1]", "interval": "1 frame"},
        "units": {"class_name": "MinMax", "config": config},
        **{"image_shape": [32, 32, 1], "context": 2, "horizon": 2},
    }
    recipe = load_recipe(run / "recipe.toml")
    card = (preset / "README.md").read_text(encoding="utf-8")
    assert card == render_card(recipe, metadata)
    mse = metadata["scores"]["test"]["forecast"]["mse"]
    assert f"| ms-convlstm | {mse:.2f} |" in card
    trainable = recipe.build().trainable_weights
    assert metadata["parameters"] == sum(w.numpy().size for w in trainable)
    before = contents(preset), library.manifest.read_bytes()
    monkeypatch.setattr("tools.publishing.scoring.evaluate", None)
    # Another library reuses the scores.
    other = empty_library(run.parent / "other")
    options = {"batch_size": 2, "unfinished": True}
    with few_clips():
        assert publish(run, "abaci", library=library, **options) == preset
        copy = publish(run, "two abaci", library=other, **options)
    assert (contents(preset), library.manifest.read_bytes()) == before
    assert contents(copy)["README.md"] == contents(preset)["README.md"]


def test_a_new_run_is_published(tmp_path, library):
    run = tmp_path / "run"
    with few_clips():
        train(parse_recipe(RECIPE, "tiny.toml"), run, verbose=0)
        preset = publish(run, "none", library=library)
    rows = read_history(run)
    training = read_metadata(preset)["training"]
    assert training["history"] == rows
    for name in ("", "cpu_"):
        hours = sum(row[f"{name}seconds"] for row in rows) / 3600
        assert training[f"{name}hours"] == round(hours, 2)
    best = min(rows, key=lambda row: row["val_mse"])
    assert training["best_epoch"] == best["epoch"]
    software = {"backend": keras.backend.backend(), "keras": keras.__version__}
    assert software.items() <= training.items()


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("publish")
    return [write_run(folder / f"run{i}", seed=i) for i in range(2)]


def test_a_worse_run_is_refused_before_the_test(scorer, runs, library):
    mse = iter([5.0, 5.0, 1.0, 1.0, 1.0, 1.0, 5.001, 5.001])
    scorer.mse = lambda model, dataset: next(mse)
    first = publish(runs[0], "none", library=library)
    before = library.manifest.read_bytes()
    validation = 2 * [("ms-convlstm", "validation")]  # float32 and float16
    models = ("ms-convlstm", "persistence", "all black", "linear extrapolation")
    assert scorer.asked == [*validation, *((name, "test") for name in models)]
    scorer.asked.clear()
    with pytest.raises(ValueError, match="MSE is 5.0000.*Received: MSE 5.001"):
        publish(runs[1], "none", library=library)
    assert scorer.asked == validation
    assert list(first.parent.iterdir()) == [first]
    assert library.manifest.read_bytes() == before


def test_late_epochs_count(scorer, tmp_path, library, monkeypatch):
    run = write_run(tmp_path / "run", RECIPE.replace("hs = 3", "hs = 4"))

    @contextlib.contextmanager
    def lock_late(folder):
        write_history(folder, history(4))
        with lock_run(folder):
            yield

    monkeypatch.setattr("tools.publishing.publish.lock_run", lock_late)
    preset = publish(run, "none", library=library, unfinished=True)
    metadata = read_metadata(preset)
    assert metadata["run"]["epochs"] == metadata["training"]["epochs"] == 4


@pytest.fixture
def refuse(library):
    def refuse(message, *arguments, error=ValueError):
        with pytest.raises(error, match=f"{message}.*Received: "):
            publish(*arguments, library=library)
        assert not any(path.is_file() for path in library.root.rglob("*"))

    return refuse


def test_refusals(refuse, runs, tmp_path, monkeypatch):
    other = write_run(tmp_path / "run", RECIPE + "[data]\nnum_digits = 3\n")
    with small_mnist():
        refuse("not the fixed", runs[0], "none")
        refuse("not the fixed", other, "none")
    for hardware in ("", "  ", None):
        refuse("`hardware`", runs[0], hardware)
    refuse("no run", tmp_path / "none", "none", error=FileNotFoundError)
    assert not (tmp_path / "none").exists()
    refuse("", runs[0], "none", "none.npz", error=FileNotFoundError)
    with lock_run(runs[0]):
        refuse("Another process", runs[0], "none", error=RuntimeError)
    monkeypatch.setattr("tools.publishing.publish.LICENSES", {})
    refuse("license", runs[0], "none")


def test_nothing_is_written_if_scoring_fails(scorer, refuse, runs):
    scorer.mse = mock.Mock(side_effect=ValueError("NaN. Received: NaN"))
    refuse("NaN", runs[0], "none")
    assert not (runs[0] / "publishing").exists()
