import json
import shutil
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest

import msrnn_keras
import zoo
from msrnn_keras import MSStack, ScheduledSampling
from msrnn_keras.presets.download import PresetFileError
from msrnn_keras.presets.loading import load_preset
from msrnn_keras.presets.registry import Library
from msrnn_keras.training.recipe import load_recipe
from tests.presets_fixtures import assert_same_weights, files_in, predict
from tests.runs import RECIPE
from tools.publishing import manifest

NAME = "convlstm/mnist/tiny"
FOLDER = f"presets/{NAME}/1"
KTH = "ms-convlstm/kth/tiny"


def load(library, preset=NAME, /, **options):
    return load_preset(preset, library=library, **options)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
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
    return Path(shutil.copytree(published / FOLDER, tmp_path / "mine"))


@pytest.mark.parametrize(("revision", "atol"), [(1, 1e-6), (2, 5e-3)])
def test_round_trip(in_place, model, past, revision, atol):
    expected = predict(model, past)
    given = predict(load(in_place, revision=revision), past)
    np.testing.assert_allclose(given, expected, atol=atol)
    untrained = load(in_place, revision=revision, load_weights=False)
    difference = np.abs(predict(untrained, past) - expected)
    assert difference.max() > 10 * atol


@pytest.mark.backend_free
def test_fetched(elsewhere, published, model, serve, tmp_path):
    places = {"revision": "1", "cache_dir": tmp_path / "cache"}
    url = serve(published / "presets")
    load(elsewhere, load_weights=False, base_url=url, **places)
    fetched = {path.name for path in files_in(tmp_path / "cache")}
    assert fetched == {"config.json", "metadata.json"}
    assert_same_weights(load(elsewhere, base_url=url, **places), model)
    # A second time, from the cache alone.
    assert_same_weights(load(elsewhere, **places), model)


@pytest.mark.backend_free
def test_a_preset_without_weights(tmp_path, write_stub):
    write_stub(tmp_path, "mim/mnist/bare/1", 1.0, weights=None)
    path = tmp_path / "manifest.json"
    manifest.main([], tmp_path, path)
    with pytest.raises(ValueError, match=r"use `weights=False`\. Received: "):
        load(Library(tmp_path, path), "mim/mnist/bare")


@pytest.mark.backend_free
def test_a_preset_comes_before_a_folder(
    with_recipes, model, trained, tmp_path, monkeypatch
):
    for name in ("ConvLSTM MNIST tiny", "convlstm/mnist"):
        assert_same_weights(zoo.load(*name.split(), revision=1), model)
    monkeypatch.chdir(tmp_path)
    for name in (NAME, "runs/mine"):
        shutil.copytree(trained[0], tmp_path / name)
    assert_same_weights(zoo.load(NAME, revision=1), model)
    for folder in (f"./{NAME}", str(tmp_path / NAME), Path(NAME), "runs/mine"):
        assert_same_weights(zoo.load(folder), trained[1])


@pytest.mark.backend_free
def test_unknown_names_and_options(with_recipes, published):
    for name, message in (
        ("ms-convlstm", "DATASET.*nearest are: .*Received: 'ms-convlstm'"),
        ("./nowhere", "existing folder.*Received: "),
        (Path("nowhere"), "existing folder.*Received: "),
    ):
        with pytest.raises(ValueError, match=message):
            zoo.load(name)
    for name in ("revision", "base_url"):
        with pytest.raises(ValueError, match=f"`{name}` belong.*Received: "):
            zoo.load(published / FOLDER, **{name: "1"})


class OtherModel(keras.Model):
    pass


@pytest.mark.backend_free
@pytest.mark.usefixtures("with_recipes")
def test_the_class_is_checked(trained, published):
    for preset in (NAME, published / FOLDER, trained[0]):
        assert load_preset(preset, True, MSStack).compiled
        with pytest.raises(ValueError, match="OtherModel.*Received: .*MSStack"):
            load_preset(preset, True, OtherModel)
    with pytest.raises(ValueError, match="Received: a preset of MSStack"):
        load_preset(KTH, False, OtherModel)


