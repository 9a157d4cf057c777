"""`publish`: scores a run, writes the preset, refuses what it must not."""

import contextlib
import json
import shutil

import h5py
import keras
import numpy as np
import pytest

from msrnn_keras.baselines import Persistence
from msrnn_keras.data import MovingMNIST
from msrnn_keras.evaluation import evaluate
from msrnn_keras.presets.loading import load_folder
from msrnn_keras.training import lock_run, read_history, train
from msrnn_keras.training.history import write_history
from msrnn_keras.training.recipe import load_recipe
from tests.reference import GOLDEN
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

quickly = pytest.mark.backend_free


def read_metadata(preset):
    return json.loads((preset / "metadata.json").read_text())


def is_listed(library):
    return manifest.main(["--check"], library.root, library.manifest) == 0


# === A run that release 0.1.0 began is published ===


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("publish") / "run"
    return shutil.copytree(GOLDEN / "saved-0.1.0/run", folder)


@pytest.fixture(scope="module")
def published(run):
    """The preset's folder, its metadata, its library and its test clips."""
    library = empty_library(run.parent / "zoo")
    with few_clips() as verified:
        preset = publish(
            run, "two abaci", library=library, batch_size=3, unfinished=True
        )
    (data,) = verified
    return preset, read_metadata(preset), library, data


@pytest.fixture(scope="module")
def loaded(published):
    return load_folder(published[0])


def test_the_folder_is_complete_and_listed(published, run):
    preset, _, library, _ = published
    assert preset == library.root / NAME / "1"
    assert set(contents(preset)) == FILES
    assert [path.name for path in preset.parent.iterdir()] == ["1"]
    assert is_listed(library) and library.names() == [NAME]
    assert not (run / "publishing").exists()


def test_the_loaded_model_has_the_published_scores(published, loaded):
    _, metadata, _, data = published
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


def test_the_loaded_model_has_the_best_weights_in_float16(
    published, loaded, run
):
    preset, metadata, _, data = published
    model = load_recipe(run / "recipe.toml").build()
    past, _ = data[0]
    untrained = model.predict(past, verbose=0)
    model.load_weights(run / "best.weights.h5")
    forecast = loaded.predict(past, verbose=0)
    expected = model.predict(past, verbose=0)
    np.testing.assert_allclose(forecast, expected, atol=2e-3)
    assert np.abs(forecast - untrained).max() > 0.01
    types = set()

    def visit(name, item):
        if isinstance(item, h5py.Dataset):
            types.add(str(item.dtype))

    with h5py.File(preset / "model.weights.h5") as file:
        file.visititems(visit)
    assert types == {metadata["weights_dtype"]} == {"float16"}


def test_the_metadata_describe_the_run(published, run):
    _, metadata, _, _ = published
    assert metadata["training"]["history"] == read_history(run)
    assert metadata["training"]["epochs"] == 1
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


def test_the_card_is_made_of_the_metadata(published, run):
    preset, metadata, _, _ = published
    recipe = load_recipe(run / "recipe.toml")
    card = (preset / "README.md").read_text(encoding="utf-8")
    assert card == render_card(recipe, metadata)
    mse = metadata["scores"]["test"]["forecast"]["mse"]
    assert f"| ms-convlstm | {mse:.2f} |" in card
    trainable = recipe.build().trainable_weights
    assert metadata["parameters"] == sum(w.numpy().size for w in trainable)


def test_a_published_run_is_not_published_again(published, run, monkeypatch):
    preset, _, library, _ = published
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


@quickly
def test_a_new_run_is_published(tmp_path, library):
    path = tmp_path / "tiny.toml"
    path.write_text(RECIPE)
    with small_mnist():
        train(load_recipe(path), tmp_path / "run", verbose=0)
    with few_clips():
        preset = publish(tmp_path / "run", "none", library=library)
    rows = read_history(tmp_path / "run")
    training = read_metadata(preset)["training"]
    assert training == {
        "clips": 3 * 3 * 2,
        "steps": 3 * 3,
        "epochs": 3,
        "planned_epochs": 3,
        "hours": round(sum(row["seconds"] for row in rows) / 3600, 2),
        "cpu_hours": round(sum(row["cpu_seconds"] for row in rows) / 3600, 2),
        "best_epoch": min(rows, key=lambda row: row["val_mse"])["epoch"],
        "backend": keras.backend.backend(),
        "keras": keras.__version__,
        "python": training["python"],
        "history": rows,
    }


