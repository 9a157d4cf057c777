"""The picture in a card."""

import numpy as np
import pytest
from PIL import Image

from msrnn_keras.baselines import Persistence
from msrnn_keras.data import (
    ArraySource,
    Clips,
    MinMax,
    MovingMNIST,
    RainRate,
    sample_digits,
)
from tools.publishing.picture import draw_forecasts

pytestmark = pytest.mark.backend_free


class Recorder(Persistence):
    """Persistence that remembers what it was shown."""

    def predict(self, past, **options):
        self.seen = past
        return super().predict(past, **options)


def test_the_first_the_last_and_one_between(tmp_path):
    clips = MovingMNIST(
        "test", 7, 3, 2, 2, (32, 32), digits=sample_digits("test")
    )
    model = Recorder(2, 2)
    path = draw_forecasts(tmp_path / "forecast.png", model, clips)
    past, _ = clips.arrays()
    np.testing.assert_array_equal(model.seen, past[[0, 3, 6]])
    with Image.open(path) as picture:
        assert picture.format == "PNG"
        assert min(picture.size) > 200
        # Black frames, white digits and paper, and greys between them.
        gray = np.asarray(picture.convert("L"))
    assert path.stat().st_size < 150_000
    assert (gray < 20).mean() > 0.2
    assert (gray > 235).mean() > 0.2


def test_it_is_the_same_each_time(tmp_path):
    clips = MovingMNIST(
        "test", 2, 3, 2, 2, (32, 32), digits=sample_digits("test")
    )
    one, two = (
        draw_forecasts(tmp_path / f"{name}.png", Persistence(2, 2), clips)
        for name in "ab"
    )
    assert one.read_bytes() == two.read_bytes()


def test_a_large_picture_is_made_smaller(tmp_path):
    rng = np.random.default_rng(0)
    frames = rng.random((30, 32, 32, 1), dtype="float32")
    clips = Clips(ArraySource(frames), 2, 2)
    sizes = []
    for largest in (10**9, 60_000):
        path = draw_forecasts(
            tmp_path / "a.png", Persistence(2, 2), clips, largest=largest
        )
        sizes.append(path.stat().st_size)
    assert sizes[1] < 60_000 < sizes[0]


@pytest.mark.parametrize(
    ("channels", "scaling"),
    [(2, MinMax(0, 9, unit="vehicles")), (1, RainRate())],
)
def test_flows_and_rain(tmp_path, channels, scaling):
    rng = np.random.default_rng(0)
    frames = rng.uniform(0, 9, (9, 16, 16, channels)).astype("float32")
    frames[4:, :4] = np.nan
    clips = Clips(ArraySource(frames, scaling=scaling), 2, 2)
    path = draw_forecasts(tmp_path / "a.png", Persistence(2, 2), clips)
    with Image.open(path) as picture:
        colors = np.asarray(picture.convert("RGB")).astype(int)
    spread = np.ptp(colors, axis=-1).max()
    assert bool(spread > 100) is (channels == 1)  # the classes of rain
