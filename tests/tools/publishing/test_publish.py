"""A trained run becomes a preset: what is scored, what is written."""

import json

import h5py
import keras
import numpy as np
import pytest

from msrnn_keras.baselines import Persistence
from msrnn_keras.data import MovingMNIST
from msrnn_keras.evaluation import evaluate
from msrnn_keras.training import read_history, train
from msrnn_keras.training.recipe import load_recipe
from tests.runs import RECIPE, contents
from tests.tools.publishing.publishing import (
    NAME,
    empty_library,
    few_clips,
    small_mnist,
)
from tools.publishing import manifest
from tools.publishing.card import render_card
from tools.publishing.datasets import LICENSES
from tools.publishing.publish import publish


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("publish")


@pytest.fixture(scope="module")
def run(folder):
    path = folder / "tiny.toml"
    path.write_text(RECIPE.replace("epochs = 3", "epochs = 2"))
    with small_mnist():
        train(load_recipe(path), folder / "run", verbose=0)
    return folder / "run"


@pytest.fixture(scope="module")
def library(folder):
    return empty_library(folder / "zoo")


@pytest.fixture(scope="module")
def published(run, library):
    """The preset's folder, its metadata and the clips it was scored on."""
    with few_clips() as verified:
        preset = publish(run, "two abaci", library=library, batch_size=3)
        (data,) = verified
        # The clips are those of the set while it is of six.
        yield preset, json.loads((preset / "metadata.json").read_text()), data


@pytest.fixture(scope="module")
def loaded(published, library):
    return library.load("ms-convlstm", "mnist")


def test_the_folder_is_whole_and_listed(published, library, run):
    preset, _, _ = published
    assert preset == library.root / NAME / "1"
    assert set(contents(preset)) == {
        "README.md",
        "config.json",
        "forecast.png",
        "metadata.json",
        "model.weights.h5",
    }
    assert [path.name for path in preset.parent.iterdir()] == ["1"]
    assert manifest.main(["--check"], library.root, library.manifest) == 0
    assert library.names() == [NAME]
    assert not (run / "publishing").exists()


def test_what_is_loaded_scores_as_the_card_says(published, loaded):
    _, metadata, data = published
    assert (data.split, data.num_clips, data.batch_size) == ("test", 6, 3)
    validation = MovingMNIST("validation", 4, 3, 2, 2, (32, 32))
    for split, clips in (("test", data), ("validation", validation)):
        scores = evaluate(loaded, clips)
        for protocol in ("forecast", "ms-rnn"):
            assert metadata["scores"][split][protocol] == pytest.approx(
                scores[protocol], rel=1e-5
            )
        assert metadata["clips"][split] == scores["clips"]
    baseline = evaluate(Persistence(2, 2), data)
    expected = {key: baseline[key] for key in ("forecast", "ms-rnn")}
    assert metadata["baselines"]["persistence"] == expected
    names = {"persistence", "all black", "linear extrapolation"}
    assert set(metadata["baselines"]) == names
    assert len(metadata["curves"]["mse"]) == 2
    assert np.mean(metadata["curves"]["mse"]) == pytest.approx(
        metadata["scores"]["test"]["forecast"]["mse"]
    )


def test_it_forecasts_as_the_best_weights_do(published, loaded, run):
    _, metadata, data = published
    model = load_recipe(run / "recipe.toml").build()
    model.load_weights(run / "best.weights.h5")
    past, _ = data[0]
    forecast = loaded.predict(past, verbose=0)
    close = {"float32": 1e-6, "float16": 2e-3}[metadata["weights_dtype"]]
    np.testing.assert_allclose(
        forecast, model.predict(past, verbose=0), atol=close
    )
    untrained = load_recipe(run / "recipe.toml").build()
    assert np.abs(forecast - untrained.predict(past, verbose=0)).max() > 0.01


def test_the_weights_are_stored_as_the_metadata_say(published):
    preset, metadata, _ = published
    types = set()

    def visit(name, item):
        if isinstance(item, h5py.Dataset):
            types.add(str(item.dtype))

    with h5py.File(preset / "model.weights.h5") as file:
        file.visititems(visit)
    assert types == {metadata["weights_dtype"]}
    # So few weights, so few steps: the scores agree to four digits.
    assert metadata["weights_dtype"] == "float16"


def test_the_metadata_tell_of_the_training(published, run):
    _, metadata, _ = published
    history = read_history(run)
    best = min(history, key=lambda row: row["val_mse"])
    seconds = sum(row["seconds"] for row in history)
    cpu_seconds = sum(row["cpu_seconds"] for row in history)
    assert metadata["training"] == {
        "clips": 2 * 3 * 2,
        "steps": 2 * 3,
        "epochs": 2,
        "planned_epochs": 2,
        "hours": round(seconds / 3600, 2),
        "cpu_hours": round(cpu_seconds / 3600, 2),
        "best_epoch": best["epoch"],
        "backend": keras.backend.backend(),
        "keras": keras.__version__,
        "python": metadata["training"]["python"],
        "history": history,
    }
    assert metadata["recipe"] == (run / "recipe.toml").read_text()
    assert metadata["hardware"] == "two abaci"
    assert metadata["license"].endswith(LICENSES["mnist"])
    assert metadata["input"] == {
        "scaling": "[0, 1]",
        "interval": "1 frame",
        "units": {
            "class_name": "MinMax",
            "config": {"low": 0.0, "high": 255.0, "unit": ""},
        },
        "image_shape": [32, 32, 1],
        "context": 2,
        "horizon": 2,
    }


def test_the_card_holds_the_measured_numbers(published, run):
    preset, metadata, _ = published
    card = (preset / "README.md").read_text(encoding="utf-8")
    recipe = load_recipe(run / "recipe.toml")
    # Its lines are in another order: that of the names in the file.
    expected = render_card(recipe, metadata)
    changes = ("msrnn evaluate", "Pixels are", "not below")
    for line in set(card.splitlines()) ^ set(expected.splitlines()):
        assert any(change in line for change in changes)
    mse = metadata["scores"]["test"]["forecast"]["mse"]
    assert f"| ms-convlstm | {mse:.2f} |" in card
    trainable = recipe.build().trainable_weights
    assert metadata["parameters"] == sum(w.numpy().size for w in trainable)
    assert f"{metadata['parameters']:,} parameters" in card


def test_a_published_run_is_not_published_again(
    published, run, library, monkeypatch
):
    preset, _, _ = published
    before = contents(preset), library.manifest.read_bytes()

    def no_scores(*args, **kwargs):
        raise AssertionError("scored again")

    monkeypatch.setattr("tools.publishing.scoring.evaluate", no_scores)
    again = publish(run, "two abaci", library=library)
    assert again == preset
    assert (contents(preset), library.manifest.read_bytes()) == before
    # Its scores are known, so another library needs none computed.
    other = empty_library(run.parent / "other")
    with few_clips():
        copy = publish(run, "two abaci", library=other, batch_size=2)
    assert contents(copy)["README.md"] == contents(preset)["README.md"]
