import numpy as np
import pytest

from msrnn_keras import metrics
from msrnn_keras.baselines import Persistence
from msrnn_keras.report import ensemble_section, evaluation_report, write_report
from msrnn_keras.report.page import Section

pytestmark = pytest.mark.backend_free

TIMES = {"interval": 5, "unit": "min"}


class Noisy(Persistence):
    """Persistence with noise, as a model with `noise=True` forecasts it."""

    noise = True

    def __init__(self, *sizes):
        super().__init__(*sizes)
        self.calls = []

    def forecast(self, past, members, seed):
        self.calls.append((len(past), members, seed))
        frames = self.predict(past, verbose=0)[:, None]
        shape = (len(past), members, *frames.shape[2:])
        noise = np.random.default_rng(seed).normal(0, 0.2, shape)
        return (frames + noise).astype("float32")


def batch(channels=1, clips=4, members=3):
    rng = np.random.default_rng(channels)
    shape = (clips, 5, 16, 16, channels)
    frames = rng.random(shape).astype("float32")
    frames[:, 3:, :4, :4] = np.nan
    past, truth = frames[:, :2], frames[:, 2:]
    shape = (clips, members, 3, 16, 16, channels)
    return past, truth, rng.uniform(-0.2, 1.2, shape).astype("float32")


def number(cells, heading):
    return float(cells[heading].replace(",", ""))


def test_scores_and_pictures_of_rain(rain):
    past, truth, members = batch()
    parts = [[x[:1] for x in batch()], [x[1:] for x in batch()]]
    section = ensemble_section(parts, radar=True, scaling=rain, **TIMES)
    assert "4, with 3 members" in section.text and "mm/h" in section.text
    crps, spread = metrics.CRPS(), metrics.Spread(rain)
    error, brier = metrics.EnsembleRMSE(rain), metrics.BrierScore(2.0, rain)
    for metric in (crps, spread, error, brier):
        metric.update_state(truth, members)
    mae = metrics.MAE()
    mae.update_state(truth, np.clip(members, 0, 1).mean(axis=1))
    for heading, metric, digits in (
        ("CRPS ↓", crps, 0.005),
        ("MAE of the mean ↓", mae, 0.005),
        ("Brier score at 2 ↓", brier, 5e-5),
        ("RMSE of the mean ↓", error, 0.005),
        ("Spread", spread, 0.005),
    ):
        expected = pytest.approx(float(metric.result()), abs=1.1 * digits)
        assert number(section.cells, heading) == expected, heading
    pictures = {**section.charts, **section.pictures}
    assert [*pictures] == [
        "CRPS and MAE of the mean by lead time",
        "Spread and error of the mean by lead time",
        "Rank histogram",
        "Reliability of 0.5 mm/h or more",
        "Reliability of 2 mm/h or more",
        "Clip 0: members at the last lead time",
        "Clip 0: probability of 0.5 mm/h or more",
    ]
    curves, spreads, ranks, *others = pictures.values()
    assert [len(line.get_xdata()) for line in curves.axes[0].lines] == [3, 3]
    assert spreads.axes[0].get_ylabel() == "Spread and error (mm/h)"
    heights = [bar.get_height() for bar in ranks.axes[0].patches]
    clipped = np.clip(members, 0, 1)
    counts = metrics.rank_histogram(truth, clipped)
    assert heights == pytest.approx(counts / counts.sum())
    _, high, stamps, probability = others
    label = "Forecast probability of ≥ 2 mm/h"
    assert high.axes[1].get_xlabel() == label
    points = high.axes[0].lines[1].get_xydata().T
    result = metrics.reliability(50 * truth, 50 * clipped, 2.0)
    known = result.count > 0
    expected = result.forecast[known], result.observed[known]
    np.testing.assert_allclose(points, expected)
    first = stamps.axes[3].images[0].get_array()  # after input, truth and mean
    expected = 50 * members[0, 0, -1, ..., 0]
    np.testing.assert_allclose(first, expected, rtol=1e-6)
    last = probability.axes[-2].images[0].get_array()
    share = (50 * members[0, :, -1, ..., 0] >= 0.5).mean(axis=0)
    np.testing.assert_allclose(last, share)


def test_channels_and_nothing_known():
    past, truth, members = batch(channels=2, clips=1)
    section = ensemble_section([(past, truth, members)], name="a")
    captions = [*section.pictures][-4:]
    assert captions[0].startswith("Clip 0, channel 0: members")
    assert captions[3].startswith("Clip 0, channel 1: probability")
    section = ensemble_section([(past, np.full_like(truth, np.nan), members)])
    assert section.cells["CRPS ↓"] == "–"
    assert len(section.charts) == 2  # without ranks and reliability
    with pytest.raises(ValueError, match="Received: 0 batches"):
        ensemble_section([])


def test_a_report_of_a_model_with_noise_has_the_section(
    tmp_path, data, scores, monkeypatch
):
    monkeypatch.setattr("msrnn_keras.report.evaluation._ENSEMBLE_CLIPS", 4)
    monkeypatch.setattr("msrnn_keras.report.evaluation._CLIPS_AT_ONCE", 3)
    scores = {k: {**x, "curves": {}} for k, x in scores.items()}
    model, path = Noisy(3, 2), tmp_path / "report.html"
    options = {"shown": (4,), "members": 6}
    evaluation_report(path, model, data, scores, **options)
    assert sorted(model.calls) == [(1, 6, 0), (1, 6, 1), (3, 6, 0)]
    page = path.read_text(encoding="utf-8")
    assert page.startswith("<!DOCTYPE html>")
    for text in (
        "<h2>Ensemble</h2>",
        "<p>Clips: 4, with 6 members each.",
        "<th>CRPS ↓</th><th>MAE of the mean ↓</th>",
        "<tr><th>persistence</th><td>",
        "<figcaption>Rank histogram</figcaption>",
        "<figcaption>Clip 4: members at the last lead time</figcaption>",
    ):
        assert page.count(text) >= 1, text
    model.noise, model.calls, given = False, [], {}
    write = "msrnn_keras.report.evaluation.write_report"
    monkeypatch.setattr(write, lambda *_, **options: given.update(options))
    evaluation_report(path, model, data, scores, **options)
    assert model.calls == [] and given["sections"] == {}


def test_names_in_a_section_are_escaped(tmp_path, scores):
    section = Section("a < b", "<b>", {"c > d": "1"}, {}, {})
    path = tmp_path / "report.html"
    write_report(path, scores, curves={}, sections={"Ensemble": section})
    page = path.read_text(encoding="utf-8")
    assert "<th>&lt;b&gt;</th>" in page and "<b>" not in page
    assert "<p>a &lt; b</p>" in page and "<th>c &gt; d</th>" in page
