"""Presets that have a recipe and no weights."""

import json
import re
import shlex

import numpy as np
import pytest

import zoo
from msrnn_keras import MSStack
from msrnn_keras.cli import main
from msrnn_keras.data import NAMES
from msrnn_keras.presets.library import Library
from msrnn_keras.presets.untrained import read_untrained
from msrnn_keras.training.recipe import DATASETS, load_recipe
from tests.runs import RECIPE

KTH = "ms-convlstm-kth-tiny"
TWO = ["ms-convlstm/mnist/larger", "ms-convlstm/mnist/tiny"]


@pytest.fixture
def library(published, tmp_path):
    """One published preset, its recipe, and recipes of three others."""
    manifest = published / "manifest.json"
    (tmp_path / "manifest.json").write_bytes(manifest.read_bytes())
    recipes = tmp_path / "recipes"
    recipes.mkdir()
    for name, changes in (
        ("convlstm-mnist-tiny", [("ms-", "")]),
        ("ms-convlstm-mnist-tiny", []),
        ("ms-convlstm-mnist-larger", [("tiny", "larger")]),
        (KTH, [("mnist", "kth")]),
    ):
        text = RECIPE
        for old, new in changes:
            text = text.replace(old, new, 1)
        (recipes / f"{name}.toml").write_text(text)
    return Library(published / "presets", tmp_path / "manifest.json")


def test_names(library):
    kth = "ms-convlstm/kth/tiny"
    assert library.names() == ["convlstm/mnist/tiny"]
    assert library.names(weights=False) == [kth, *TWO]
    assert library.names(weights=None) == ["convlstm/mnist/tiny", kth, *TWO]
    assert library.names("MS_ConvLSTM", "KTH", weights=None) == [kth]
    assert library.names("ms-convlstm") == []


def test_info_says_that_there_are_no_weights(library):
    recipe = library.manifest.with_name("recipes") / f"{KTH}.toml"
    assert library.info("ms_convlstm", "KTH") == {
        "model": "ms-convlstm",
        "dataset": "kth",
        "variant": "tiny",
        "weights": "none",
        "recipe": recipe.read_text(),
        "train": f"msrnn train {KTH} --out RUN --data PATH",
    }
    assert "license" in library.info("convlstm", "mnist")


def commands(error):
    """The commands in a message, each on a line of its own."""
    return re.findall(r"^    msrnn (.*)$", str(error.value), re.M)


def test_loading_says_how_to_train(library):
    with pytest.raises(ValueError, match="No weights") as error:
        library.load("ms-convlstm", "kth")
    train, publish = commands(error)
    parsed = main._parser().parse_args(shlex.split(train))
    assert (parsed.recipe, parsed.out, parsed.data) == (KTH, "RUN", "PATH")
    parsed = main._parser().parse_args(shlex.split(publish))
    assert (parsed.folder, parsed.hardware) == ("RUN", "NAME")
    message = str(error.value)
    assert 'zoo.load("RUN")' in message and "`weights=False`" in message
    assert message.endswith("Received: weights=True")


@pytest.mark.parametrize("weights", [True, False])
def test_of_several_recipes_one_has_to_be_named(library, weights):
    with pytest.raises(ValueError, match="variant. larger, tiny.") as error:
        library.load("ms-convlstm", "mnist", weights=weights)
    train = [f"train {name.replace('/', '-')} --out RUN" for name in TWO]
    assert commands(error) == [*train, "publish RUN --hardware NAME"]
    with pytest.raises(ValueError, match="ms-convlstm/mnist/larger; train"):
        library.load("ms-convlstm", "mnist", "larger")


def test_the_untrained_model_is_that_of_the_recipe(library):
    path = library.manifest.with_name("recipes") / f"{KTH}.toml"
    wanted = load_recipe(path).build()
    model = library.load("ms-convlstm", "kth", weights=False)
    assert isinstance(model, MSStack) and model.compiled
    assert model.get_config() == wanted.get_config()
    for one, other in zip(
        model.get_weights(), wanted.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(one, other)
    changed = library.load(
        "ms-convlstm",
        "kth",
        weights=False,
        image_shape=(12, 8, 3),
        horizon=5,
        dtype="mixed_bfloat16",
    )
    assert (changed.image_shape, changed.horizon) == ((12, 8, 3), 5)
    assert changed.dtype_policy.name == "mixed_bfloat16"


def test_what_has_no_weights_has_no_revision(library):
    with pytest.raises(ValueError, match="none there. Received: '1'"):
        library.load("ms-convlstm", "kth", revision=1)


def test_unknown_names_list_what_exists(library):
    with pytest.raises(ValueError, match="nearest are: kth, mnist.*'taxibj'"):
        library.load("ms-convlstm", "taxibj")


def test_no_folder_of_recipes(tmp_path):
    assert read_untrained(tmp_path / "none", ()) == []


def test_the_data_sets_are_those_of_the_package(library):
    (entry,) = (
        entry
        for entry in read_untrained(library.manifest.with_name("recipes"), ())
        if entry.path.stem == KTH
    )
    assert set(DATASETS) <= set(NAMES)
    for dataset in DATASETS:
        command = entry._replace(dataset=dataset).command
        assert command.endswith(" --data PATH") == (dataset != "mnist")


def test_the_command_lists_both(library, monkeypatch, capsys):
    monkeypatch.setattr(
        "msrnn_keras.presets.library.MANIFEST", library.manifest
    )
    for name in ("info", "names"):
        monkeypatch.setattr(zoo, name, getattr(library, name))
    assert main.main(["list"]) == 0
    first, *others = capsys.readouterr().out.splitlines()
    assert first.startswith("convlstm/mnist/tiny  revision 2  ")
    names = ["ms-convlstm/kth/tiny", *TWO]
    assert others == [f"{name}  weights: none" for name in names]
    assert main.main(["info", "ms-convlstm", "kth"]) == 0
    assert json.loads(capsys.readouterr().out)["weights"] == "none"
