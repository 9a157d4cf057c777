import numpy as np
import pytest

from msrnn_keras.plots import check_clip, check_clips, plot_forecast
from msrnn_keras.plots.clips import check_forecasts, in_units
from tests.plots.pictures import clip

pytestmark = pytest.mark.backend_free


def test_good_clips_are_given_back():
    past, future, forecast = clip(3), clip(2), clip(2, seed=1)
    for given, got in zip(
        (past, future, forecast),
        check_clips(past, future, forecast),
        strict=True,
    ):
        assert got is given
    _, forecasts = check_forecasts(None, forecast)
    assert list(forecasts) == ["Forecast"]
    assert check_clip(past[..., :1], "past").shape == past.shape


class Tenfold:
    def inverse(self, frames):
        return 10 * frames


def test_units_are_those_of_the_scaling():
    frames = clip(2)
    assert in_units(frames, None) is frames
    np.testing.assert_array_equal(in_units(frames, Tenfold()), 10 * frames)


def test_errors():
    with pytest.raises(ValueError, match=r"Received: shape \(1, 2, 6, 8, 1\)"):
        plot_forecast(clip(2)[None], None, clip(2))
    with pytest.raises(ValueError, match="Received: 2 channels"):
        plot_forecast(clip(2, channels=2), None, clip(2, channels=2))
    with pytest.raises(ValueError, match="Received: dtype uint8"):
        plot_forecast(clip(2).astype("uint8"), None, clip(2))
    with pytest.raises(ValueError, match="frames of one shape"):
        plot_forecast(clip(2), None, clip(2, height=7))
    with pytest.raises(ValueError, match="`future` and `forecast`"):
        plot_forecast(clip(2), clip(3), clip(2))
    with pytest.raises(ValueError, match="for 'b'"):
        plot_forecast(clip(2), None, {"a": clip(2), "b": clip(3)})
    with pytest.raises(ValueError, match="Received: forecast={}"):
        plot_forecast(clip(2), None, {})
    with pytest.raises(ValueError, match="Received: interval=0"):
        plot_forecast(clip(2), None, clip(2), interval=0)
