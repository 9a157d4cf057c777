import numpy as np
from PIL import Image

from msrnn_keras.baselines import Persistence
from msrnn_keras.data import ArraySource, Clips, MinMax, RainRate
from tests.reference import assert_equal
from tests.tools.publishing.publishing import clips as few_clips
from tools.publishing.picture import draw_forecasts


class Recorder(Persistence):
    def predict(self, past, **options):
        self.seen = past
        return super().predict(past, **options)


def pixels_of(path, mode):
    with Image.open(path) as picture:
        assert picture.format == "PNG"
        return np.asarray(picture.convert(mode)).astype(int)


def test_three_clips_are_drawn_and_rain_is_colored(tmp_path):
    clips = few_clips(7, "test")
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
    rng = np.random.default_rng(0)
    frames = rng.random((30, 32, 32, 1), dtype="float32")
    given = Persistence(2, 2), Clips(ArraySource(frames), 2, 2)
    large, small = (
        draw_forecasts(tmp_path / "a.png", *given, largest=n).stat().st_size
        for n in (10**9, 60_000)
    )
    assert small < 60_000 < large
    rng = np.random.default_rng(0)
    taxis = MinMax(0, 9, unit="vehicles")
    for channels, scaling in ((2, taxis), (1, RainRate())):
        frames = rng.uniform(0, 9, (9, 16, 16, channels)).astype("float32")
        frames[4:, :4] = np.nan
        clips = Clips(ArraySource(frames, scaling=scaling), 2, 2)
        path = draw_forecasts(tmp_path / "a.png", Persistence(2, 2), clips)
        spread = np.ptp(pixels_of(path, "RGB"), axis=-1).max()
        assert bool(spread > 100) is (channels == 1)
