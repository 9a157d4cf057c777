import numpy as np
import pytest

import zoo
from msrnn_keras.app import comparison
from msrnn_keras.app.comparison import Models, check_same_frames, compare
from msrnn_keras.app.inputs import cut
from msrnn_keras.data import from_arrays

pytestmark = pytest.mark.backend_free


def test_forecasts_are_scored_beside_persistence(digits, frames):
    clip = cut(from_arrays(frames), digits, 6)
    result = compare({"a": digits, "b": digits}, clip, 6)
    assert [*result.forecasts] == ["a", "b"]
    assert result.forecasts["a"].shape == (6, 32, 40, 1)
    assert [*result.scores] == ["a", "b", "persistence"]
    expected = digits.forecast(clip.past[None], horizon=6)[0].clip(0, 1)
    np.testing.assert_allclose(result.forecasts["a"], expected, atol=1e-6)
    curve = result.scores["persistence"]["curves"]["mse"]
    error = np.square(clip.truth - clip.past[-1:]).sum(axis=(1, 2, 3))
    np.testing.assert_allclose(curve[:4], error, rtol=1e-5)
    assert curve[4:] == [None, None]  # The truth ends before.
    assert np.isnan(result.truth[4:]).all() and result.interval is None


def test_without_truth_there_are_no_scores(rain, frames):
    clip = cut(from_arrays(frames[:3]), rain, 2)
    result = compare({"a": rain}, clip, 2)
    assert result.truth is None and result.scores == {}
    assert result.rain and result.interval == 300


def test_missing_pixels_need_a_model_that_takes_them(digits, rain, frames):
    values = frames / np.float32(255)
    values[1, 2, 3] = np.nan
    clip = cut(from_arrays(values), rain, 2)
    assert len(compare({"a": rain}, clip, 2).forecasts["a"]) == 2
    with pytest.raises(ValueError, match="NaN.* Received: 1 NaN"):
        compare({"a": digits}, clip, 2)


def test_models_of_other_frames_are_refused(digits, rain):
    check_same_frames([digits, digits])
    with pytest.raises(ValueError, match="Received: convlstm and "):
        check_same_frames([digits, rain])


def test_a_few_models_stay_in_memory(monkeypatch):
    loaded = []
    monkeypatch.setattr(zoo, "load", lambda x: loaded.append(x) or x)
    monkeypatch.setattr(comparison, "_CACHED", 2)
    models = Models("abc")
    assert [models.get(x) for x in "abacab"] == [*"abacab"]
    assert loaded == [*"abcb"]
    with pytest.raises(ValueError, match="Received: 'd'"):
        models.get("d")