@pytest.mark.backend_free
def test_overrides_that_keep_the_weights(in_place, model):
    for overrides in (
        {"image_shape": (12, 10, 2), "context": 2, "horizon": 4, "name": "m"},
        {"remat": "step", "warmup": False, "value_range": (0.0, 2.0)},
        {"sampling": ScheduledSampling.linear(10), "value_range": None},
    ):
        loaded = load(in_place, revision=1, **overrides)
        for key, value in overrides.items():
            assert getattr(loaded, key) == value, key
        assert_same_weights(loaded, model)


def test_a_longer_horizon_and_missing_pixels(in_place, model, past):
    """The forecast of a model with other arguments begins alike."""
    overrides = {"horizon": 4, "missing": "mask"}
    loaded = load(in_place, revision=1, **overrides)
    actual = predict(loaded, past)
    assert actual.shape[1] == 4 and loaded.missing == "mask"
    np.testing.assert_allclose(actual[:, :2], predict(model, past), atol=1e-6)


@pytest.mark.backend_free
def test_overrides_that_change_the_weights(in_place, trained):
    for shape in ((8, 6, 1), (8, 6)):
        with pytest.raises(ValueError, match="ghts=False.*Received: image_sha"):
            load(in_place, image_shape=shape)
    for preset, name in ((NAME, "filters"), (trained[0], "no_argument")):
        with pytest.raises(ValueError, match=f"`{name}` can.*Received: {name}"):
            load(in_place, preset, **{name: 5})


@pytest.mark.backend_free
def test_an_untrained_model_takes_any_argument(in_place, trained):
    overrides = {"image_shape": (8, 6, 5), "filters": 5}
    for preset in (NAME, trained[0]):
        loaded = load(in_place, preset, load_weights=False, **overrides)
        assert (loaded.image_shape, loaded.filters) == ((8, 6, 5), 5)
        assert loaded.value_range is None


def test_the_folder_of_a_preset(published, model):
    loaded = zoo.load(str(published / FOLDER))
    assert_same_weights(loaded, model)
    loss = keras.losses.get(loaded.loss)
    assert loss is keras.losses.mean_absolute_error
    rate = keras.ops.convert_to_numpy(loaded.optimizer.learning_rate)
    np.testing.assert_allclose(rate, 0.002)


@pytest.mark.backend_free
def test_missing_files_are_named(copied):
    (copied / "model.weights.h5").unlink()
    with pytest.raises(PresetFileError, match="model.weights.h5 is not there"):
        zoo.load(copied)
    zoo.load(copied, weights=False)
    (copied / "metadata.json").unlink()
    with pytest.raises(PresetFileError, match="; metadata.json is not there"):
        zoo.load(copied, weights=False)


@pytest.mark.backend_free
def test_unreadable_files_and_other_objects(copied):
    config = json.loads((copied / "config.json").read_text())
    config["compile"]["loss"] = {"class_name": "function", "module": "os"}
    (copied / "config.json").write_text(json.dumps(config))
    with pytest.raises(ValueError, match="must hold a registered model"):
        zoo.load(copied)
    for name in ("config.json", "metadata.json"):
        for text in (b"{", b"[]", b"\xff", b"[" * 100_000):
            (copied / name).write_bytes(text)
            with pytest.raises(ValueError, match=f"{name} must .*Received: "):
                zoo.load(copied)


@pytest.mark.backend_free
def test_the_version(copied, monkeypatch):
    monkeypatch.setattr(msrnn_keras, "__version__", "0.1.0")
    for needed in ("0.1.0", "0.1", "0.0.9", "0.1.1", "0.10.0", "1.0.0"):
        text = json.dumps({"minimum_version": needed})
        (copied / "metadata.json").write_text(text)
        if needed <= "0.1.0":
            zoo.load(copied, weights=False)
            continue
        with pytest.raises(RuntimeError, match=f"{needed} or newer.*Received"):
            zoo.load(copied)
    (copied / "metadata.json").write_text("{}")
    with pytest.raises(ValueError, match=r"minimum_version.*Received: \[\]"):
        zoo.load(copied)


