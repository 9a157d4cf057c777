import numpy as np
import pytest

from msrnn_keras import probability_match
from tests.reference import clips

pytestmark = pytest.mark.backend_free


def test_each_frame_has_the_values_of_the_reference_in_its_own_order():
    forecast = clips(2, 3, (5, 4), 2)
    reference = clips(2, 1, (5, 4), 2, seed=1) * 3
    matched = probability_match(forecast, reference)
    assert matched.shape == forecast.shape and matched.dtype == "float32"
    for clip, time, channel in np.ndindex(2, 3, 2):
        given = matched[clip, time, ..., channel].ravel()
        order = np.argsort(forecast[clip, time, ..., channel].ravel())
        values = np.sort(reference[clip, 0, ..., channel].ravel())
        np.testing.assert_array_equal(given[order], values)
    np.testing.assert_array_equal(
        probability_match(forecast, forecast), forecast
    )


def test_ties_follow_the_reference():
    forecast = np.zeros((1, 1, 2, 3, 1))
    forecast[0, 0, 1, 2] = 0.1
    reference = np.array([0, 0, 3, 2, 1, 0.0]).reshape(1, 1, 2, 3, 1)
    given = probability_match(forecast, reference).ravel()
    np.testing.assert_array_equal(given, [0, 0, 2, 1, 0, 3])


def test_missing_pixels():
    forecast, reference = clips(1, 2, (6, 6)), clips(1, 1, (6, 6), seed=1)
    forecast[0, 0, :3] = np.nan
    reference[0, 0, :, :2] = np.nan
    matched = probability_match(forecast, reference)
    np.testing.assert_array_equal(np.isnan(matched), np.isnan(forecast))
    known = reference[np.isfinite(reference)]
    assert set(matched[np.isfinite(matched)]) <= set(known)
    assert abs(matched[0, 1].mean() - known.mean()) < 0.02
    given = probability_match(forecast, np.full((1, 1, 1, 1, 1), np.nan))
    np.testing.assert_array_equal(given, forecast)
    with pytest.raises(ValueError, match=r"Received: shapes \(1, 3"):
        probability_match(forecast, clips(1, 3, (6, 6)))
