import itertools

import pytest

from msrnn_keras.baselines import Persistence
from tests.tools.publishing.publishing import Scorer, clips
from tools.publishing.scoring import ScoreBook

MODEL = Persistence(2, 2)
GIVEN = {"identity": "a", "split": "validation", "dataset": clips()}


@pytest.fixture
def scorer(monkeypatch):
    calls = itertools.count(1)
    scorer = Scorer(lambda model, dataset: next(calls))
    monkeypatch.setattr("tools.publishing.scoring.evaluate", scorer)
    return scorer


def test_only_other_scores_are_computed(scorer, tmp_path):
    path = tmp_path / "scores.json"
    others = {"identity": "b"}, {"split": "test"}
    datasets = {"dataset": clips(5)}, {"dataset": clips(digit=2)}
    for count, changed in enumerate(({}, *others, *datasets), start=1):
        for _ in range(2):  # the second time from the file
            scores = ScoreBook(path).score(MODEL, **{**GIVEN, **changed})
            assert scores["forecast"]["mse"] == len(scorer.asked) == count
    # A damaged file counts as empty.
    for more, content in enumerate(("", "{", "[1]", "\x00"), start=1):
        path.write_text(content)
        book = ScoreBook(path)
        assert book.score(MODEL, **GIVEN) == book.score(MODEL, **GIVEN)
        assert len(scorer.asked) == count + more
