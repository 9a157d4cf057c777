import numpy as np
import pytest

from msrnn_keras.baselines import (
    BASELINES,
    LinearExtrapolation,
    Persistence,
    Zeros,
)

pytestmark = pytest.mark.backend_free

FRAMES = np.random.default_rng(0).random((2, 6, 3, 4, 1)).astype("float32")


def test_persistence_rollout_repeats_each_frame_then_the_last():
    baseline = Persistence(context=4, horizon=3)
    expected = FRAMES[:, [0, 1, 2, 3, 3, 3]]
    np.testing.assert_array_equal(baseline.predict_all(FRAMES), expected)
    np.testing.assert_array_equal(baseline.predict_all(FRAMES[:, :4]), expected)


def test_persistence_predict_holds_the_last_context_frame():
    baseline = Persistence(context=4, horizon=3)
    past = FRAMES[:, :4]
    expected = FRAMES[:, [3, 3, 3]]
    np.testing.assert_array_equal(baseline.predict(past), expected)
    np.testing.assert_array_equal(baseline.predict(FRAMES), expected)


def test_persistence_forecast_uses_every_frame():
    baseline = Persistence(context=4, horizon=3)
    expected = FRAMES[:, [5, 5]]
    np.testing.assert_array_equal(baseline.forecast(FRAMES, 2), expected)
    assert baseline.forecast(FRAMES).shape == (2, 3, 3, 4, 1)


def test_horizon_of_one():
    baseline = Persistence(context=4, horizon=1)
    np.testing.assert_array_equal(baseline.predict_all(FRAMES), FRAMES[:, :4])
    np.testing.assert_array_equal(baseline.predict(FRAMES), FRAMES[:, 3:4])


def test_all_black_is_zero_everywhere():
    baseline = Zeros(context=4, horizon=3)
    for result, time in [
        (baseline.predict_all(FRAMES, batch_size=1, verbose=1), 6),
        (baseline.predict(FRAMES, batch_size=1, verbose=1), 3),
        (baseline.forecast(FRAMES, horizon=9), 9),
    ]:
        np.testing.assert_array_equal(result, np.zeros((2, time, 3, 4, 1)))
        assert result.dtype == "float32"


def test_linear_extrapolation_of_single_pixels():
    rise = [0.1, 0.2, 0.3, 0.5]
    fall = [0.9, 0.8, 0.5, 0.3]
    past = np.array([rise, fall]).T.reshape(1, 4, 1, 2, 1)
    baseline = LinearExtrapolation(context=4, horizon=3)
    expected = np.array(
        [
            [0.1, 0.3, 0.4, 0.7, 0.9, 1.0],  # 1.1 is clipped
            [0.9, 0.7, 0.2, 0.1, 0.0, 0.0],
        ]
    )
    result = baseline.predict_all(past)[0, :, 0, :, 0].T
    np.testing.assert_allclose(result, expected, atol=1e-12)
    ahead = baseline.forecast(past[:, :2], horizon=1)
    np.testing.assert_allclose(ahead.ravel(), [0.3, 0.7])
    np.testing.assert_array_equal(
        baseline.forecast(past[:, :1], horizon=2), past[:, [0, 0]]
    )
    assert baseline.predict_all(FRAMES).dtype == "float32"
    assert LinearExtrapolation(1, 2).predict_all(FRAMES).shape == (
        2,
        2,
        3,
        4,
        1,
    )


def test_whole_numbers_do_not_wrap_around():
    past = np.array([1, 0], "uint8").reshape(1, 2, 1, 1, 1)
    ahead = LinearExtrapolation(context=2, horizon=2).predict(past)
    np.testing.assert_array_equal(ahead.ravel(), [0, 0])


def test_missing_pixels_are_zero_and_do_not_change():
    past = np.array([0.2, np.nan, 0.4, 0.5, np.nan]).reshape(1, 5, 1, 1, 1)
    still = Persistence(context=5, horizon=2)
    expected = [0.2, 0, 0.4, 0.5, 0, 0]
    np.testing.assert_array_equal(still.predict_all(past).ravel(), expected)
    np.testing.assert_array_equal(still.predict(past).ravel(), [0, 0])
    line = LinearExtrapolation(context=4, horizon=2)
    expected = [0.2, 0, 0.4, 0.6, 0.7]
    np.testing.assert_allclose(line.predict_all(past).ravel(), expected)
    black = Zeros(context=5, horizon=2)
    np.testing.assert_array_equal(black.predict_all(past).ravel(), np.zeros(6))


@pytest.mark.parametrize("make", [Persistence, Zeros, LinearExtrapolation])
def test_attributes_and_errors(make):
    baseline = make(context=4, horizon=3, name="mine")
    assert (baseline.context, baseline.horizon) == (4, 3)
    assert baseline.name == "mine"
    assert make(1, 1).name.replace(" ", "-") in BASELINES
    with pytest.raises(ValueError, match="Received: context=0"):
        make(0, 3)
    with pytest.raises(ValueError, match="Received: horizon=2.5"):
        make(4, 2.5)
    with pytest.raises(ValueError, match=r"Received: shape \(6, 3, 4, 1\)"):
        baseline.predict(FRAMES[0])
    with pytest.raises(ValueError, match="Received: horizon=-1"):
        baseline.forecast(FRAMES, horizon=-1)
