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
from tests.reference import assert_equal
from tools.publishing.picture import draw_forecasts

pytestmark = pytest.mark.backend_free


class Recorder(Persistence):
    """Persistence that records its input."""

    def predict(self, past, **options):
        self.seen = past
        return super().predict(past, **options)


def pixels_of(path, mode):
    with Image.open(path) as picture:
        assert picture.format == "PNG"
        return np.asarray(picture.convert(mode)).astype(int)


def test_the_first_the_last_and_a_middle_clip_are_drawn(tmp_path):
    digits = sample_digits("test")
    clips = MovingMNIST("test", 7, 3, 2, 2, (32, 32), digits=digits)
    model = Recorder(2, 2)
    path = draw_forecasts(tmp_path / "forecast.png", model, clips)
    past, _ = clips.arrays()
    assert_equal(model.seen, past[[0, 3, 6]])
    # Black frames, white digits and paper.
    gray = pixels_of(path, "L")
    assert min(gray.shape) > 200
    assert path.stat().st_size < 150_000
    assert (gray < 20).mean() > 0.2
    assert (gray > 235).mean() > 0.2
    again = draw_forecasts(tmp_path / "again.png", model, clips)
    assert again.read_bytes() == path.read_bytes()


def test_the_resolution_limits_the_file_size(tmp_path):
    rng = np.random.default_rng(0)
    frames = rng.random((30, 32, 32, 1), dtype="float32")
    given = Persistence(2, 2), Clips(ArraySource(frames), 2, 2)
    large, small = (
        draw_forecasts(tmp_path / "a.png", *given, largest=n).stat().st_size
        for n in (10**9, 60_000)
    )
    assert small < 60_000 < large


@pytest.mark.parametrize(
    ("channels", "scaling"),
    [(2, MinMax(0, 9, unit="vehicles")), (1, RainRate())],
)
def test_only_rain_is_colored(tmp_path, channels, scaling):
    rng = np.random.default_rng(0)
    frames = rng.uniform(0, 9, (9, 16, 16, channels)).astype("float32")
    frames[4:, :4] = np.nan
    clips = Clips(ArraySource(frames, scaling=scaling), 2, 2)
    path = draw_forecasts(tmp_path / "a.png", Persistence(2, 2), clips)
    spread = np.ptp(pixels_of(path, "RGB"), axis=-1).max()
    assert bool(spread > 100) is (channels == 1)
