"""Rain fields, and reference scores from pysteps."""

import contextlib
import io

import keras
import numpy as np
import pytest
from keras import ops


@keras.saving.register_keras_serializable(package="tests_metrics")
class Cubed:
    """Scaling from a pixel to `factor` times its cube."""

    def __init__(self, factor=40.0):
        self.factor = factor

    def inverse(self, pixels):
        return self.factor * pixels**3

    def get_config(self):
        return {"factor": self.factor}

    @classmethod
    def from_config(cls, config):
        return cls(**config)


def verification():
    """Return two modules of pysteps; skip the test if it is missing."""
    with contextlib.redirect_stdout(io.StringIO()):
        pytest.importorskip("pysteps")
        from pysteps.verification import detcatscores, spatialscores
    return detcatscores, spatialscores


def fields(shape=(4, 3, 17, 14, 1), seed=0):
    """Return patchy pixels and forecasts of them; some frames are empty."""
    rng = np.random.default_rng(seed)
    truth = rng.random(shape) * (rng.random(shape) < 0.4)
    other = rng.random(shape) * (rng.random(shape) < 0.4)
    forecast = np.where(rng.random(shape) < 0.7, truth, other)
    truth[0, 1] = 0.0  # nothing observed
    truth[1, 1] = forecast[1, 1] = 0.0  # nothing at all
    forecast[2, 0] = 0.0  # nothing forecast
    return truth.astype("float32"), forecast.astype("float32")


def categorical(truth, forecast, threshold):
    module, _ = verification()
    counts = module.det_cat_fct_init(threshold)
    module.det_cat_fct_accum(counts, forecast.ravel(), truth.ravel())
    return module.det_cat_fct_compute(counts, ["POD", "FAR", "CSI", "HSS"])


def fractions(truth, forecast, threshold, window):
    _, module = verification()
    sums = module.fss_init(threshold, window)
    for index in np.ndindex(truth.shape[:2]):
        for channel in range(truth.shape[-1]):
            frames = (x[(*index, ..., channel)] for x in (forecast, truth))
            module.fss_accum(sums, *frames)
    return module.fss_compute(sums)


def numpy(tensor):
    return ops.convert_to_numpy(tensor).astype("float64")
