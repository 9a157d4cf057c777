"""Scores that are kept for the next time."""

import itertools

import numpy as np
import pytest

from msrnn_keras.baselines import Persistence, Zeros
from msrnn_keras.data import ArraySource, Clips, RainRate
from tests.tools.publishing.publishing import Scorer, clips
from tools.publishing.scoring import ScoreBook, thresholds_of

pytestmark = pytest.mark.backend_free


@pytest.fixture
def scorer(monkeypatch):
    calls = itertools.count(1)
    scorer = Scorer(lambda model, dataset: next(calls))
    monkeypatch.setattr("tools.publishing.scoring.evaluate", scorer)
    return scorer


def test_a_score_is_computed_once(scorer, tmp_path):
    model = Persistence(2, 2)
    ask = [(model, "a", "validation", clips())] * 2
    first = ScoreBook(tmp_path / "scores.json").score(*ask[0])
    again = ScoreBook(tmp_path / "scores.json").score(*ask[1])
    assert first == again
    assert first["forecast"]["mse"] == 1.0
    assert len(scorer.asked) == 1


@pytest.mark.parametrize(
    "changed",
    [
        {"identity": "b"},
        {"split": "test"},
        {"dataset": clips(5)},
        {"dataset": clips(digit=2)},
    ],
)
def test_other_scores_are_computed(scorer, tmp_path, changed):
    book = ScoreBook(tmp_path / "scores.json")
    given = {"identity": "a", "split": "validation", "dataset": clips()}
    book.score(Persistence(2, 2), **given)
    book.score(Persistence(2, 2), **{**given, **changed})
    assert len(scorer.asked) == 2


@pytest.mark.parametrize("content", ["", "{", "[1]", "\x00"])
def test_a_damaged_file_counts_as_empty(scorer, tmp_path, content):
    path = tmp_path / "scores.json"
    path.write_text(content)
    book = ScoreBook(path)
    for _ in range(2):
        book.score(Zeros(2, 2), "a", "validation", clips())
    assert len(scorer.asked) == 1


def test_rain_is_scored_at_thresholds(tmp_path):
    assert thresholds_of(clips()) is None
    rng = np.random.default_rng(0)
    rain = rng.uniform(0, 20, (9, 16, 16, 1)).astype("float32")
    radar = Clips(ArraySource(rain, scaling=RainRate()), 2, 2)
    assert thresholds_of(radar) == (0.5, 2, 5, 10, 30)
    book = ScoreBook(tmp_path / "scores.json")
    scores = book.score(Persistence(2, 2), "a", "test", radar)
    assert 0 < scores["forecast"]["csi_5"] < 1
