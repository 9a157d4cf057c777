"""Which presets exist, and which one a name means."""

import json
import re
import subprocess
import sys

import pytest

import zoo
from msrnn_keras.data import NAMES
from msrnn_keras.presets import registry
from msrnn_keras.presets.download import PresetFileError
from msrnn_keras.presets.registry import (
    Library,
    Preset,
    find,
    find_recipe,
    folder_of,
)
from msrnn_keras.training.recipe import DATASETS

pytestmark = pytest.mark.backend_free

WEIGHTS = {"model.weights.h5": {"sha256": "0", "bytes": 1}}
TINY = "convlstm/mnist/tiny"
UNTRAINED = [
    "ms-convlstm/kth/tiny",
    "ms-convlstm/mnist/larger",
    "ms-convlstm/mnist/tiny",
]


def preset(folder, mse, files=WEIGHTS):
    scores = {} if mse is None else {"validation": {"forecast": {"mse": mse}}}
    return Preset(*folder.split("/"), files, 1, scores)


PRESETS = [
    preset("ms-convlstm/mnist/base/1", 9.0),
    preset("ms-convlstm/mnist/small/1", 3.0),
    preset("ms-convlstm/mnist/small/2", 8.0),
    preset("ms-convlstm/mnist/small/10", 7.0),
    preset("ms-convlstm/mnist/bare/1", 1.0, files={}),
    preset("ms-convlstm/mnist/unscored/1", None),
    preset("ms-convlstm/kth/base/1", 0.5),
    preset("predrnn/mnist/base/1", 0.5),
    preset("mim/mnist/one/1", None),
    preset("ms-predrnn++/mnist/small/1", 6.0),
]

# === One of several entries ===


@pytest.mark.parametrize(
    ("wanted", "folder"),
    [
        (("ms-convlstm", "kth", "base", "1"), "ms-convlstm/kth/base/1"),
        (("MS_ConvLSTM", "MNIST", "Small", 2), "ms-convlstm/mnist/small/2"),
        (("ms-convlstm", "mnist", "bare"), "ms-convlstm/mnist/bare/1"),
        (("MS_PredRNN_plus_plus", "mnist"), "ms-predrnn++/mnist/small/1"),
        # The newest revision is the highest number.
        (("ms-convlstm", "mnist", "small"), "ms-convlstm/mnist/small/10"),
        # Lower scores: an older revision, an entry without weights.
        (("ms-convlstm", "mnist"), "ms-convlstm/mnist/small/10"),
        (("ms-convlstm", "mnist", None, 1), "ms-convlstm/mnist/small/1"),
    ],
)
def test_find(wanted, folder):
    assert find(PRESETS, *wanted).folder == folder


def test_without_a_score_the_variant_is_required():
    with pytest.raises(ValueError, match=r"one of: one\. Received: .*mim"):
        find(PRESETS, "mim", "mnist")


@pytest.mark.parametrize(
    ("wanted", "nearest", "received"),
    [
        (("ms-convlst", "mnist"), "ms-convlstm", "ms-convlst"),
        (("ms-convlstm", "mnits"), "mnist", "mnits"),
        (("ms-convlstm", "mnist", "smal"), "small", "smal"),
        (("predrnn", "mnist", "base", 7), "1", "7"),
        (("predrnn", "kth"), "mnist", "kth"),
    ],
)
def test_unknown_names_give_the_nearest(wanted, nearest, received):
    message = rf"nearest are: {nearest}\b.*Received: '{received}'$"
    with pytest.raises(ValueError, match=message):
        find(PRESETS, *wanted)


def test_folder_of_metadata():
    names = {"model": "ms-predrnn++", "dataset": "kth-msrnn", "variant": "v2"}
    folder = folder_of({**names, "revision": 3})
    assert folder == "ms-predrnn++/kth-msrnn/v2/3"


@pytest.mark.parametrize(
    "change",
    [
        {"model": "Mim"},
        {"dataset": "kth_msrnn"},
        {"variant": "../v2"},
        {"revision": "0"},
        {"revision": None},
    ],
)
def test_invalid_metadata(change):
    names = {"model": "mim", "dataset": "kth", "variant": "v2", "revision": 1}
    with pytest.raises(ValueError, match="Received: "):
        folder_of({**names, **change})


# === The published manifest ===


def test_the_zoo_lists_the_manifest():
    published = json.loads(registry.MANIFEST.read_text())["presets"]
    wanted = sorted({folder.rsplit("/", 1)[0] for folder in published})
    assert zoo.names() == wanted
    assert zoo.names("*", "mnist") == wanted
    assert "ms-convlstm/kth/small" in zoo.names(weights=False)


