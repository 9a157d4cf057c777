"""Which presets exist, and which one a name means."""

import json
import re

import pytest

import zoo
from msrnn_keras.data import NAMES
from msrnn_keras.presets import registry
from msrnn_keras.presets.download import PresetFileError
from msrnn_keras.presets.registry import Preset, find, find_recipe, folder_of
from msrnn_keras.training.recipe import DATASETS

pytestmark = pytest.mark.backend_free

WEIGHTS = {"model.weights.h5": {"sha256": "0", "bytes": 1}}
TINY = "convlstm/mnist/tiny"
UNTRAINED = [
    f"ms-convlstm/{x}" for x in ("kth/tiny", "mnist/larger", "mnist/tiny")
]


def preset(folder, mse, files=WEIGHTS, **others):
    scores = {"validation": {"forecast": {"mse": mse, **others}}}
    scores = {} if mse is None else scores
    return Preset(*folder.split("/"), files, 1, scores)


PRESETS = [
    preset("ms-convlstm/mnist/base/1", 9.0),
    preset("ms-convlstm/mnist/small/1", 3.0),
    preset("ms-convlstm/mnist/small/2", 8.0),
    preset("ms-convlstm/mnist/small/10", 7.0),
    preset("ms-convlstm/mnist/bare/1", 1.0, files={}),
    preset("ms-convlstm/mnist/unscored/1", None),
    preset("ms-convlstm/mnist/ensemble/1", 1.0, crps=1.0),
    preset("ms-convlstm/kth/base/1", 0.5),
    preset("predrnn/mnist/base/1", 0.5),
    preset("mim/mnist/one/1", None),
    preset("ms-predrnn++/mnist/small/1", 6.0),
]


def test_find():
    for wanted, folder in (
        (("MS_ConvLSTM", "MNIST", "Small", 2), "ms-convlstm/mnist/small/2"),
        (("ms-convlstm", "mnist", "bare"), "ms-convlstm/mnist/bare/1"),
        (("MS_PredRNN_plus_plus", "mnist"), "ms-predrnn++/mnist/small/1"),
        # The newest revision is the highest number.
        (("ms-convlstm", "mnist", "small"), "ms-convlstm/mnist/small/10"),
        # Lower scores: an older revision, one without weights, an ensemble.
        (("ms-convlstm", "mnist"), "ms-convlstm/mnist/small/10"),
        (("ms-convlstm", "mnist", None, 1), "ms-convlstm/mnist/small/1"),
    ):
        assert find(PRESETS, *wanted).folder == folder
    with pytest.raises(ValueError, match=r"one of: one\. Received: .*mim"):
        find(PRESETS, "mim", "mnist")  # without a score


def test_unknown_names_give_the_nearest():
    for wanted, nearest, received in (
        (("ms-convlst", "mnist"), "ms-convlstm", "ms-convlst"),
        (("ms-convlstm", "mnits"), "mnist", "mnits"),
        (("ms-convlstm", "mnist", "smaxl"), "small", "smaxl"),
        (("predrnn", "mnist", "base", 7), "1", "7"),
        (("predrnn", "kth"), "mnist", "kth"),
    ):
        message = rf"nearest are: {nearest}\b.*Received: '{received}'$"
        with pytest.raises(ValueError, match=message):
            find(PRESETS, *wanted)


def test_folder_of_metadata():
    names = {"model": "ms-predrnn++", "dataset": "kth-msrnn", "variant": "v2"}
    folder = folder_of({**names, "revision": 3})
    assert folder == "ms-predrnn++/kth-msrnn/v2/3"
    for key, value in (
        ("model", "Mim"),
        ("dataset", "kth_msrnn"),
        ("variant", "../v2"),
        ("revision", "0"),
        ("revision", None),
    ):
        with pytest.raises(ValueError, match="Received: "):
            folder_of({**names, "revision": 3, key: value})


def test_the_zoo_lists_the_manifest():
    published = json.loads(registry.MANIFEST.read_text())["presets"]
    wanted = sorted({folder.rsplit("/", 1)[0] for folder in published})
    assert zoo.names() == wanted
    digits = [name for name in wanted if "/mnist/" in name]
    assert zoo.names("*", "mnist") == digits
    assert set(digits) < set(wanted)
    assert "ms-convlstm/kth/small" in zoo.names(weights=False)


def test_names(with_recipes):
    for arguments, expected in (
        ((), [TINY]),
        (("*", None, False), UNTRAINED),
        (("*", None, None), [TINY, *UNTRAINED]),
        (("MS_ConvLSTM", "KTH", None), UNTRAINED[:1]),
        (("ms-convlstm",), []),
        (("*/mnist", None, None), [TINY, *UNTRAINED[1:]]),
        (("ms-*/*/t?ny", None, None), UNTRAINED[::2]),
    ):
        assert zoo.names(*arguments) == expected


