import sys
import types

import keras
import numpy as np
import pytest

from msrnn_keras import metrics
from msrnn_keras.metrics import lpips
from tests.metrics.fields import numpy
from tests.metrics.test_compiled import identity

SHAPE = (2, 3, 32, 33, 1)
torch = pytest.importorskip("torch")


class Network(torch.nn.Linear):
    def __init__(self, net, version, verbose):
        super().__init__(1, 1)
        assert (net, version, verbose) == ("alex", "0.1", False)
        self.seen = []

    def forward(self, a, b):
        self.seen.append(tuple(a.shape))
        return ((a - b) ** 2).mean(dim=(1, 2, 3), keepdim=True)


@pytest.fixture(autouse=True)
def package(monkeypatch):
    package = types.SimpleNamespace(LPIPS=Network)
    monkeypatch.setitem(sys.modules, "lpips", package)
    lpips._network.cache_clear()
    yield package
    lpips._network.cache_clear()


def test_network_sees_rgb_images_from_minus_one_to_one():
    rng = np.random.default_rng(0)
    for channels in (2, 3):
        truth = rng.random((*SHAPE[:-1], channels)).astype("float32")
        prediction = rng.normal(size=truth.shape).astype("float32")
        result = numpy(metrics.LPIPS().frame_scores(truth, prediction))
        errors = truth.astype("float64") - np.clip(prediction, 0, 1)
        expected = ((2 * errors) ** 2).mean(axis=(2, 3, 4))
        np.testing.assert_allclose(result, expected, rtol=1e-5)
        images = 1 if channels == 3 else channels
        assert lpips._network().seen[-1] == (images, 3, 32, 33)
    # The mean over frames without missing pixels.
    truth = np.zeros(SHAPE)
    truth[0, 1] = 0.5  # 1 after scaling
    truth[1, 2, 0, 0] = np.nan
    metric = metrics.LPIPS(num_frames=3)
    scores = numpy(metric.frame_scores(truth, np.zeros(SHAPE)))
    np.testing.assert_array_equal(scores, [[0, 1, 0], [0, 0, np.nan]])
    metric.update_state(truth, np.zeros(SHAPE))
    np.testing.assert_allclose(metric.curve(), [0, 0.5, 0])
    assert float(metric.result()) == pytest.approx(0.2)


def test_steps_that_are_compiled_refuse_it():
    frames = np.zeros(SHAPE, "float32")
    model = identity([metrics.LPIPS()])
    if keras.backend.backend() == "torch":
        assert model.fit(frames, frames, verbose=0).history["lpips"] == [0.0]
    else:
        with pytest.raises(TypeError, match="leave it out of `compile`"):
            model.fit(frames, frames, verbose=0)
    if keras.backend.backend() == "tensorflow":
        model.run_eagerly = True
        assert model.evaluate(frames, frames, verbose=0) == [0.0, 0.0]


def test_errors(package, monkeypatch):
    package.LPIPS = None
    frames = np.zeros(SHAPE)
    with pytest.raises(RuntimeError, match="Received: TypeError: 'NoneType'"):
        metrics.LPIPS().frame_scores(frames, frames)
    monkeypatch.setitem(sys.modules, "lpips", None)
    with pytest.raises(ImportError, match=r"msrnn-keras\[lpips\].*Received"):
        metrics.LPIPS().frame_scores(frames, frames)
    small = np.zeros((1, 1, 16, 32, 1))
    with pytest.raises(ValueError, match=r"Received: .*\(1, 1, 16, 32, 1\)"):
        metrics.LPIPS().frame_scores(small, small)