@pytest.mark.backend_free
@pytest.mark.parametrize(
    "given",
    [
        {"units": 3},
        {"units": {"class_name": "Other", "config": {}}, "interval": "9 s"},
        {"units": {"class_name": "MinMax", "config": {}}},
        {"units": {"class_name": "MinMax", "config": {}}, "interval": "9"},
        {
            "units": {"class_name": "RainRate", "config": {"low": 99}},
            "interval": "9 s",
        },
    ],
)
def test_what_it_was_trained_on_must_be_known(copied, given):
    text = json.dumps({"minimum_version": "0.1.0", "input": given})
    (copied / "metadata.json").write_text(text)
    with pytest.raises(ValueError, match="`input` of metadata.*Received: "):
        zoo.load(copied)


WRONG = {
    "nan": (lambda w: np.where(np.ones_like(w), np.nan, w), "NaN or inf"),
    "integer": (lambda w: np.ones(w.shape, "int8"), "of type int8"),
    "complex": (lambda w: w.astype("complex64"), "of type complex64"),
}


def change_weight(path, change):
    with h5py.File(path, "r+") as file:
        names = []
        file.visit(names.append)
        name = next(n for n in names if getattr(file[n], "ndim", 0) == 4)
        value = change(file[name][()])
        del file[name]
        file[name] = value
    return name


@pytest.mark.backend_free
@pytest.mark.parametrize("kind", WRONG)
def test_wrong_weights_are_refused(copied, trained, tmp_path, kind):
    change, message = WRONG[kind]
    run = Path(shutil.copytree(trained[0], tmp_path / "run"))
    for path in (copied / "model.weights.h5", run / "best.weights.h5"):
        folder, name = path.parent, change_weight(path, change)
        with pytest.raises(ValueError, match="finite number") as refusal:
            zoo.load(folder)
        assert name in str(refusal.value) and message in str(refusal.value)
        zoo.load(folder, weights=False)


@pytest.mark.backend_free
def test_weights_of_other_float_types_are_read(copied, model):
    path = copied / "model.weights.h5"
    change_weight(path, lambda w: w.astype("float64"))
    assert_same_weights(zoo.load(copied), model)


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


@pytest.mark.backend_free
def test_a_run_without_a_finished_epoch(tmp_path):
    (tmp_path / "recipe.toml").write_text(RECIPE)
    with pytest.raises(PresetFileError, match="msrnn train.*Received: "):
        zoo.load(tmp_path)
    assert zoo.load(tmp_path, weights=False).name == "ms-convlstm"


@pytest.mark.backend_free
def test_the_untrained_model_of_a_recipe(with_recipes):
    wanted = load_recipe(with_recipes.recipes / f"{KTH}.toml").build()
    model = zoo.load(KTH, weights=False)
    assert isinstance(model, MSStack) and model.compiled
    assert model.get_config() == wanted.get_config()
    assert_same_weights(model, wanted)
    overrides = {"horizon": 5, "dtype": "mixed_bfloat16"}
    changed = zoo.load(KTH, weights=False, image_shape=(12, 8, 3), **overrides)
    assert (changed.image_shape, changed.horizon) == ((12, 8, 3), 5)
    assert changed.dtype_policy.name == "mixed_bfloat16"


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


@pytest.mark.backend_free
def test_frames_are_pixels(published, past):
    """Trained weights are of no use for frames that are not scaled."""
    model, x = zoo.load(published / FOLDER), 255 * past
    y = np.zeros((len(x), model.horizon, *x.shape[2:]), "float32")
    for name, call in CALLS.items():
        call(model, np.clip(x, -0.5, 1.5), y - (name == "fine-tuning"))
        with pytest.raises(ValueError, match=r"\[-0.5, 1.5\].*/ 255.*Receiv"):
            call(model, x, y)


def test_the_range_is_saved(published, past, tmp_path):
    loaded = zoo.load(published / FOLDER)
    loaded.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert again.value_range == loaded.value_range == (-0.5, 1.5)
    with pytest.raises(ValueError, match="Received: values from .* to 2"):
        predict(again, 0 * past + 2)
    again.value_range = None
    predict(again, 0 * past + 2)
    config = loaded.get_config()
    del config["value_range"]  # as in older files
    assert MSStack.from_config(config).value_range is None
    untrained = zoo.load(published / FOLDER, weights=False)
    assert untrained.value_range is None
    predict(untrained, 255 * past)
