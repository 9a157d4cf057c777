import types

import numpy as np
import pytest

import msrnn_keras


@pytest.fixture
def rain():
    return types.SimpleNamespace(unit="mm/h", inverse=lambda x: 50 * x)


@pytest.fixture(scope="module")
def model():
    sizes = {"image_shape": (16, 16, 1), "context": 3, "horizon": 2}
    settings = {"filters": 2, "scales": (1,), "links": 2}
    return msrnn_keras.create("ms-trajgru", **sizes, **settings)


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    clips = rng.random((5, 5, 16, 16, 1)).astype("float32")
    clips[:, 3:, :4, :4] = np.nan
    return clips[:, :3], clips[:, 3:]


@pytest.fixture
def scores():
    keys = ("mse", "mae", "ssim", "csi_2", "fss_2_9")
    return {
        name: {
            **{p: dict.fromkeys(keys, value) for p in ("forecast", "ms-rnn")},
            "curves": {key: [value, 2 * value] for key in keys},
            "clips": 5,
        }
        for name, value in (("ms-trajgru", 0.5), ("persistence", 0.25))
    }
