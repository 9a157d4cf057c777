"""The presets in the repository: complete, loadable, better than baselines."""

import numpy as np
import pytest

import zoo
from msrnn_keras.baselines import Persistence, Zeros
from msrnn_keras.cli.demo import unseen_clips
from msrnn_keras.evaluation import evaluate
from msrnn_keras.presets.registry import MANIFEST, PRESETS, Library
from tests.golden.presets import forecast, golden, shipped
from tools.publishing.comparison import compare, find_counterpart
from tools.publishing.tables import (
    LONG_STREAMS,
    long_forecasts,
    read_long_streams,
)

FOLDERS = shipped()
NEWEST = sorted({folder.rpartition("/")[0] for folder in FOLDERS})


def describe(folder):
    """Metadata of a preset; without a revision, of the newest."""
    return zoo.info(*folder.split("/"))


def test_the_first_preset_stays():
    assert "ms-convlstm/mnist/small/1" in FOLDERS
    assert set(NEWEST) <= set(zoo.names())


@pytest.mark.backend_free
@pytest.mark.parametrize("folder", FOLDERS)
def test_the_card_has_the_scores_of_the_metadata(folder):
    info = describe(folder)
    card = (PRESETS / folder / "README.md").read_text(encoding="utf-8")
    for protocol in ("forecast", "ms-rnn"):
        scores = info["scores"]["test"][protocol]
        row = (
            f"| {info['model']} | {scores['mse']:.2f} | {scores['mae']:.2f} "
            f"| {scores['ssim']:.4f} | {scores['psnr']:.2f} |"
        )
        assert row in card
    assert info["clips"]["test"] == 10_000


@pytest.mark.backend_free
@pytest.mark.parametrize("name", NEWEST)
def test_the_card_compares_plain_and_multi_scale(name):
    info = describe(name)
    card = (PRESETS / name / info["revision"] / "README.md").read_text("utf-8")
    assert compare(info, find_counterpart(Library(), info)) in card


@pytest.mark.backend_free
@pytest.mark.parametrize("name", NEWEST)
def test_the_card_has_the_figures_of_long_streams(name):
    info = describe(name)
    folder = f"{name}/{info['revision']}"
    figures = read_long_streams(MANIFEST.with_name(LONG_STREAMS))[folder]
    assert figures["mse_900_1000"] <= 1.5 * figures["mse_50_150"]
    for what in ("horizon_500", "stream_1000", "float16_100"):
        assert figures[f"finite_{what}"] is True
    card = (PRESETS / folder / "README.md").read_text("utf-8")
    assert long_forecasts(Library(), info) in card
    assert f"{figures['mse_900_1000']:.1f} |" in card


@pytest.mark.parametrize("folder", FOLDERS)
def test_forecasts_equal_those_at_publication(folder):
    with np.load(golden(folder)) as file:
        expected = file["forecast"]
    np.testing.assert_allclose(forecast(folder), expected, atol=1e-3)
    assert np.ptp(expected) > 0.5


@pytest.mark.backend_free
def test_the_presets_in_the_repository_are_small():
    sizes = [p.stat().st_size for p in PRESETS.rglob("*") if p.is_file()]
    assert 0 < sum(sizes) < 40e6
    for folder in NEWEST:
        if folder.endswith("/small"):
            assert describe(folder)["parameters"] < 2e6


@pytest.mark.backend_free  # the forecasts are the same on all, as above
@pytest.mark.parametrize("name", NEWEST)
def test_a_preset_beats_the_baselines_clearly(name):
    loaded = zoo.load(name)
    assert loaded.compiled
    data = unseen_clips(loaded, 12)
    mse = [
        evaluate(scored, data)["forecast"]["mse"]
        for scored in (
            loaded,
            Zeros(loaded.context, loaded.horizon),
            Persistence(loaded.context, loaded.horizon),
        )
    ]
    assert mse[0] < 0.65 * mse[1]
    assert mse[0] < 0.4 * mse[2]


@pytest.mark.backend_free
@pytest.mark.parametrize("name", NEWEST)
def test_the_documentation_has_the_scores_of_the_newest_revision(name):
    info = describe(name)
    root = PRESETS.parents[1]
    pages = [root / "README.md", *root.glob("docs/*.md")]
    scores, other = (
        info["scores"]["test"][protocol] for protocol in ("forecast", "ms-rnn")
    )
    row = (
        f"zoo/presets/{name}/{info['revision']}/README.md) "
        f"| {info['parameters']:,} | {scores['mse']:.2f} "
        f"| {scores['mae']:.2f} | {scores['ssim']:.4f} "
        f"| {scores['psnr']:.2f} | {other['mse']:.2f} "
        f"| {info['training']['clips']:,} |"
    )
    assert any(row in page.read_text(encoding="utf-8") for page in pages)
