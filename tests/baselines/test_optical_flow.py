import sys

import numpy as np
import pytest

from msrnn_keras.baselines import OpticalFlow, Persistence, SmoothedFlow

pytestmark = pytest.mark.backend_free


def moving(frames=6, size=48, velocity=(1, 2)):
    """Blobs that move by (down, right) pixels per frame, (1, time, …, 1)."""
    rng = np.random.default_rng(1)
    rows, columns = np.mgrid[:size, :size]
    clip = np.zeros((frames, size, size))
    low, high = (-10, -10, 2), (size, size, 4)
    for y, x, width in rng.uniform(low, high, (25, 3)):
        for time in range(frames):
            square = (rows - y - velocity[0] * time) ** 2
            square += (columns - x - velocity[1] * time) ** 2
            clip[time] += 0.5 * np.exp(-square / (2 * width**2))
    return np.clip(clip, 0, 1)[None, ..., None].astype("float32")


def error(truth, prediction):
    return np.abs(truth - prediction)[:, :, 12:-12, 12:-12].mean()


def test_blobs_go_on_as_they_moved():
    clip = moving()
    flow, still = OpticalFlow(3, 3), Persistence(3, 3)
    prediction = flow.predict(clip[:, :3])
    assert prediction.shape == (1, 3, 48, 48, 1)
    assert prediction.dtype == "float32"
    for time in range(3):
        truth = clip[:, 3 + time : 4 + time]
        moved = error(truth, prediction[:, time : time + 1])
        stayed = error(truth, still.predict(clip)[:, time : time + 1])
        assert moved < 0.25 * stayed
    np.testing.assert_array_equal(flow.predict(clip), prediction)
    two = flow.predict(np.concatenate([clip, 0.5 * clip], axis=-1))
    assert error(two[..., :1], prediction) < 0.02
    np.testing.assert_allclose(two[..., 1], 0.5 * two[..., 0], atol=1e-5)


def test_rollout_predicts_each_frame_from_those_before():
    clip = moving()
    flow = OpticalFlow(4, 2)
    rollout = flow.predict_all(clip)
    assert rollout.shape == (1, 5, 48, 48, 1)
    np.testing.assert_array_equal(rollout[:, 0], clip[:, 0])
    for time in (2, 3):
        one = flow.forecast(clip[:, :time], horizon=1)
        np.testing.assert_array_equal(rollout[:, time - 1 : time], one)
    np.testing.assert_array_equal(rollout[:, 3:], flow.predict(clip))


def test_what_comes_in_is_filled_and_what_has_no_motion_stays():
    clip = moving()
    for fill in (0.0, 0.75):
        prediction = OpticalFlow(3, 3, fill=fill).predict(clip)
        np.testing.assert_allclose(prediction[0, -1, :, 0], fill)
    for value, stays in ((0.5, 0.5), (np.nan, 0.25)):  # nothing moves
        empty = np.full((2, 4, 32, 32, 2), value)
        result = OpticalFlow(4, 3, fill=0.25).predict_all(empty)
        np.testing.assert_array_equal(result, np.full((2, 6, 32, 32, 2), stays))


def test_missing_pixels_and_empty_frames_do_not_stop_the_motion():
    clip = moving()
    for empty in (slice(0, 2), slice(3, 4)):  # rain that begins or ends
        gone = clip.copy()
        gone[:, empty] = 0
        assert np.isfinite(OpticalFlow(4, 2).predict_all(gone)).all()
    gaps = clip.copy()
    gaps[:, :, :10] = np.nan
    gaps[:, 2, 30:33, 30:33] = np.nan
    prediction = OpticalFlow(3, 3).predict(gaps)
    assert np.isfinite(prediction).all()
    clips = clip[:, 3:], prediction, Persistence(3, 3).predict(clip)
    truth, moved, still = (x[:, :, 16:] for x in clips)
    assert error(truth, moved) < 0.6 * error(truth, still)


def test_one_frame_alone_stays_and_pysteps_prints_nothing(monkeypatch, capsys):
    monkeypatch.delitem(sys.modules, "pysteps")
    clip = moving()
    result = OpticalFlow(1, 2).predict_all(clip)
    np.testing.assert_array_equal(result, clip[:, [0, 0]])
    assert result.dtype == "float32"
    assert capsys.readouterr().out == ""
    assert "pysteps" in sys.modules


def test_errors(monkeypatch):
    with pytest.raises(ValueError, match="Received: flow_frames=1"):
        OpticalFlow(4, 3, flow_frames=1)
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(ImportError, match=r"msrnn-keras\[radar\].*Received"):
        OpticalFlow(4, 3)


def test_smoothed_flow_blurs_more_the_later_and_keeps_the_rain():
    clip = moving()
    flow = OpticalFlow(3, 3).predict(clip)
    smooth = SmoothedFlow(3, 3, blur=0.5, factor=0.8).predict(clip)
    inside = (0, slice(None), slice(8, -8), slice(8, -8), 0)
    ratio = smooth[inside].mean((1, 2)) / flow[inside].mean((1, 2))
    np.testing.assert_allclose(ratio, 0.8, atol=0.03)
    share = smooth[inside].std((1, 2)) / flow[inside].std((1, 2))
    assert 0.8 > share[0] > share[1] > share[2]
    sharp = SmoothedFlow(3, 3, blur=0, factor=1).predict(clip)
    np.testing.assert_allclose(sharp, flow, atol=1e-6)
    filled = SmoothedFlow(3, 3, fill=0.75).predict(clip)
    np.testing.assert_allclose(filled[0, -1, :, 0], 0.75)
    with pytest.raises(ValueError, match="Received: blur=-1"):
        SmoothedFlow(3, 3, blur=-1)
