import shutil

import h5py
import pytest

from msrnn_keras.training.folder import digest_weights
from tests.reference import assert_equal
from tests.tools.publishing.publishing import NAMES, Scorer, clips, write_run
from tools.publishing.candidates import agree, choose_dtype, make_candidate
from tools.publishing.run import read_run
from tools.publishing.scoring import ScoreBook


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


def test_weights_and_digests_of_candidates(candidates, trained, tmp_path):
    for dtype, given in candidates.items():
        stored = [w.numpy().astype(dtype) for w in trained.trainable_weights]
        loaded = [w.numpy() for w in given.model.trainable_weights]
        for a, b in zip(stored, loaded, strict=True):
            assert_equal(a.astype("float32"), b)
        assert float(given.model.optimizer.learning_rate.numpy()) == 0.25
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


def test_float16_is_chosen(candidates, monkeypatch, tmp_path, trained):
    for mse, ssim, same in (
        (100.049, 0.8, True),
        (99.951, 0.8, True),
        (100.051, 0.8, False),
        (100.0, 0.80041, False),
        (100.0, 0.80039, True),
        (float("nan"), 0.8, False),
    ):
        given = {"mse": mse, "ssim": ssim}
        assert agree(given, {"mse": 100, "ssim": 0.8}) is same
    none = {"mse": 100, "ssim": None}  # Small frames have no SSIM.
    assert agree({**none, "mse": 100.049}, none)
    assert not agree({**none, "mse": 100.051}, none)
    half = candidates["float16"].model
    for factor, dtype in ((1.0004, "float16"), (1.0006, "float32")):
        mse = {id(half): 80 * factor}
        scorer = Scorer(lambda model, _, mse=mse: mse.get(id(model), 80))
        monkeypatch.setattr("tools.publishing.scoring.evaluate", scorer)
        book = ScoreBook(tmp_path / f"{dtype}.json")
        chosen, scores = choose_dtype(candidates.get, book, clips())
        assert chosen is candidates[dtype]
        expected = 80 * factor if dtype == "float16" else 80
        assert scores["forecast"]["mse"] == expected
        assert {split for _, split in scorer.asked} == {"validation"}
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
