import sys
import types

import numpy as np
import pytest

from msrnn_keras import metrics
from msrnn_keras.metrics import lpips

SHAPE = (2, 3, 32, 33, 1)


class Network:
    """Stands in for LPIPS: the mean square of what it is given."""

    def __init__(self, net, version, verbose):
        torch = pytest.importorskip("torch")
        assert (net, version, verbose) == ("alex", "0.1", False)
        self.parameter = torch.zeros(1)
        self.seen = []

    def parameters(self):
        return iter([self.parameter])

    def eval(self):
        return self

    def requires_grad_(self, flag):
        return self

    def __call__(self, a, b):
        self.seen.append(tuple(a.shape))
        return ((a - b) ** 2).mean(dim=(1, 2, 3), keepdim=True)


@pytest.fixture
def fake(monkeypatch):
    """Put `LPIPS` in the place of the package's."""

    def put(make):
        package = types.SimpleNamespace(LPIPS=make)
        monkeypatch.setitem(sys.modules, "lpips", package)

    lpips._network.cache_clear()
    yield put
    lpips._network.cache_clear()


def test_network_sees_rgb_images_from_minus_one_to_one(fake):
    fake(Network)
    rng = np.random.default_rng(0)
    for channels in (2, 3):
        truth = rng.random((*SHAPE[:-1], channels)).astype("float32")
        prediction = rng.normal(size=truth.shape).astype("float32")
        result = metrics.frame_lpips(truth, prediction)
        errors = truth.astype("float64") - np.clip(prediction, 0, 1)
        expected = ((2 * errors) ** 2).mean(axis=(2, 3, 4))
        np.testing.assert_allclose(result, expected, rtol=1e-5)
        images = 1 if channels == 3 else channels
        assert lpips._network().seen[-1] == (images, 3, 32, 33)


def test_a_frame_with_a_missing_pixel_has_no_score(fake):
    fake(Network)
    truth = np.zeros(SHAPE)
    truth[1, 2, 0, 0] = np.nan
    result = metrics.frame_lpips(truth, np.zeros(SHAPE))
    expected = np.zeros(SHAPE[:2])
    expected[1, 2] = np.nan
    np.testing.assert_array_equal(result, expected)


def test_errors(fake, monkeypatch):
    def offline(**options):
        raise OSError("no network")

    fake(offline)
    frames = np.zeros(SHAPE)
    with pytest.raises(RuntimeError, match="Received: OSError: no network"):
        metrics.frame_lpips(frames, frames)
    monkeypatch.setitem(sys.modules, "lpips", None)
    with pytest.raises(ImportError, match=r"msrnn-keras\[lpips\].*Received"):
        metrics.frame_lpips(frames, frames)
    small = np.zeros((1, 1, 16, 32, 1))
    with pytest.raises(ValueError, match=r"Received: .*\(1, 1, 16, 32, 1\)"):
        metrics.frame_lpips(small, small)
