"""CRPS, Brier score, spread and skill, compared with `scores`."""

import keras
import numpy as np
import pytest

from msrnn_keras import metrics
from msrnn_keras.losses import AlmostFairCRPS
from tests.metrics import ensembles as reference
from tests.metrics.ensembles import ensembles
from tests.metrics.fields import Cubed

SCALING = Cubed()


def made(**options):
    brier = [metrics.BrierScore(0.5, **options)]
    makes = (
        metrics.CRPS,
        metrics.Spread,
        metrics.EnsembleRMSE,
        metrics.SpreadSkillRatio,
    )
    return [*brier, *(make(**options) for make in makes)]


def expected(truth, pred):
    """Return the curves of all scores."""
    pixels = truth[0, 0].size
    frames = np.nanmean(reference.crps(truth, pred, "fair"), axis=(2, 3, 4))
    spread = reference.spread(truth, pred)
    skill = reference.rmse_of_mean(truth, pred)
    return {
        "brier_0.5": reference.brier(truth, pred, 0.5),
        "crps": pixels * np.nanmean(frames, axis=0),
        "spread": spread,
        "ensemble_rmse": skill,
        "spread_skill_ratio": spread / skill,
    }


@pytest.mark.filterwarnings("ignore:Mean of empty slice")
def test_scores_equal_those_of_scores_over_batches():
    batches = [ensembles(seed=seed) for seed in (0, 1)]
    truth, pred = map(np.concatenate, zip(*batches, strict=True))
    curves = expected(truth, pred)
    for metric in made(num_frames=2):
        for batch in batches:
            metric.update_state(*batch)
        curve = curves.pop(metric.name)
        assert metric.curve() == pytest.approx(curve, rel=1e-6)
        assert min(curve) <= float(metric.result()) <= max(curve)
    assert curves == {}


def test_units_of_the_data():
    truth, pred = ensembles()
    rain = [SCALING.inverse(x.astype("float64")) for x in (truth, pred)]
    brier = metrics.BrierScore(10.0, SCALING, num_frames=2)
    brier.update_state(truth, pred)
    curve = reference.brier(*rain, 10.0)
    assert brier.curve() == pytest.approx(curve, rel=1e-6)
    assert np.abs(curve - reference.brier(truth, pred, 0.5)).min() > 1e-3
    for make, score in (
        (metrics.Spread, reference.spread),
        (metrics.EnsembleRMSE, reference.rmse_of_mean),
    ):
        metric = make(SCALING, num_frames=2)
        metric.update_state(truth, pred)
        assert metric.curve() == pytest.approx(score(*rain), rel=1e-6)


def test_an_ensemble_of_equal_members_is_one_forecast():
    truth, pred = ensembles(members=1)
    pred = np.repeat(pred, 4, axis=1)
    crps, mae = metrics.CRPS(), metrics.MAE()
    crps.update_state(truth, pred)
    mae.update_state(truth, pred[:, 0])
    assert float(crps.result()) == pytest.approx(float(mae.result()), rel=1e-6)
    ratio = metrics.SpreadSkillRatio()
    ratio.update_state(truth, pred)
    assert float(ratio.result()) == pytest.approx(0, abs=1e-6)
    brier = metrics.BrierScore(0.5)
    brier.update_state(truth, pred)
    wrong = (truth >= 0.5) != (pred[:, 0] >= 0.5)
    share = wrong[~np.isnan(truth)].mean()
    assert float(brier.result()) == pytest.approx(share, rel=1e-6)


def test_missing_truth_hides_a_prediction_and_no_truth_has_no_score():
    truth, pred = ensembles()
    wild = np.where(np.isnan(truth)[:, None], 0.9, pred).astype("float32")
    for metric in made():
        metric.update_state(truth, pred)
        given = float(metric.result())
        metric.reset_state()
        metric.update_state(truth, wild)
        assert float(metric.result()) == given
        metric.reset_state()
        metric.update_state(np.full_like(truth, np.nan), pred)
        assert np.isnan(float(metric.result()))
        metric.reset_state()
        wrong = pred.copy()
        wrong[0, 1, 1] = np.nan  # is not hidden
        metric.update_state(truth, wrong)
        assert np.isnan(float(metric.result()))


def test_scores_and_loss_inside_evaluate():
    truth, pred = ensembles()
    inputs = keras.Input((4, None, None, None, 2))
    model = keras.Model(inputs, keras.layers.Identity()(inputs))
    model.compile(loss=AlmostFairCRPS(), metrics=made())
    logs = model.evaluate(pred, truth, verbose=0, return_dict=True)
    loss = float(AlmostFairCRPS()(truth, pred))
    assert logs.pop("loss") == pytest.approx(loss, rel=1e-5)
    for metric in made():
        metric.update_state(truth, pred)
        expected = float(metric.result())
        assert logs.pop(metric.name) == pytest.approx(expected, rel=1e-5)
    assert logs == {}


@pytest.mark.backend_free
def test_shapes_and_members_are_checked():
    truth, pred = ensembles()
    for y, p in ((truth, truth), (truth, pred[:, :, 1:]), (pred, pred)):
        with pytest.raises(ValueError, match="ensemble.*Received: y_true.sha"):
            metrics.CRPS().update_state(y, p)
    for make in (metrics.CRPS, metrics.Spread):
        with pytest.raises(ValueError, match="2 members.*Received: 1 members"):
            make().update_state(truth, pred[:, :1])
    with pytest.raises(ValueError, match=r"within \[0, 1\]"):
        metrics.Spread().update_state(255 * truth, pred)
    with pytest.raises(ValueError, match="finite.*Received: threshold=nan"):
        metrics.BrierScore(np.nan)
