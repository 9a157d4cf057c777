import numpy as np
import pytest

from tests.metrics.scores import CLASSES, FRAME_SCORES, clips, reference, score


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("key", FRAME_SCORES)
def test_frame_scores_equal_numpy_and_skimage(key, channels):
    truth, prediction = clips((2, 3, 16, 20, channels))
    expected = reference(key, truth, prediction)
    np.testing.assert_allclose(
        score(key, truth, prediction), expected, rtol=1e-5, atol=1e-5
    )


def test_ssim_of_sparse_bright_frames():
    truth = np.zeros((1, 2, 32, 32, 1), "float32")
    truth[0, 0, 8:20, 10:24] = 1.0
    prediction = np.full_like(truth, 0.98)
    prediction[0, 0, 9:20, 9:24] = 0.9
    expected = reference("ssim", truth, prediction)
    result = score("ssim", truth, prediction)
    np.testing.assert_allclose(result, expected, atol=1e-4)


def test_scores_of_a_perfect_frame():
    truth, _ = clips()
    perfect = {"mse": 0.0, "mae": 0.0, "psnr": 100.0, "ssim": 1.0}
    for key, value in perfect.items():
        np.testing.assert_allclose(score(key, truth, truth), value, rtol=1e-6)


def test_clip_can_be_switched_off():
    truth = np.zeros((1, 1, 12, 12, 1))
    prediction = np.full_like(truth, 2.0)
    for key, clipped, raw in [("mse", 144, 576), ("mae", 144, 288)]:
        assert score(key, truth, prediction) == clipped
        assert score(key, truth, prediction, clip=False) == raw
    assert score("psnr", truth, prediction) == 0
    raw = score("psnr", truth, prediction, clip=False)
    np.testing.assert_allclose(raw, -10 * np.log10(4), rtol=1e-6)
    same = score("ssim", truth + 1, prediction)
    np.testing.assert_allclose(same, 1, rtol=1e-5)
    assert score("ssim", truth + 1, prediction, clip=False)[0, 0] < 0.9


def test_missing_pixels_are_left_out_and_scaled_up():
    truth = np.zeros((1, 2, 12, 10, 1))
    prediction = np.full_like(truth, 0.5)
    truth[0, 0, :3] = np.nan
    prediction[0, 0, :3] = np.nan
    prediction[0, 0, 3] = 1.0
    truth[0, 1] = np.nan
    squares = (10 * 1.0 + 80 * 0.25) / 90
    moduli = (10 * 1.0 + 80 * 0.5) / 90
    expected = {
        "mse": 120 * squares,
        "mae": 120 * moduli,
        "psnr": -10 * np.log10(squares),
    }
    for key, value in expected.items():
        result = score(key, truth, prediction)
        np.testing.assert_allclose(result, [[value, np.nan]], rtol=1e-6)


def test_ssim_leaves_out_windows_that_touch_a_missing_pixel():
    truth, prediction = clips((1, 1, 30, 24, 1))
    whole = reference("ssim", truth[:, :, 6:], prediction[:, :, 6:])
    truth[0, 0, 5, :] = np.nan
    prediction[0, 0, :5] = 7.0
    result = score("ssim", truth, prediction)
    np.testing.assert_allclose(result, whole, atol=1e-5)
    truth[0, 0, 15, :] = np.nan
    truth[0, 0, 26, :] = np.nan
    assert np.isnan(score("ssim", truth, prediction)).all()


@pytest.mark.parametrize("key", FRAME_SCORES)
def test_a_prediction_of_nan_is_not_hidden(key):
    truth, prediction = clips()
    prediction[1, 2] = np.nan
    result = score(key, truth, prediction)
    expected = reference(key, truth, np.nan_to_num(prediction))
    expected[1, 2] = np.nan
    np.testing.assert_allclose(result, expected, rtol=1e-4, atol=1e-5)
    metric = CLASSES[key]()
    metric.update_state(truth, prediction)
    assert np.isnan(float(metric.result()))
