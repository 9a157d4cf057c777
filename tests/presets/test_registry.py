"""Which preset a name means."""

import pytest

from msrnn_keras.presets.registry import Preset, find, folder_of

pytestmark = pytest.mark.backend_free

WEIGHTS = {"model.weights.h5": {"sha256": "0", "bytes": 1}}


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


@pytest.mark.parametrize(
    ("wanted", "folder"),
    [
        (("ms-convlstm", "kth", "base", "1"), "ms-convlstm/kth/base/1"),
        (("MS_ConvLSTM", "MNIST", "Small", 2), "ms-convlstm/mnist/small/2"),
        (("ms-convlstm", "mnist", "bare"), "ms-convlstm/mnist/bare/1"),
        (("MS_PredRNN_plus_plus", "mnist"), "ms-predrnn++/mnist/small/1"),
    ],
)
def test_finds_the_named_preset(wanted, folder):
    assert find(PRESETS, *wanted).folder == folder


def test_newest_revision_by_number():
    found = find(PRESETS, "ms-convlstm", "mnist", "small")
    assert found.revision == "10"


def test_best_validation_score_of_the_newest_revisions():
    # Lower are: an older revision, an entry without weights, other models.
    found = find(PRESETS, "ms-convlstm", "mnist")
    assert found.folder == "ms-convlstm/mnist/small/10"


def test_best_validation_score_of_a_given_revision():
    found = find(PRESETS, "ms-convlstm", "mnist", revision=1)
    assert found.folder == "ms-convlstm/mnist/small/1"


def test_without_a_score_the_variant_has_to_be_named():
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
    names = {"model": "mim", "dataset": "kth-msrnn", "variant": "v2"}
    assert folder_of({**names, "revision": 3}) == "mim/kth-msrnn/v2/3"
    names["model"] = "ms-predrnn++"
    assert folder_of({**names, "revision": 1}) == (
        "ms-predrnn++/kth-msrnn/v2/1"
    )


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
def test_folder_of_badly_spelt_metadata(change):
    names = {"model": "mim", "dataset": "kth", "variant": "v2", "revision": 1}
    with pytest.raises(ValueError, match="Received: "):
        folder_of({**names, **change})
