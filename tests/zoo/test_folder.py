"""Models in folders: of presets and of runs."""

import json
import shutil
from pathlib import Path

import keras
import numpy as np
import pytest

import msrnn_keras
import zoo
from msrnn_keras.commands.arguments import load
from msrnn_keras.recipes import load_recipe
from tests.runs import RECIPE
from zoo.files import PresetFileError

TINY = "presets/convlstm/mnist/tiny/1"


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The folder of a run, and its model as it was when that was written."""
    folder = tmp_path_factory.mktemp("run")
    (folder / "recipe.toml").write_text(RECIPE)
    model = load_recipe(folder / "recipe.toml").build()
    rng = np.random.default_rng(0)
    for weight in model.trainable_weights:
        weight.assign(rng.normal(0, 0.5, weight.shape))
    model.optimizer.build(model.trainable_variables)  # saved with the weights
    model.save_weights(folder / "best.weights.h5")
    return folder, model


@pytest.fixture
def copied(published, tmp_path):
    """A copy of a preset's folder that may be spoilt."""
    return Path(shutil.copytree(published / TINY, tmp_path / "mine"))


def assert_same_weights(one, other):
    for a, b in zip(
        one.trainable_weights, other.trainable_weights, strict=True
    ):
        np.testing.assert_array_equal(a, b)


def test_a_preset(published, model, past):
    loaded = zoo.load(published / TINY)
    assert_same_weights(loaded, model)
    loss = keras.losses.get(loaded.loss)
    assert loss is keras.losses.mean_absolute_error
    np.testing.assert_allclose(
        loaded.predict(past, verbose=0),
        model.predict(past, verbose=0),
        atol=1e-6,
    )


def test_a_preset_with_changes(published, model):
    loaded = zoo.load(str(published / TINY), image_shape=(12, 10, 2), horizon=4)
    assert (loaded.image_shape, loaded.horizon) == ((12, 10, 2), 4)
    assert_same_weights(loaded, model)
    with pytest.raises(ValueError, match="weights=False.*Received: image_sh"):
        zoo.load(published / TINY, image_shape=(8, 6, 1))


def test_a_run(trained):
    folder, model = trained
    loaded = zoo.load(str(folder))
    assert_same_weights(loaded, model)
    assert loaded.get_config() == {**model.get_config(), "sampling": None}
    rate = keras.ops.convert_to_numpy(loaded.optimizer.learning_rate)
    np.testing.assert_allclose(rate, 0.001)
    changed = zoo.load(folder, horizon=4, dtype="mixed_bfloat16")
    assert changed.horizon == 4
    assert changed.dtype_policy.name == "mixed_bfloat16"
    assert_same_weights(changed, model)
    with pytest.raises(ValueError, match="weights=False.*Received: image_sh"):
        zoo.load(folder, image_shape=(32, 32, 2))


def test_a_run_that_has_finished_no_epoch(tmp_path):
    (tmp_path / "recipe.toml").write_text(RECIPE)
    with pytest.raises(PresetFileError, match="msrnn train.*Received: "):
        zoo.load(tmp_path)
    assert zoo.load(tmp_path, weights=False).name == "ms-convlstm"


@pytest.mark.backend_free
def test_missing_files_are_named(copied, tmp_path):
    (copied / "model.weights.h5").unlink()
    with pytest.raises(PresetFileError, match="model.weights.h5 is not there"):
        zoo.load(copied)
    zoo.load(copied, weights=False)
    (copied / "metadata.json").unlink()
    with pytest.raises(PresetFileError, match="; metadata.json is not there"):
        zoo.load(copied, weights=False)
    with pytest.raises(ValueError, match="existing folder.*Received: model"):
        zoo.load(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="data set.*'ms-convlstm', dataset=N"):
        zoo.load("ms-convlstm")


@pytest.mark.backend_free
@pytest.mark.parametrize("text", ["{", "[]", "\xff"])
@pytest.mark.parametrize("name", ["config.json", "metadata.json"])
def test_what_cannot_be_read_is_refused(copied, name, text):
    (copied / name).write_bytes(text.encode("latin-1"))
    with pytest.raises(ValueError, match=f"{name} must .*Received: "):
        zoo.load(copied)


@pytest.mark.backend_free
def test_nothing_but_our_model_is_built(copied):
    config = json.loads((copied / "config.json").read_text())
    config["compile"]["loss"] = {
        "class_name": "function",
        "config": "system",
        "module": "os",
        "registered_name": "system",
    }
    (copied / "config.json").write_text(json.dumps(config))
    with pytest.raises(ValueError, match="must hold an MSStack"):
        zoo.load(copied)


@pytest.mark.backend_free
def test_the_version_is_checked(copied, monkeypatch):
    monkeypatch.setattr(msrnn_keras, "__version__", "0.0.1")
    with pytest.raises(RuntimeError, match="Received: msrnn-keras 0.0.1"):
        zoo.load(copied)
    (copied / "metadata.json").write_text("{}")
    with pytest.raises(ValueError, match=r"minimum_version.*Received: \[\]"):
        zoo.load(copied)


@pytest.mark.backend_free
@pytest.mark.parametrize(
    "option", [{"variant": "tiny"}, {"revision": 1}, {"base_url": "http://x"}]
)
def test_a_folder_is_no_name(published, option):
    (name,) = option
    with pytest.raises(ValueError, match=f"`{name}` belong.*Received: "):
        zoo.load(published / TINY, **option)


@pytest.mark.backend_free
@pytest.mark.parametrize(
    "model, expected",
    [
        ("ms-convlstm", ("ms-convlstm", "mnist")),
        ("runs/mine", ("runs/mine", None)),
        ("hf://user/name", ("hf://user/name", None)),
        ("runs\\mine", ("runs\\mine", None)),
    ],
)
def test_commands_take_places(monkeypatch, model, expected):
    given = []
    monkeypatch.setattr(zoo, "load", lambda *args, **kwargs: given.append(args))
    options = {"dataset": "mnist", "variant": None, "revision": None}
    load(type("Options", (), {"model": model, **options}))
    assert given == [expected]
