"""Rank histograms and reliability, compared with `scores` and pysteps."""

import contextlib
import io

import numpy as np
import pytest

from msrnn_keras.metrics import rank_histogram, reliability
from tests.metrics.ensembles import ensembles, rank_frequencies

pytestmark = pytest.mark.backend_free


def test_ranks_equal_those_of_scores():
    truth, pred = ensembles(members=5)
    rng = np.random.default_rng(0)
    pred += rng.uniform(-1e-3, 1e-3, pred.shape)  # no ties
    expected = rank_frequencies(truth, pred)
    counts = rank_histogram(truth, pred)
    pixels = np.sum(~np.isnan(truth))
    assert counts / pixels == pytest.approx(expected, abs=1e-6)
    batches = [rank_histogram(truth[[i]], pred[[i]]) for i in range(2)]
    np.testing.assert_array_equal(sum(batches), counts)
    masked = np.ma.masked_invalid(truth)
    np.testing.assert_array_equal(rank_histogram(masked, pred), counts)


def test_ties_are_broken_at_random():
    truth, pred = ensembles((9, 4, 20, 20, 1), members=3)
    pixels = np.sum(~np.isnan(truth))
    expected = rank_frequencies(truth, pred)
    counts = rank_histogram(truth, pred, seed=3)
    assert counts.sum() == pixels
    # About five standard deviations.
    assert counts / pixels == pytest.approx(expected, abs=2.5 / pixels**0.5)
    np.testing.assert_array_equal(rank_histogram(truth, pred, seed=3), counts)
    assert (rank_histogram(truth, pred, seed=4) != counts).any()
    zeros = np.zeros((1, 5, 1, 99, 99, 1))
    flat = rank_histogram(zeros[:, 0], zeros[:, 1:])
    assert flat / 99**2 == pytest.approx(np.full(5, 0.2), abs=0.025)


@pytest.mark.parametrize("bins", [10, 4])
def test_reliability_equals_pysteps(bins):
    with contextlib.redirect_stdout(io.StringIO()):
        pytest.importorskip("pysteps")
        from pysteps.verification import probscores
    # Seven members: no share but 0 and 1 lies on the edge of a bin.
    truth, pred = ensembles((4, 3, 9, 8, 1), members=7)
    diagram = probscores.reldiag_init(0.5, bins, min_count=1)
    share = (pred >= 0.5).mean(axis=1)
    probscores.reldiag_accum(diagram, share.ravel(), truth.ravel())
    forecast, observed = probscores.reldiag_compute(diagram)
    given = reliability(truth, pred, 0.5, bins)
    assert given.forecast == pytest.approx(forecast, abs=1e-6, nan_ok=True)
    assert given.observed == pytest.approx(observed, abs=1e-6, nan_ok=True)
    np.testing.assert_array_equal(given.count, diagram["sample_size"])
    rate = np.mean(truth[~np.isnan(truth)] >= 0.5)
    assert given.base_rate == pytest.approx(rate)
    first, second = (
        reliability(truth[part], pred[part], 0.5, bins)
        for part in (slice(2), slice(2, None))
    )
    both = first + second
    for name in ("count", "events", "probabilities", "forecast", "observed"):
        expected = getattr(given, name)
        np.testing.assert_allclose(getattr(both, name), expected, rtol=1e-12)


def test_every_share_falls_into_its_own_bin():
    shares = np.arange(11)
    members = np.arange(10)[:, None] < shares  # share i / 10 in column i
    pred = members.reshape(1, 10, 1, 1, 11, 1).astype("float32")
    truth = np.zeros((1, 1, 1, 11, 1))
    result = reliability(truth, pred, 1.0, 10)
    np.testing.assert_array_equal(result.count, [1] * 9 + [2])
    forecast = [*np.arange(9) / 10, 0.95]
    np.testing.assert_allclose(result.forecast, forecast)


def test_what_does_not_fit_is_refused():
    truth, pred = ensembles()
    empty = reliability(np.full_like(truth, np.nan), pred, 0.5)
    assert np.isnan([empty.base_rate, *empty.forecast, *empty.observed]).all()
    assert rank_histogram(np.full_like(truth, np.nan), pred).sum() == 0
    with pytest.raises(ValueError, match=r"can be added.*\(0.5, 10\) and"):
        empty + reliability(truth, pred, 0.6)
    with pytest.raises(TypeError):
        empty + 1
    for function, more in ((rank_histogram, ()), (reliability, (0.5,))):
        with pytest.raises(ValueError, match="`members`.*Received: y.shape="):
            function(truth, truth, *more)
        wrong = pred.copy()
        wrong[0, 1, 1, 0, 0] = np.nan
        with pytest.raises(ValueError, match="`members` must be finite.*: 2 v"):
            function(truth, wrong, *more)
        with pytest.raises(TypeError, match="`members`.*dtype=uint8"):
            function(truth, pred.astype("uint8"), *more)
    with pytest.raises(ValueError, match="Received: bins=0"):
        reliability(truth, pred, 0.5, 0)