def test_info(with_recipes):
    older = zoo.info("convlstm/mnist", None, None, "1")
    assert older["weights_dtype"] == "float32"
    info = zoo.info("convlstm", "mnist")
    assert info["weights_dtype"] == "float16"
    assert info["scores"]["validation"]["forecast"]["mse"] == 5.0
    size = (with_recipes.root / TINY / "2/model.weights.h5").stat().st_size
    assert info["files"]["model.weights.h5"]["bytes"] == size
    assert zoo.info("ms_convlstm", "KTH") == {
        "model": "ms-convlstm",
        "dataset": "kth",
        "variant": "tiny",
        "weights": "none",
        "recipe": (with_recipes.recipes / f"{UNTRAINED[0]}.toml").read_text(),
        "train": f"msrnn train {UNTRAINED[0]} --out RUN --data PATH",
    }


def test_a_library_without_recipes_and_files(elsewhere):
    assert elsewhere.names(weights=None) == [TINY]
    with pytest.raises(PresetFileError, match="tiny/2/metadata.json"):
        elsewhere.info(TINY)


def test_names_of_no_preset(with_recipes):
    for arguments, message in (
        (("ms-convlstm",), "MODEL/DATASET.*nearest are: .*'ms-convlstm'"),
        (("a/b/c/d",), "nearest are: .*Received: 'a/b/c/d'"),
        (("ms-convlstm", "taxibj"), "nearest are: kth, mnist.*'taxibj'"),
        (("convlstm", None, "tiny"), "needs `dataset`.*Received"),
        (("ms-convlstm/kth", None, None, 1), "none there. Received: '1'"),
    ):
        with pytest.raises(ValueError, match=message):
            zoo.info(*arguments)


def test_the_error_without_weights_says_how_to_train(with_recipes):
    with pytest.raises(ValueError, match="No weights") as error:
        zoo.load("ms-convlstm", "kth")
    message = str(error.value)
    (train,) = re.findall(r"^    msrnn (.*)$", message, re.M)
    assert train == f"train {UNTRAINED[0]} --out RUN --data PATH"
    assert 'zoo.load("./RUN")' in message and "`weights=False`" in message
    assert message.endswith("Received: weights=True")
    # Of several recipes, one must be named.
    for weights in (True, False):
        with pytest.raises(ValueError, match="ed: ms-convlstm/mnist") as error:
            zoo.load("ms-convlstm", "mnist", weights=weights)
        for name in UNTRAINED[1:]:
            assert f"    msrnn train {name} --out RUN\n" in str(error.value)
    with pytest.raises(ValueError, match="ms-convlstm/mnist/larger; train"):
        zoo.load("ms-convlstm", "mnist", "larger")


def test_recipes_are_found_by_the_name_of_the_preset(with_recipes):
    for name, found in (
        ("ms_convlstm/KTH", UNTRAINED[0]),
        (UNTRAINED[2], UNTRAINED[2]),
        ("convlstm/mnist", TINY),
    ):
        path = with_recipes.recipes / f"{found}.toml"
        assert find_recipe(name) == path and path.is_file()
    with pytest.raises(ValueError, match="nearest are: ms-convlstm.*Received"):
        find_recipe("ms-convlst/kth")
    (with_recipes.recipes / f"{TINY}.toml").unlink()
    with pytest.raises(ValueError, match="no recipe file.*Received"):
        find_recipe(TINY)


def test_every_data_set_but_mnist_needs_a_path(with_recipes):
    entry = with_recipes.find(UNTRAINED[0])
    assert set(DATASETS) <= set(NAMES)
    for dataset in DATASETS:
        command = entry._replace(dataset=dataset).command
        assert command.endswith(" --data PATH") == (dataset != "mnist")


def test_descriptions(with_recipes):
    header, *lines = [line.split() for line in registry.describe_all()]
    assert header == ["preset", "revision", "parameters", "validation", "MSE"]
    assert lines[0][:2] == [TINY, "2"] and lines[0][3] == "5.00"
    untrained = [[name, "–", "–", "no", "weights"] for name in UNTRAINED]
    assert lines[1:] == untrained
    matched = registry.describe_all("ms-*/kth")[1:]
    assert [line.split() for line in matched] == untrained[:1]
    for name, *_ in lines:  # Every printed name is accepted.
        assert with_recipes.knows(name)