# === Revisions ===


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Two runs of one recipe."""
    folder = tmp_path_factory.mktemp("publish")
    return [write_run(folder / f"run{i}", seed=i) for i in range(2)]


@quickly
def test_a_worse_run_is_refused_before_the_test(scorer, runs, library):
    mse = iter([5.0, 5.0, 1.0, 1.0, 1.0, 1.0, 5.001, 5.001])
    scorer.mse = lambda model, dataset: next(mse)
    first = publish(runs[0], "none", library=library)
    before = library.manifest.read_bytes()
    scorer.asked.clear()
    with pytest.raises(ValueError, match="MSE is 5.0000.*Received: MSE 5.001"):
        publish(runs[1], "none", library=library)
    assert [split for _, split in scorer.asked] == ["validation"] * 2
    assert list(first.parent.iterdir()) == [first]
    assert library.manifest.read_bytes() == before


@quickly
def test_the_test_clips_are_scored_last_and_once(scorer, runs, library):
    publish(runs[0], "none", library=library)
    assert scorer.asked == [
        ("ms-convlstm", "validation"),  # float32
        ("ms-convlstm", "validation"),  # float16
        ("ms-convlstm", "test"),
        ("persistence", "test"),
        ("all black", "test"),
        ("linear extrapolation", "test"),
    ]


@quickly
def test_epochs_finished_before_the_lock_count(
    scorer, tmp_path, library, monkeypatch
):
    longer = RECIPE.replace("epochs = 3", "epochs = 4")
    run = write_run(tmp_path / "run", longer)

    @contextlib.contextmanager
    def lock_late(folder):
        write_history(folder, history(4))
        with lock_run(folder):
            yield

    monkeypatch.setattr("tools.publishing.publish.lock_run", lock_late)
    preset = publish(run, "none", library=library, unfinished=True)
    metadata = read_metadata(preset)
    assert metadata["run"]["epochs"] == metadata["training"]["epochs"] == 4


# === Refusals ===


@pytest.fixture
def refuse(library):
    """Return a function: publishing is refused and writes nothing."""

    def refuse(message, *arguments, error=ValueError):
        with pytest.raises(error, match=f"{message}.*Received: "):
            publish(*arguments, library=library)
        assert not any(path.is_file() for path in library.root.rglob("*"))

    return refuse


@quickly
@pytest.mark.parametrize("hardware", ["", "  ", None])
def test_hardware_is_required(refuse, runs, hardware):
    refuse("`hardware`", runs[0], hardware)


@quickly
def test_an_unknown_license_is_refused(refuse, runs, monkeypatch):
    monkeypatch.setattr("tools.publishing.publish.LICENSES", {})
    refuse("license", runs[0], "none")


@quickly
def test_a_missing_run_or_data_are_refused(refuse, runs, tmp_path):
    refuse("no run", tmp_path / "none", "none", error=FileNotFoundError)
    assert not (tmp_path / "none").exists()
    refuse("", runs[0], "none", "none.npz", error=FileNotFoundError)


@quickly
@pytest.mark.parametrize("text", ["", "\n[data]\nnum_digits = 3\n"])
def test_another_test_set_is_refused(refuse, tmp_path, text):
    run = write_run(tmp_path / "run", RECIPE + text)
    with small_mnist():
        refuse("not the fixed", run, "none")


@quickly
def test_nothing_is_written_if_scoring_fails(scorer, refuse, runs):
    def fail(model, dataset):
        raise ValueError("not finite. Received: NaN")

    scorer.mse = fail
    refuse("not finite", runs[0], "none")
    assert not (runs[0] / "publishing").exists()


@quickly
def test_a_locked_run_is_refused(refuse, runs):
    with lock_run(runs[0]):
        refuse("Another process", runs[0], "none", error=RuntimeError)
