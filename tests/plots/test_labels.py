import numpy as np
import pytest

from msrnn_keras.plots import forecast_frames
from msrnn_keras.plots.labels import labeled_frames

pytestmark = pytest.mark.backend_free
STRIP = 22

rng = np.random.default_rng(0)
PAST, TRUTH, FORECAST = (rng.random((n, 16, 16, 1)) for n in (3, 2, 2))


def test_each_forecast_has_a_row_below_its_labels():
    both = {"one": FORECAST, "two": 1 - FORECAST}
    frames = labeled_frames(PAST, TRUTH, both, scale=8)
    rows = [forecast_frames(PAST, TRUTH, {k: x}, 8) for k, x in both.items()]
    height, width = rows[0].shape[1:3]
    assert frames.shape == (5, 3 * STRIP + 2 * height, width, 3)
    first = frames[:, 2 * STRIP : 2 * STRIP + height]
    np.testing.assert_array_equal(first, rows[0])
    np.testing.assert_array_equal(frames[:, -height:], rows[1])


def test_the_labels_change_with_the_lead_time():
    frames = labeled_frames(PAST, TRUTH, FORECAST, 5, "min", scale=8)
    times, names = frames[:, :STRIP], frames[:, STRIP : 2 * STRIP]
    assert times.min() < 0.5 < times.max()
    assert len({x.tobytes() for x in times}) == 5  # −10 min … +10 min
    assert len({x.tobytes() for x in names}) == 2  # past, then truth
    other = labeled_frames(PAST, TRUTH, FORECAST, scale=8)
    assert (other[:, :STRIP] != times).any()


def test_long_names_are_shortened_and_the_truth_is_optional():
    long = {"a name that does not fit" * 9: FORECAST}
    frames = labeled_frames(PAST, TRUTH, long, scale=8)
    assert frames.shape[2] == 3 * (8 * 16 + 6)
    alone = labeled_frames(PAST, None, FORECAST)
    assert alone.shape[2] == 4 * 16 + 6
