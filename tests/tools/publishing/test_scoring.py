"""The cache of scores."""

import itertools

import pytest

from msrnn_keras.baselines import Persistence
from tests.tools.publishing.publishing import Scorer, clips
from tools.publishing.scoring import ScoreBook

pytestmark = pytest.mark.backend_free
MODEL = Persistence(2, 2)
GIVEN = {"identity": "a", "split": "validation", "dataset": clips()}


@pytest.fixture
def scorer(monkeypatch):
    calls = itertools.count(1)
    scorer = Scorer(lambda model, dataset: next(calls))
    monkeypatch.setattr("tools.publishing.scoring.evaluate", scorer)
    return scorer


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"identity": "b"},
        {"split": "test"},
        {"dataset": clips(5)},
        {"dataset": clips(digit=2)},
    ],
)
def test_only_other_scores_are_computed(scorer, tmp_path, changed):
    first = ScoreBook(tmp_path / "scores.json").score(MODEL, **GIVEN)
    book = ScoreBook(tmp_path / "scores.json")
    again = book.score(MODEL, **{**GIVEN, **changed})
    assert len(scorer.asked) == (2 if changed else 1)
    assert first["forecast"]["mse"] == 1.0
    assert (again == first) is not bool(changed)


def test_a_damaged_file_counts_as_empty(scorer, tmp_path):
    path = tmp_path / "scores.json"
    for count, content in enumerate(("", "{", "[1]", "\x00"), start=1):
        path.write_text(content)
        book = ScoreBook(path)
        assert book.score(MODEL, **GIVEN) == book.score(MODEL, **GIVEN)
        assert len(scorer.asked) == count