def test_listing_imports_no_keras():
    code = (
        "import sys, types\n"
        "root = types.ModuleType('msrnn_keras')  # without its imports\n"
        "root.__path__ = ['msrnn_keras']\n"
        "sys.modules['msrnn_keras'] = root\n"
        "import zoo; zoo.names(); zoo.info('ms-convlstm/mnist/small')\n"
        "from msrnn_keras.presets import registry; registry.describe_all()\n"
        "print(sorted({'keras', 'numpy', 'h5py'} & set(sys.modules)))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code],
        cwd=registry.ZOO.parent,
        capture_output=True,
        text=True,
    )
    assert result.stdout == "[]\n", result.stderr


# === A library with trained and untrained presets ===


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((), [TINY]),
        (("*", None, False), UNTRAINED),
        (("*", None, None), [TINY, *UNTRAINED]),
        (("MS_ConvLSTM", "KTH", None), UNTRAINED[:1]),
        (("ms-convlstm",), []),
        (("*lstm*", None, False), UNTRAINED),
        (("*/mnist", None, None), [TINY, *UNTRAINED[1:]]),
        (("ms-*/*/t?ny", None, None), UNTRAINED[::2]),
        (("convlstm", None, None), [TINY]),
    ],
)
def test_names(with_recipes, arguments, expected):
    assert zoo.names(*arguments) == expected


@pytest.mark.parametrize(
    ("arguments", "dtype"),
    [
        (("convlstm", "mnist", None, 1), "float32"),
        (("convlstm/mnist", None, None, "1"), "float32"),
        (("convlstm", "mnist"), "float16"),
        (("ConvLSTM/mnist/tiny",), "float16"),
    ],
)
def test_info(with_recipes, arguments, dtype):
    info = zoo.info(*arguments)
    assert info["license"] == "Apache-2.0"
    assert info["weights_dtype"] == dtype
    assert info["scores"]["validation"]["forecast"]["mse"] == 5.0
    folder = with_recipes.root / TINY / info["revision"]
    size = (folder / "model.weights.h5").stat().st_size
    assert info["files"]["model.weights.h5"]["bytes"] == size


def test_info_of_an_untrained_preset(with_recipes):
    assert zoo.info("ms_convlstm", "KTH") == {
        "model": "ms-convlstm",
        "dataset": "kth",
        "variant": "tiny",
        "weights": "none",
        "recipe": (with_recipes.recipes / f"{UNTRAINED[0]}.toml").read_text(),
        "train": f"msrnn train {UNTRAINED[0]} --out RUN --data PATH",
    }


def test_info_that_cannot_be_fetched(elsewhere):
    with pytest.raises(PresetFileError, match="tiny/2/metadata.json"):
        elsewhere.info(TINY)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("ms-convlstm",), "MODEL/DATASET.*nearest are: .*'ms-convlstm'"),
        (("a/b/c/d",), "nearest are: .*Received: 'a/b/c/d'"),
        (("convlst/mnist",), "nearest are: convlstm.*'convlst'"),
        (("ms-convlstm", "taxibj"), "nearest are: kth, mnist.*'taxibj'"),
        (("convlstm", None, "tiny"), "needs `dataset`.*Received"),
        (("ms-convlstm/kth", None, None, 1), "none there. Received: '1'"),
    ],
)
def test_names_of_no_preset(with_recipes, arguments, message):
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


@pytest.mark.parametrize("weights", [True, False])
def test_of_several_recipes_one_must_be_named(with_recipes, weights):
    with pytest.raises(ValueError, match="Received: ms-convlstm/mnist") as e:
        zoo.load("ms-convlstm", "mnist", weights=weights)
    for name in UNTRAINED[1:]:
        assert f"    msrnn train {name} --out RUN\n" in str(e.value)
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


def test_a_library_without_recipes(published, tmp_path):
    library = Library(tmp_path, published / "manifest.json")
    assert not library.recipes.exists()
    assert library.names(weights=None) == [TINY]


def test_every_data_set_but_mnist_needs_a_path(with_recipes):
    entry = with_recipes.find(UNTRAINED[0])
    assert set(DATASETS) <= set(NAMES)
    for dataset in DATASETS:
        command = entry._replace(dataset=dataset).command
        assert command.endswith(" --data PATH") == (dataset != "mnist")


def test_descriptions(with_recipes):
    first, *others = registry.describe_all()
    assert re.fullmatch(
        rf"{TINY}  revision 2  [\d,]+ parameters  validation MSE 5\.00", first
    )
    assert others == [f"{name}  weights: none" for name in UNTRAINED]
    assert registry.describe_all("ms-*/kth") == others[:1]
    for line in (first, *others):  # Every printed name is accepted.
        assert with_recipes.knows(line.split()[0])
