import numpy as np
import pytest

from examples import known_inputs
from msrnn_keras.data.datasets.taxibj import TaxiBJ

pytestmark = pytest.mark.backend_free


def test_the_clock_is_that_of_the_slots(tmp_path):
    known_inputs.write_traffic(tmp_path)
    source = TaxiBJ("test", tmp_path)
    hours = known_inputs.hours_of(source.times)
    sine, cosine, *_, weekend = known_inputs.clock(source.times)[:, 0, 0].T
    angle = np.arctan2(sine, cosine) % (2 * np.pi)
    np.testing.assert_allclose(angle * 24 / (2 * np.pi), hours, atol=1e-4)
    days = [time.astype(object).weekday() >= 5 for time in source.times]
    np.testing.assert_array_equal(weekend, days)
    # The rush is on the mornings of working days.
    flows = source.read(0, len(source)).mean(axis=(1, 2, 3))
    rush = (hours >= 7) & (hours < 9.5) & (weekend == 0)
    assert flows[rush].min() > 1.5 * flows[~rush].max()


def test_both_models_are_trained_and_scored(capsys, monkeypatch):
    monkeypatch.setattr(known_inputs, "TEST_CLIPS", 2)
    scores = known_inputs.main(["--steps", "1"])
    assert set(scores) == {"persistence", "without clock", "with clock"}
    assert all(np.isfinite(score) for score in scores.values())
    assert "mean flow of the next slots" in capsys.readouterr().out
