"""What a card says of the counterpart and of the baselines."""

import json

import pytest

from tests.tools.publishing.publishing import empty_library, protocols
from tools.publishing import manifest
from tools.publishing.comparison import (
    Counterpart,
    compare,
    compare_baselines,
    counterpart_of,
    find_counterpart,
)

pytestmark = pytest.mark.backend_free


def metadata(model="ms-predrnn", mse=80.0):
    return {
        "model": model,
        "dataset": "mnist",
        "variant": "small",
        "clips": {"test": 10_000},
        "scores": {"test": {"forecast": {"mse": mse}}},
        "training": {"clips": 38_400, "hours": 1.69},
        "baselines": {
            "persistence": {"forecast": {"mse": 283.7}},
            "all black": {"forecast": {"mse": 174.0}},
        },
    }


def counterpart(model="predrnn", mse=100.0, clips=38_400, test_clips=10_000):
    test = {"forecast": {"mse": mse}}
    return Counterpart(model, "2", test, test_clips, clips, 3.5)


def test_counterparts():
    assert counterpart_of("ms-predrnn++") == "predrnn++"
    assert counterpart_of("convlstm") == "ms-convlstm"
    assert counterpart_of("ms-lstm") == "mk-lstm"
    assert counterpart_of("mk-lstm") == "ms-mk-lstm"


def test_no_counterpart():
    assert compare(metadata(), None) == (
        "When this was published, there was no plain counterpart, "
        "`predrnn/mnist/small`, to compare it with."
    )
    plain = compare(metadata("convlstm"), None)
    assert "no multi-scale counterpart, `ms-convlstm/mnist/small`," in plain


def test_the_better_one_is_told_from_the_figures():
    budget = "Both were trained once, on 38,400 clips, in 1.69 and 3.5 hours."
    assert compare(metadata(), counterpart()) == (
        "The multi-scale model beats its plain counterpart, `predrnn, "
        "revision 2`: forecast MSE 80.00 against 100.00 (20.0% lower). "
        f"{budget}"
    )
    assert compare(metadata(mse=110.0), counterpart()) == (
        "The multi-scale model does not beat its plain counterpart, `predrnn, "
        "revision 2`: forecast MSE 110.00 against 100.00 (10.0% higher). "
        f"{budget}"
    )
    even = compare(metadata(mse=100.0), counterpart())
    assert "does not beat" in even and "(no difference)" in even
    plain = compare(metadata("predrnn", 90.0), counterpart("ms-predrnn"))
    assert plain.startswith("The plain model beats its multi-scale counter")


def test_another_budget_is_told():
    text = compare(metadata(), counterpart(clips=19_200))
    assert "beats" in text
    assert text.endswith(
        "The budgets differ: 38,400 clips in 1.69 hours against 19,200 clips "
        "in 3.5 hours."
    )
    assert "Both" not in text


def test_another_test_set_compares_nothing():
    text = compare(metadata(), counterpart(test_clips=100))
    assert "cannot be compared" in text and "beat" not in text


def test_baselines():
    assert compare_baselines(metadata()) == (
        "Its forecast MSE is below that of every baseline."
    )
    assert compare_baselines(metadata(mse=174.0)) == (
        "Its forecast MSE is not below that of all black (174.00)."
    )


def test_the_newest_counterpart_is_found(tmp_path, write_stub):
    library = empty_library(tmp_path)
    names = {"model": "ms-mim", "dataset": "mnist", "variant": "base"}
    assert find_counterpart(library, names) is None
    for name in ("9", "10", "2"):
        folder = write_stub(library.root, f"mim/mnist/base/{name}", 4.0)
        path = folder / "metadata.json"
        content = {
            **json.loads(path.read_text()),
            "scores": {"test": protocols(float(name))},
            "clips": {"test": 123},
            "training": {"clips": 77, "hours": 8.5},
        }
        path.write_text(json.dumps(content))
    write_stub(library.root, "mim/kth/base/1", 4.0)
    write_stub(library.root, "mim/mnist/small/1", 4.0)
    manifest.update(library.root, library.manifest)
    assert find_counterpart(library, names) == Counterpart(
        "mim", "10", protocols(10.0), 123, 77, 8.5
    )
    # Without scores on the test set there is nothing to compare with.
    names = {"model": "ms-mim", "dataset": "kth", "variant": "base"}
    assert find_counterpart(library, names) is None
