"""Weights in float32 and float16, and the choice between them."""

import shutil

import h5py
import pytest

from tests.reference import assert_equal
from tests.tools.publishing.publishing import NAMES, Scorer, clips, write_run
from tools.publishing.candidates import (
    agree,
    choose_dtype,
    digest_weights,
    make_candidate,
)
from tools.publishing.run import read_run
from tools.publishing.scoring import ScoreBook

pytestmark = pytest.mark.backend_free


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    run = write_run(tmp_path_factory.mktemp("scoring") / "run")
    return read_run(run).load()


def make(folder, trained, dtype, full=None):
    names = {**NAMES, "revision": "4"}
    compile = {"loss": "mae", "learning_rate": 0.25}
    return make_candidate(folder / dtype, trained, names, compile, dtype, full)


@pytest.fixture(scope="module")
def candidates(trained, tmp_path_factory):
    folder = tmp_path_factory.mktemp("candidates")
    full = make(folder, trained, "float32")
    half = make(folder, trained, "float16", full.weights)
    return {"float32": full, "float16": half}


def test_a_candidate_has_the_stored_weights(candidates, trained):
    for dtype, given in candidates.items():
        stored = [w.numpy().astype(dtype) for w in trained.trainable_weights]
        loaded = [w.numpy() for w in given.model.trainable_weights]
        for a, b in zip(stored, loaded, strict=True):
            assert_equal(a.astype("float32"), b)
        assert float(given.model.optimizer.learning_rate.numpy()) == 0.25


def test_the_digest_depends_on_names_types_and_values(candidates, tmp_path):
    path = candidates["float32"].weights
    digest = digest_weights(path)
    assert digest != digest_weights(candidates["float16"].weights)
    copy = shutil.copy(path, tmp_path / "copy.weights.h5")
    assert digest_weights(copy) == digest
    names = []
    with h5py.File(copy, "r+") as file:
        file.visit(names.append)
        name = next(n for n in names if getattr(file[n], "ndim", 0) == 4)
        file[name][0, 0, 0, 0] += 1e-3
    assert digest_weights(copy) != digest
    with h5py.File(copy, "r+") as file:
        file[name][0, 0, 0, 0] -= 1e-3
        file.move(name, name + "0")
    assert digest_weights(copy) != digest


@pytest.mark.parametrize(
    ("mse", "ssim", "same"),
    [
        (100.049, 0.8, True),
        (99.951, 0.8, True),
        (100.051, 0.8, False),
        (100.0, 0.80041, False),
        (100.0, 0.80039, True),
        (float("nan"), 0.8, False),
    ],
)
def test_scores_agree_in_three_digits(mse, ssim, same):
    assert agree({"mse": mse, "ssim": ssim}, {"mse": 100, "ssim": 0.8}) is same
    # Small frames have no SSIM.
    none = {"mse": mse, "ssim": None}
    assert agree(none, {"mse": 100, "ssim": None}) is (abs(mse - 100) < 0.05)


@pytest.mark.parametrize(
    ("factor", "dtype"), [(1.0004, "float16"), (1.0006, "float32")]
)
def test_float16_is_chosen_if_the_scores_agree(
    candidates, monkeypatch, tmp_path, factor, dtype
):
    half = candidates["float16"].model
    scorer = Scorer(lambda model, data: 80 * (factor if model is half else 1))
    monkeypatch.setattr("tools.publishing.scoring.evaluate", scorer)
    book = ScoreBook(tmp_path / "scores.json")
    chosen, scores = choose_dtype(candidates.get, book, clips())
    assert chosen is candidates[dtype]
    expected = 80 * factor if dtype == "float16" else 80
    assert scores["forecast"]["mse"] == expected
    assert {split for _, split in scorer.asked} == {"validation"}


def test_weights_beyond_float16_stay_float32(trained, monkeypatch, tmp_path):
    monkeypatch.setattr("tools.publishing.scoring.evaluate", Scorer())
    weight = trained.trainable_weights[0]
    value = weight.numpy()
    weight.assign(value + 1e5)
    chosen, _ = choose_dtype(
        lambda *arguments: make(tmp_path, trained, *arguments),
        ScoreBook(tmp_path / "scores.json"),
        clips(),
    )
    weight.assign(value)
    assert chosen.dtype == "float32"
