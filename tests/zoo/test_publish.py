import json
import shutil

import keras
import numpy as np
import pytest

import zoo.publish
from msrnn_keras.baselines import Persistence
from msrnn_keras.data import MovingMNIST, moving_mnist
from msrnn_keras.evaluation import evaluate
from msrnn_keras.recipes import DATASETS, load_recipe
from msrnn_keras.training import read_history, train
from tests.runs import RECIPE, contents, write_mnist
from zoo import manifest
from zoo.card import render_card
from zoo.library import Library
from zoo.publish import LICENSES, publish

NAME = "ms-convlstm/mnist/tiny"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("publish")


@pytest.fixture(scope="module")
def mnist(folder):
    return write_mnist(folder / "mnist.npz")


@pytest.fixture(scope="module")
def run(folder, mnist):
    path = folder / "tiny.toml"
    path.write_text(RECIPE.replace("epochs = 3", "epochs = 2"))
    train(load_recipe(path), folder / "run", data=mnist, verbose=0)
    return folder / "run"


@pytest.fixture(scope="module")
def few_clips():
    """The test set is of 6 clips, 4 validate, and nothing is listed yet."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(moving_mnist.NUM_CLIPS, "test", 6)
        patch.setitem(moving_mnist.NUM_CLIPS, "validation", 4)
        yield patch


@pytest.fixture(scope="module")
def published(folder, run, mnist, few_clips):
    """The preset's folder, its metadata and the clips it was scored on."""
    empty = folder / "empty.json"
    empty.write_text('{"presets": {}}')
    verified = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(manifest, "MANIFEST", empty)
        patch.setattr(zoo.publish, "verify_test_set", verified.append)
        preset = publish(run, "two abaci", mnist, folder / "presets", 3)
    (data,) = verified
    return preset, json.loads((preset / "metadata.json").read_text()), data


@pytest.fixture
def no_manifest(monkeypatch, tmp_path):
    path = tmp_path / "manifest.json"
    path.write_text('{"presets": {}}')
    monkeypatch.setattr(manifest, "MANIFEST", path)
    return path


def test_the_folder_is_whole(published, folder):
    preset, _, _ = published
    assert preset == folder / "presets" / NAME / "1"
    assert set(contents(preset)) == {
        "README.md",
        "config.json",
        "metadata.json",
        "model.weights.h5",
    }
    assert [path.name for path in preset.parent.iterdir()] == ["1"]


def test_the_scores_are_of_the_best_weights(published, run, mnist):
    _, metadata, data = published
    assert (data.split, data.num_clips, data.batch_size) == ("test", 6, 3)
    model = load_recipe(run / "recipe.toml").build()
    model.load_weights(run / "best.weights.h5")
    validation = MovingMNIST("validation", 4, 3, 2, 2, (32, 32), path=mnist)
    for split, clips in (("test", data), ("validation", validation)):
        scores = evaluate(model, clips)
        for protocol in ("forecast", "ms-rnn"):
            assert metadata["scores"][split][protocol] == pytest.approx(
                scores[protocol], rel=1e-5
            )
        assert metadata["clips"][split] == scores["clips"]
    baseline = evaluate(Persistence(2, 2), data)
    expected = {key: baseline[key] for key in ("forecast", "ms-rnn")}
    assert metadata["baselines"]["persistence"] == expected
    assert set(metadata["baselines"]) == {"persistence", "all black"}
    assert len(metadata["curves"]["mse"]) == 2
    assert np.mean(metadata["curves"]["mse"]) == pytest.approx(
        metadata["scores"]["test"]["forecast"]["mse"]
    )


def test_the_metadata_tell_of_the_training(published, run):
    _, metadata, _ = published
    history = read_history(run)
    best = min(history, key=lambda row: row["val_mse"])
    seconds = sum(row["seconds"] for row in history)
    assert metadata["training"] == {
        "clips": 2 * 3 * 2,
        "steps": 2 * 3,
        "hours": round(seconds / 3600, 2),
        "best_epoch": best["epoch"],
        "backend": keras.backend.backend(),
        "keras": keras.__version__,
        "python": metadata["training"]["python"],
        "history": history,
    }
    assert metadata["recipe"] == (run / "recipe.toml").read_text()
    assert metadata["hardware"] == "two abaci"
    assert metadata["license"].endswith(LICENSES["mnist"])
    assert metadata["input"]["image_shape"] == [32, 32, 1]


