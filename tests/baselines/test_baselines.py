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


def test_persistence_repeats_the_last_frame_and_all_black_is_zero():
    three, one = Persistence(4, horizon=3), Persistence(4, horizon=1)
    for result, frames in (
        (three.predict_all(FRAMES), [0, 1, 2, 3, 3, 3]),
        (three.predict_all(FRAMES[:, :4]), [0, 1, 2, 3, 3, 3]),
        (three.predict(FRAMES), [3, 3, 3]),
        (three.predict(FRAMES[:, :4]), [3, 3, 3]),
        (three.forecast(FRAMES, 2), [5, 5]),
        (three.forecast(FRAMES), [5, 5, 5]),
        (one.predict_all(FRAMES), [0, 1, 2, 3]),
        (one.predict(FRAMES), [3]),
    ):
        np.testing.assert_array_equal(result, FRAMES[:, frames])
    baseline = Zeros(context=4, horizon=3)
    for result, time in [
        (baseline.predict_all(FRAMES, batch_size=1, verbose=1), 6),
        (baseline.predict(FRAMES, batch_size=1, verbose=1), 3),
        (baseline.forecast(FRAMES, horizon=9), 9),
    ]:
        np.testing.assert_array_equal(result, np.zeros((2, time, 3, 4, 1)))
        assert result.dtype == "float32"


def test_linear_extrapolation_of_single_pixels():
    rise, fall = [0.1, 0.2, 0.3, 0.5], [0.9, 0.8, 0.5, 0.3]
    past = np.array([rise, fall]).T.reshape(1, 4, 1, 2, 1)
    baseline = LinearExtrapolation(context=4, horizon=3)
    expected = [[0.1, 0.3, 0.4, 0.7, 0.9, 1.0]]  # 1.1 is clipped
    expected += [[0.9, 0.7, 0.2, 0.1, 0.0, 0.0]]
    result = baseline.predict_all(past)[0, :, 0, :, 0].T
    np.testing.assert_allclose(result, expected, atol=1e-12)
    ahead = baseline.forecast(past[:, :2], horizon=1)
    np.testing.assert_allclose(ahead.ravel(), [0.3, 0.7])
    still = baseline.forecast(past[:, :1], horizon=2)
    np.testing.assert_array_equal(still, past[:, [0, 0]])
    assert baseline.predict_all(FRAMES).dtype == "float32"
    result = LinearExtrapolation(1, 2).predict_all(FRAMES)
    assert result.shape == (2, 2, 3, 4, 1)
    whole = np.array([1, 0], "uint8").reshape(1, 2, 1, 1, 1)
    ahead = LinearExtrapolation(context=2, horizon=2).predict(whole)
    np.testing.assert_array_equal(ahead.ravel(), [0, 0])  # no wrap-around


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


def test_attributes_and_errors():
    for make in (Persistence, Zeros, LinearExtrapolation):
        assert make(1, 1).name.replace(" ", "-") in BASELINES
    baseline = Persistence(context=4, horizon=3, name="mine")
    assert (baseline.context, baseline.horizon) == (4, 3)
    assert baseline.name == "mine"
    for received, function, *arguments in (
        ("context=0", Zeros, 0, 3),
        ("horizon=2.5", Zeros, 4, 2.5),
        (r"shape \(6, 3, 4, 1\)", baseline.predict, FRAMES[0]),
        ("horizon=-1", baseline.forecast, FRAMES, -1),
    ):
        with pytest.raises(ValueError, match=f"Received: {received}"):
            function(*arguments)
