"""Ensembles to score, and their reference scores from the package `scores`."""

import numpy as np
import pytest
import xarray

DIMS = tuple("batch member time height width channel".split())
FRAME = ("height", "width", "channel")


def ensembles(shape=(2, 2, 6, 5, 2), members=4, holes=True, seed=0):
    """Return patchy truth with holes, and ensembles of it with ties."""
    rng = np.random.default_rng(seed)
    truth = rng.random(shape) * (rng.random(shape) < 0.7)
    truth = np.round(truth, 1).astype("float32")
    noise = rng.normal(0, 0.2, (shape[0], members, *shape[1:]))
    pred = np.round(np.clip(truth[:, None] + noise, 0, 1), 1).astype("float32")
    if holes:
        truth[0, 0, 2:4] = truth[1, 1, :, 3, 0] = np.nan
        truth[1, 0] = np.nan
    return truth, pred


def labeled(truth, pred):
    """Return truth and ensemble in float64 for the package `scores`."""
    pytest.importorskip("scores")
    truth, pred = (x.astype("float64") for x in (truth, pred))
    dims = DIMS[:1] + DIMS[2:]
    return xarray.DataArray(truth, dims=dims), xarray.DataArray(pred, dims=DIMS)


def crps(truth, pred, method):
    """Return the CRPS of every pixel, NaN where the truth is missing."""
    from scores.probability import crps_for_ensemble

    truth, pred = labeled(truth, pred)
    options = {"method": method, "preserve_dims": "all"}
    result = crps_for_ensemble(pred, truth, "member", **options)
    return result.transpose(*truth.dims).values


def brier(truth, pred, threshold):
    from scores.probability import brier_score_for_ensemble

    truth, pred = labeled(truth, pred)
    options = {"fair_correction": False, "preserve_dims": ["time"]}
    result = brier_score_for_ensemble(
        pred, truth, "member", threshold, **options
    )
    return result.values.ravel()


def rmse_of_mean(truth, pred):
    from scores.continuous import rmse

    truth, pred = labeled(truth, pred)
    return rmse(pred.mean("member"), truth, preserve_dims=["time"]).values


def spread(truth, pred):
    """Return the spread of every lead time, from xarray."""
    truth, pred = labeled(truth, pred)
    members = pred.sizes["member"]
    variance = pred.var("member", ddof=1).where(truth.notnull())
    mean = variance.mean(("batch", *FRAME))
    return np.sqrt((members + 1) / members * mean.values)


def rank_frequencies(truth, pred):
    """Return frequencies of ranks; ties are shared, which is their mean."""
    from scores.probability import rank_histogram

    truth, pred = labeled(truth, pred)
    return rank_histogram(pred, truth, "member").values
