import numpy as np
import pytest

import msrnn_keras
from msrnn_keras import data

SIZES = {"image_shape": (32, 32, 1), "context": 3, "horizon": 2}
TINY = {**SIZES, "filters": 2, "scales": (1,)}


@pytest.fixture(scope="session")
def digits():
    """A model of moving digits."""
    model = msrnn_keras.create("convlstm", **TINY)
    model.trained_on = data.TrainedOn(data.MinMax(0, 255))
    return model


@pytest.fixture(scope="session")
def rain():
    """A model of rain at 5 min and 2 km, which takes missing pixels."""
    model = msrnn_keras.create("convlstm", **TINY, missing="mask")
    model.trained_on = data.TrainedOn(data.RainRate(), 300.0, 2.0)
    return model


@pytest.fixture
def frames():
    return np.random.default_rng(0).integers(0, 255, (7, 32, 40), "uint8")
