"""Models in folders: of presets and of runs."""

import json
import shutil
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest

import msrnn_keras
import zoo
from msrnn_keras.cli.arguments import load
from msrnn_keras.presets.download import PresetFileError
from msrnn_keras.training.recipe import load_recipe
from tests.runs import RECIPE

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
    changes = {"sampling": None, "value_range": [-0.5, 1.5]}
    assert loaded.get_config() == {**model.get_config(), **changes}
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


CALLS = {
    "predict": lambda model, x, y: model.predict(x, verbose=0),
    "forecast": lambda model, x, y: model.forecast(x),
    "predict_all": lambda model, x, y: model.predict_all(x),
    "stream": lambda model, x, y: model.stream().update(x[:, 0]),
    "fit": lambda model, x, y: model.fit(x, y, verbose=0),
    "fine-tuning": lambda model, x, y: model.fit(0 * x, y + 2, verbose=0),
    "evaluate": lambda model, x, y: model.evaluate(x, y, verbose=0),
    "batch": lambda model, x, y: model.train_on_batch(x, y),
}


@pytest.mark.parametrize("call", CALLS)
def test_frames_are_pixels(published, trained, past, call):
    """Trained weights say nothing about frames that are not scaled."""
    preset, run = zoo.load(published / TINY), zoo.load(trained[0])
    frames = np.full((1, 2, 32, 32, 1), 1.6, "float32")
    for model, x in ((preset, 255 * past), (run, frames)):
        y = np.zeros((len(x), model.horizon, *x.shape[2:]), "float32")
        CALLS[call](model, np.clip(x, -0.5, 1.5), y - (call == "fine-tuning"))
        with pytest.raises(ValueError, match=r"\[-0.5, 1.5\].*/ 255.*Receiv"):
            CALLS[call](model, x, y)
    untrained = zoo.load(published / TINY, weights=False)
    assert untrained.value_range is None
    untrained.predict(255 * past, verbose=0)


def test_the_range_is_saved(published, past, tmp_path):
    loaded = zoo.load(published / TINY)
    loaded.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert again.value_range == loaded.value_range == (-0.5, 1.5)
    with pytest.raises(ValueError, match="Received: values from .* to 2"):
        again.predict(0 * past + 2, verbose=0)
    again.value_range = None
    again.predict(0 * past + 2, verbose=0)
    config = loaded.get_config()
    del config["value_range"]  # as of a file of before
    assert msrnn_keras.MSStack.from_config(config).value_range is None


WRONG = {
    "nan": (lambda w: np.where(np.ones_like(w), np.nan, w), "NaN or inf"),
    "inf": (lambda w: w - np.inf, "NaN or inf"),
    "integer": (lambda w: np.ones(w.shape, "int8"), "of type int8"),
    "bool": (lambda w: np.ones(w.shape, "bool"), "of type bool"),
    "complex": (lambda w: w.astype("complex64"), "of type complex64"),
}


def change_weight(path, change):
    """Change one weight of a file, and say which."""
    with h5py.File(path, "r+") as file:
        names = []
        file.visit(names.append)
        name = next(n for n in names if getattr(file[n], "ndim", 0) == 4)
        value = change(file[name][()])
        del file[name]
        file[name] = value
    return name


@pytest.mark.parametrize("kind", WRONG)
def test_wrong_weights_are_refused(copied, trained, tmp_path, kind):
    change, message = WRONG[kind]
    run = Path(shutil.copytree(trained[0], tmp_path / "run"))
    for folder, file in (
        (copied, "model.weights.h5"),
        (run, "best.weights.h5"),
    ):
        name = change_weight(folder / file, change)
        with pytest.raises(ValueError, match="finite number") as refusal:
            zoo.load(folder)
        assert name in str(refusal.value) and message in str(refusal.value)
        zoo.load(folder, weights=False)


@pytest.mark.parametrize("dtype", ["float16", "float64"])
def test_weights_of_every_float_type_are_read(copied, model, dtype):
    name = change_weight(copied / "model.weights.h5", lambda w: w.astype(dtype))
    with h5py.File(copied / "model.weights.h5") as file:
        expected = file[name][()]
    values = [keras.ops.convert_to_numpy(w) for w in zoo.load(copied).weights]
    assert any(
        v.shape == expected.shape and np.array_equal(v, expected)
        for v in values
    )


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
