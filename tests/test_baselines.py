import numpy as np
import pytest

from msrnn_keras.baselines import AllBlack, Persistence

FRAMES = np.random.default_rng(0).random((2, 6, 3, 4, 1)).astype("float32")


def test_persistence_rollout_repeats_each_frame_then_the_last():
    baseline = Persistence(context=4, horizon=3)
    expected = FRAMES[:, [0, 1, 2, 3, 3, 3]]
    np.testing.assert_array_equal(baseline.rollout(FRAMES), expected)
    np.testing.assert_array_equal(baseline.rollout(FRAMES[:, :4]), expected)


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
    np.testing.assert_array_equal(baseline.rollout(FRAMES), FRAMES[:, :4])
    np.testing.assert_array_equal(baseline.predict(FRAMES), FRAMES[:, 3:4])


def test_all_black_is_zero_everywhere():
    baseline = AllBlack(context=4, horizon=3)
    for result, time in [
        (baseline.rollout(FRAMES, batch_size=1, verbose=1), 6),
        (baseline.predict(FRAMES, batch_size=1, verbose=1), 3),
        (baseline.forecast(FRAMES, horizon=9), 9),
    ]:
        np.testing.assert_array_equal(result, np.zeros((2, time, 3, 4, 1)))
        assert result.dtype == "float32"


@pytest.mark.parametrize("make", [Persistence, AllBlack])
def test_attributes_and_errors(make):
    baseline = make(context=4, horizon=3, name="mine")
    assert (baseline.context, baseline.horizon) == (4, 3)
    assert baseline.name == "mine"
    assert make(1, 1).name in ("persistence", "all black")
    with pytest.raises(ValueError, match="Received: context=0"):
        make(0, 3)
    with pytest.raises(ValueError, match="Received: horizon=2.5"):
        make(4, 2.5)
    with pytest.raises(ValueError, match=r"Received: shape \(6, 3, 4, 1\)"):
        baseline.predict(FRAMES[0])
    with pytest.raises(ValueError, match="Received: horizon=-1"):
        baseline.forecast(FRAMES, horizon=-1)
