"""The presets in the repository: complete, loadable, better than baselines."""

import numpy as np
import pytest

import zoo
from msrnn_keras import Lagrangian
from msrnn_keras.cli.demo import unseen_clips
from msrnn_keras.presets.registry import MANIFEST, PRESETS, Library
from tests.golden.presets import golden, shipped
from tools.publishing.comparison import compare, find_counterpart
from tools.publishing.tables import (
    LONG_STREAMS,
    RADAR_SCORES,
    long_forecasts,
    radar_scores,
    read_results,
)

FOLDERS = shipped()
NEWEST = sorted({folder.rpartition("/")[0] for folder in FOLDERS})


@pytest.mark.backend_free
@pytest.mark.parametrize("folder", FOLDERS)
def test_the_card_has_the_scores_of_the_metadata(folder):
    info = zoo.info(*folder.split("/"))
    card = (PRESETS / folder / "README.md").read_text(encoding="utf-8")
    for protocol in ("forecast", "ms-rnn"):
        scores = info["scores"]["test"][protocol]
        assert protocol == "ms-rnn" or None not in scores.values()
        forms = {"mse": ".2f", "mae": ".2f", "ssim": ".4f", "psnr": ".2f"}
        cells = [
            "–" if scores[key] is None else format(scores[key], form)
            for key, form in forms.items()
        ]
        assert f"| {info['model']} | {' | '.join(cells)} |" in card
    assert info["clips"]["test"] == 10_000


@pytest.mark.backend_free
@pytest.mark.parametrize("name", NEWEST)
def test_the_card_has_the_comparison_and_the_figures_of_long_streams(name):
    info = zoo.info(name)
    folder = f"{name}/{info['revision']}"
    figures = read_results(MANIFEST.with_name(LONG_STREAMS))[folder]
    assert figures["mse_900_1000"] <= 1.5 * figures["mse_50_150"]
    for what in ("horizon_500", "stream_1000", "float16_100"):
        assert figures[f"finite_{what}"] is True
    card = (PRESETS / folder / "README.md").read_text("utf-8")
    assert compare(info, find_counterpart(Library(), info)) in card
    assert long_forecasts(Library(), info) in card
    assert f"{figures['mse_900_1000']:.1f} |" in card


@pytest.mark.parametrize("folder", FOLDERS)
def test_forecasts_equal_those_at_publication_and_beat_the_baselines(folder):
    model, dataset, variant, revision = folder.split("/")
    loaded = zoo.load(model, dataset, variant, revision=revision)
    assert loaded.compiled
    past, future = unseen_clips(loaded, 4).arrays()
    forecast = loaded.predict(past, verbose=0)
    with np.load(golden(folder)) as file:
        expected = file["forecast"]
    np.testing.assert_allclose(forecast[:1], expected, atol=1e-3)
    assert np.ptp(expected) > 0.5
    mse, black, persistence = (
        np.square(given - future).mean()
        for given in (forecast.clip(0, 1), 0, past[:, -1:])
    )
    assert mse < 0.65 * black and mse < 0.4 * persistence


@pytest.mark.backend_free
def test_the_presets_in_the_repository_are_small():
    assert "ms-convlstm/mnist/small/1" in FOLDERS
    sizes = [p.stat().st_size for p in PRESETS.rglob("*") if p.is_file()]
    assert 0 < sum(sizes) < 60e6
    for name in NEWEST:
        if name.endswith(("/small", "/medium")):
            assert zoo.info(name)["parameters"] < 4e6


def moving_rain():
    rain = np.zeros((1, 6, 40, 40, 1), "float32")
    for time in range(6):
        rain[0, time, 10:20, 8 + time : 18 + time] = 0.5
    return rain


@pytest.mark.backend_free
def test_the_ensemble_beats_the_error_of_its_twin():
    pytest.importorskip("pysteps")
    model = zoo.load("ms-convlstm", "radar", "ensemble")
    members = model.forecast(moving_rain(), horizon=3, members=4)
    assert members.shape == (1, 4, 3, 40, 40, 1)
    assert members.std(axis=1).max() > 0.01
    ensemble, twin = (
        zoo.info("ms-convlstm", "radar", name)["scores"]["test"]["forecast"]
        for name in ("ensemble", "small")
    )
    assert ensemble["crps"] < 0.95 * twin["mae"]


@pytest.mark.backend_free
def test_the_radar_preset_beats_the_flow_and_has_a_card_of_evenings():
    pytest.importorskip("pysteps")
    name = "ms-convlstm/radar/small"
    model, info = zoo.load(name), zoo.info(name)
    assert isinstance(model, Lagrangian)
    assert model.trained_on.grid_step == 2 and model.trained_on.interval == 300
    ahead = model.forecast(moving_rain(), horizon=3)
    assert ahead.shape == (1, 3, 40, 40, 1) and ahead.max() > 0.2
    columns = (ahead[0, 2, ..., 0].sum(axis=0) * np.arange(40)).sum()
    assert abs(columns / ahead[0, 2].sum() - 20.5) < 1  # it went on
    folder = f"{name}/{info['revision']}"
    results = read_results(MANIFEST.with_name(RADAR_SCORES))
    for date, kinds in results[folder].items():
        flow = results["references"][date]["flow"]["mse"]
        assert np.all(np.less(kinds["mean"]["mse"], flow)), date
    card = (PRESETS / folder / "README.md").read_text("utf-8")
    assert radar_scores(Library(), info) in card