def test_the_card_holds_the_measured_numbers(published, run):
    preset, metadata, _ = published
    card = (preset / "README.md").read_text(encoding="utf-8")
    recipe = load_recipe(run / "recipe.toml")
    # Its lines are in another order: that of the names in the file.
    expected = render_card(recipe, metadata)
    assert sorted(card.splitlines()) == sorted(expected.splitlines())
    mse = metadata["scores"]["test"]["forecast"]["mse"]
    assert f"| ms-convlstm | {mse:.2f} |" in card
    model = recipe.build()
    assert metadata["parameters"] == model.count_params()
    assert f"{model.count_params():,} parameters" in card


def test_the_preset_forecasts_as_the_best_weights_do(published, run, folder):
    _, _, data = published
    path = folder / "manifest.json"
    assert not manifest.main([], folder / "presets", path)
    loaded = Library(folder / "presets", path).load("ms-convlstm", "mnist")
    model = load_recipe(run / "recipe.toml").build()
    model.load_weights(run / "best.weights.h5")
    past, _ = data[0]
    forecast = loaded.predict(past, verbose=0)
    np.testing.assert_allclose(
        forecast, model.predict(past, verbose=0), atol=1e-6
    )
    untrained = load_recipe(run / "recipe.toml").build()
    assert np.abs(forecast - untrained.predict(past, verbose=0)).max() > 1e-3


# === Revisions ===


@pytest.fixture
def quick(monkeypatch, no_manifest, few_clips):
    """Nothing is scored: each model gets the number 1."""
    scores = dict.fromkeys(("mse", "mae", "ssim", "psnr", "mse_unclipped"), 1.0)

    def score(model, data, verbose):
        return {
            "forecast": scores,
            "ms-rnn": scores,
            "curves": {},
            "clips": data.num_clips,
        }

    monkeypatch.setattr(zoo.publish, "evaluate", score)
    monkeypatch.setattr(zoo.publish, "verify_test_set", lambda data: None)


def test_each_publishing_is_the_next_revision(quick, run, mnist, tmp_path):
    first, second = (publish(run, "none", mnist, tmp_path) for _ in range(2))
    assert (first, second) == (tmp_path / NAME / "1", tmp_path / NAME / "2")


def test_revisions_that_are_only_listed_count(
    quick, run, mnist, tmp_path, no_manifest
):
    listed = dict.fromkeys((f"{NAME}/9", f"{NAME}/10", f"{NAME}-big/44"), {})
    no_manifest.write_text(json.dumps({"presets": listed}))
    assert publish(run, "none", mnist, tmp_path) == tmp_path / NAME / "11"


# === Failures ===


def test_another_test_set_is_refused(no_manifest, run, mnist, tmp_path):
    with pytest.raises(ValueError, match="not the fixed.*Received: "):
        publish(run, "none", mnist, tmp_path / "presets")
    assert not (tmp_path / "presets").exists()


def test_nothing_is_written_when_scoring_fails(
    quick, run, mnist, tmp_path, monkeypatch
):
    def fail(*args, **kwargs):
        raise ValueError("not finite")

    monkeypatch.setattr(zoo.publish, "evaluate", fail)
    with pytest.raises(ValueError, match="not finite"):
        publish(run, "none", mnist, tmp_path / "presets")
    assert not (tmp_path / "presets").exists()


def test_nothing_is_written_when_the_weights_are_damaged(
    quick, run, mnist, tmp_path
):
    damaged = shutil.copytree(run, tmp_path / "run")
    weights = damaged / "best.weights.h5"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(OSError):
        publish(damaged, "none", mnist, tmp_path / "presets")
    assert not (tmp_path / "presets").exists()


@pytest.mark.parametrize("missing", ["best.weights.h5", "history.csv"])
def test_a_run_without_an_epoch_is_refused_at_once(run, tmp_path, missing):
    begun = shutil.copytree(run, tmp_path / "run")
    (begun / missing).unlink()
    with pytest.raises(FileNotFoundError, match="no epoch. Received: .*run"):
        publish(begun, "none", tmp_path / "none.npz", tmp_path / "presets")


def test_no_run_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="Received: "):
        publish(tmp_path / "run", "none")


# === The command ===


def test_the_command_publishes_and_lists(monkeypatch, capsys):
    calls = []

    def publish(*arguments):
        calls.append(arguments)
        return "presets/a/b/c/1"

    monkeypatch.setattr(zoo.publish, "publish", publish)
    monkeypatch.setattr(manifest, "main", lambda arguments: 7)
    arguments = ["run", "--hardware", "two abaci", "--data", "mnist.npz"]
    assert zoo.publish.main(arguments) == 7
    assert calls == [("run", "two abaci", "mnist.npz")]
    assert capsys.readouterr().out == "presets/a/b/c/1\n"


def test_every_data_set_has_a_licence():
    assert set(LICENSES) == set(DATASETS)
