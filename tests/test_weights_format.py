"""The weights file is a format: old files must load, with equal outputs.

`golden/weights-0.1.0.weights.h5` was written by release 0.1.0 on TensorFlow,
`golden/weights-0.1.0.npz` holds its input and output. Files of later releases
are added, none is ever replaced.
"""

import numpy as np
import pytest

import msrnn_keras
from tests.reference import GOLDEN

FILES = sorted(GOLDEN.glob("weights-*.weights.h5"))
assert FILES


@pytest.mark.parametrize("path", FILES, ids=[path.name for path in FILES])
def test_loads_with_unchanged_outputs(path):
    options = {"image_shape": (8, 8, 1), "context": 2, "horizon": 2}
    options |= {"filters": 2, "patch_size": 2, "scales": (1, 2, 2, 1)}
    model = msrnn_keras.create("ms-convlstm", **options)
    model.load_weights(path)
    name = path.name.removesuffix(".weights.h5")
    with np.load(GOLDEN / f"{name}.npz") as file:
        past, expected = file["past"], file["forecast"]
    given = model.predict(past, verbose=0)
    np.testing.assert_allclose(given, expected, atol=1e-4)
    assert np.ptp(expected) > 0.1
