import numpy as np
import pytest

from msrnn_keras import Lagrangian, probability_match
from msrnn_keras.cli.prediction import forecast_recordings
from msrnn_keras.data import MinMax, from_arrays
from tests.recordings import times_of
from tests.reference import clips, tiny


@pytest.fixture(scope="module")
def model():
    return tiny(context=3)


def test_the_past_is_all_frames_or_the_last(model):
    frames = clips()
    recordings = [from_arrays(clip) for clip in frames]
    past, forecast = forecast_recordings(model, recordings, horizon=5)
    np.testing.assert_array_equal(past, frames)
    np.testing.assert_array_equal(forecast, model.forecast(frames, horizon=5))
    frames = clips(batch=1)
    values = 70 * frames - 10
    recordings = [from_arrays(values[0], scaling=MinMax(-10, 60))]
    past, forecast = forecast_recordings(model, recordings, last=2)
    np.testing.assert_allclose(past, frames[:, -2:], atol=1e-6)
    expected = model.forecast(frames[:, -2:])
    np.testing.assert_allclose(forecast, expected, atol=1e-5)
    for last in (0, 8):
        with pytest.raises(ValueError, match="last.*Received: "):
            forecast_recordings(model, recordings, last=last)


def with_gap(frames):
    """A recording of 7 frames, 5 minutes apart, an hour between two."""
    times = times_of(7)
    times[4:] += np.timedelta64(1, "h")
    return from_arrays(frames, interval=300, times=times)


@pytest.mark.backend_free
def test_the_past_begins_after_the_last_gap(model):
    frames = clips(batch=1)
    past, forecast = forecast_recordings(model, [with_gap(frames[0])])
    np.testing.assert_array_equal(past, frames[:, 4:])
    np.testing.assert_array_equal(forecast, model.forecast(past))
    model, recording = tiny(context=4), with_gap(frames[0])
    message = "needs 4 frames.*--last N.*Received: 3 .*12:15:00 to .*13:20:00"
    with pytest.raises(ValueError, match=message):
        forecast_recordings(model, [recording])
    for last in (2, 5):  # as asked for, across the gap or not
        past, _ = forecast_recordings(model, [recording], last=last)
        np.testing.assert_array_equal(past, frames[:, -last:])
    short = from_arrays(frames[0, :2])  # without a gap
    assert forecast_recordings(model, [short])[0].shape[1] == 2


@pytest.mark.backend_free
def test_colors_for_a_model_of_one_channel_are_refused(model):
    with pytest.raises(ValueError, match="--gray.*Received: 3 channel"):
        forecast_recordings(model, [from_arrays(np.zeros((3, 8, 8, 3)))])
    with pytest.raises(ValueError, match=r"1 channel\(s\). Received: 2"):
        forecast_recordings(model, [from_arrays(np.zeros((3, 8, 8, 2)))])


@pytest.mark.backend_free
def test_missing_pixels_need_a_model_for_them(model):
    frames = clips(batch=1)
    frames[:, 1, :4] = np.nan
    recordings = [from_arrays(frames[0])]
    message = "missing='mask'.*--fill.*Received: 64 NaN of 1792"
    with pytest.raises(ValueError, match=message):
        forecast_recordings(model, recordings)
    masked = tiny(context=3, missing="mask")
    past, forecast = forecast_recordings(masked, recordings)
    np.testing.assert_array_equal(np.isnan(past), np.isnan(frames))
    assert np.isfinite(forecast).all()
    np.testing.assert_array_equal(forecast, masked.forecast(frames))
    # A clip must hold a pixel.
    full, empty = np.zeros((3, 8, 8)), np.full((3, 8, 8), np.nan)
    recordings = [from_arrays(full), from_arrays(empty)]
    for asked in (model, masked):
        with pytest.raises(ValueError, match="Received: .* NaN in clip 1"):
            forecast_recordings(asked, recordings)


@pytest.mark.backend_free
def test_frames_that_are_not_finite_are_refused():
    """Finite weights may still compute infinity."""
    model = tiny("convlstm", context=2, scales=(1,), kernel_size=1)
    model.set_weights([np.full_like(w, 3e38) for w in model.get_weights()])
    assert not np.isfinite(model.forecast(clips())).all()
    with pytest.raises(ValueError, match="finite.*Received: .*frame 1 of 3"):
        forecast_recordings(model, [from_arrays(clips()[0])])


@pytest.mark.backend_free
def test_matched_forecasts_have_the_values_of_the_last_frame(model):
    frames = clips(batch=1)
    recordings = [from_arrays(frames[0])]
    options = {"horizon": 2, "matched": True}
    _, forecast = forecast_recordings(model, recordings, **options)
    last = np.sort(frames[0, -1].ravel())
    for frame in forecast[0]:
        np.testing.assert_allclose(np.sort(frame.ravel()), last)
    mean = forecast_recordings(model, recordings, horizon=2)[1]
    expected = probability_match(mean, frames[:, -1:])
    np.testing.assert_array_equal(forecast, expected)
    moving = Lagrangian(tiny(scales=(1,), context=3, missing="mask"))
    _, forecast = forecast_recordings(moving, recordings, **options)
    np.testing.assert_array_equal(forecast, moving.forecast(frames, **options))
