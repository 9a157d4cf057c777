"""The presets in the repository: whole, loadable and better than nothing."""

import numpy as np
import pytest

import zoo
from msrnn_keras import MSStack
from msrnn_keras.baselines import AllBlack, Persistence
from msrnn_keras.demo import unseen_clips
from msrnn_keras.evaluation import evaluate
from tests.reference import GOLDEN
from zoo.catalog import WEIGHTS, read_manifest
from zoo.library import MANIFEST, PRESETS

FOLDERS = [
    preset.folder
    for preset in read_manifest(MANIFEST)
    if preset.dataset == "mnist" and (PRESETS / preset.folder).is_dir()
]
SHIPPED = "ms-convlstm/mnist/small/1"


def load(folder):
    model, dataset, variant, revision = folder.split("/")
    return zoo.load(model, dataset, variant, revision=revision)


@pytest.fixture(scope="module")
def shipped():
    return load(SHIPPED)


def test_the_shipped_preset_is_the_small_one():
    assert SHIPPED in FOLDERS
    assert zoo.names("ms-convlstm", "mnist")
    info = zoo.info("ms-convlstm", "mnist", "small")
    assert info["parameters"] <= 1_000_000
    assert (PRESETS / SHIPPED / WEIGHTS).stat().st_size < 6e6


@pytest.mark.backend_free
@pytest.mark.parametrize("folder", FOLDERS)
def test_the_card_tells_the_scores_of_the_metadata(folder):
    model, dataset, variant, revision = folder.split("/")
    info = zoo.info(model, dataset, variant, revision)
    card = (PRESETS / folder / "README.md").read_text(encoding="utf-8")
    for protocol in ("forecast", "ms-rnn"):
        scores = info["scores"]["test"][protocol]
        row = (
            f"| {model} | {scores['mse']:.2f} | {scores['mae']:.2f} "
            f"| {scores['ssim']:.4f} | {scores['psnr']:.2f} |"
        )
        assert row in card
    assert info["clips"]["test"] == 10_000


def test_forecasts_are_those_it_was_published_with(shipped):
    assert isinstance(shipped, MSStack) and shipped.compiled
    name = f"zoo-{SHIPPED.replace('/', '-')}.npz"
    with np.load(GOLDEN / name) as file:
        expected = file["forecast"]
    past, _ = unseen_clips(shipped, 1).arrays()
    given = shipped.predict(past, verbose=0)
    np.testing.assert_allclose(given, expected, atol=1e-3)
    assert np.ptp(expected) > 0.5


@pytest.mark.backend_free
@pytest.mark.parametrize("folder", FOLDERS)
def test_every_preset_loads_and_forecasts(folder):
    model = load(folder)
    past, future = unseen_clips(model, 2).arrays()
    error = np.square(model.predict(past, verbose=0) - future).sum()
    assert error < 0.8 * np.square(future).sum()  # that of all black


@pytest.mark.backend_free
def test_the_presets_in_the_repository_are_small_together():
    sizes = [p.stat().st_size for p in PRESETS.rglob("*") if p.is_file()]
    assert 0 < sum(sizes) < 40e6


@pytest.mark.backend_free  # its forecasts are the same on all, as above
def test_the_shipped_preset_beats_the_baselines_clearly(shipped):
    data = unseen_clips(shipped, 12)
    mse = {}
    for scored in (
        shipped,
        Persistence(shipped.context, shipped.horizon),
        AllBlack(shipped.context, shipped.horizon),
    ):
        mse[scored.name] = evaluate(scored, data)["forecast"]["mse"]
    assert mse["ms-convlstm"] < 0.65 * mse["all black"]
    assert mse["ms-convlstm"] < 0.4 * mse["persistence"]


def test_the_readme_tells_the_shipped_scores():
    test = zoo.info("ms-convlstm", "mnist", "small", 1)["scores"]["test"]
    readme = (PRESETS.parents[1] / "README.md").read_text(encoding="utf-8")
    scores = test["forecast"]
    row = (
        f"| 999,233 | {scores['mse']:.2f} | {scores['mae']:.2f} "
        f"| {scores['ssim']:.4f} | {scores['psnr']:.2f} "
        f"| {test['ms-rnn']['mse']:.2f} |"
    )
    assert row in readme
