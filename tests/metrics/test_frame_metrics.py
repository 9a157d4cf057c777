import numpy as np
import pytest
from keras import ops

from msrnn_keras import metrics
from tests.metrics.scores import CLASSES, clips, reference, score

each_metric = pytest.mark.parametrize("key", CLASSES)


@pytest.mark.parametrize("channels", [1, 3])
@each_metric
def test_frame_scores_equal_numpy_and_skimage(key, channels):
    truth, prediction = clips((2, 3, 16, 20, channels))
    expected = reference(key, truth, prediction)
    result = score(key, truth, prediction)
    np.testing.assert_allclose(result, expected, rtol=1e-5, atol=1e-5)


@each_metric
def test_metric_is_the_mean_over_frames_and_samples(key):
    truth, prediction = clips((5, 3, 12, 13, 1))
    truth[1, 2] = np.nan
    truth[3] = np.nan
    metric = CLASSES[key](num_frames=3)
    scalar = CLASSES[key]()
    for part in (slice(0, 2), slice(2, 5)):
        metric.update_state(truth[part], prediction[part])
        scalar.update_state(truth[part], prediction[part])
    values = reference(key, np.nan_to_num(truth), prediction)
    values[1, 2] = values[3] = np.nan
    np.testing.assert_allclose(metric.curve(), np.nanmean(values, 0), rtol=1e-5)
    for result in (metric.result(), scalar.result()):
        np.testing.assert_allclose(float(result), np.nanmean(values), rtol=1e-5)
    metric.reset_state()
    assert np.isnan(metric.curve()).all()


@pytest.mark.parametrize("shape", [(4,), (4, 1), (4, 3)])
def test_sample_weight(shape):
    truth, prediction = clips((4, 3, 12, 12, 1))
    truth[0, 1] = np.nan
    weights = np.arange(1.0, 1.0 + np.prod(shape)).reshape(shape)
    metric = metrics.MSE()
    metric.update_state(truth, prediction, sample_weight=weights)
    values = reference("mse", np.nan_to_num(truth), prediction)
    weights = np.broadcast_to(weights.reshape(4, -1), (4, 3)).copy()
    weights[0, 1] = 0
    expected = np.average(values, weights=weights)
    np.testing.assert_allclose(float(metric.result()), expected, rtol=1e-5)


def test_clip_can_be_switched_off():
    truth = np.zeros((1, 1, 12, 12, 1))
    perfect = {"mse": 0.0, "mae": 0.0, "psnr": 100.0, "ssim": 1.0}
    for key, value in perfect.items():
        np.testing.assert_allclose(score(key, truth, truth), value, rtol=1e-6)
    prediction = np.full_like(truth, 2.0)
    for key, clipped in (("mse", 144), ("mae", 144), ("psnr", 0)):
        assert score(key, truth, prediction) == clipped
    raw = score("psnr", truth, prediction, clip=False)
    np.testing.assert_allclose(raw, -10 * np.log10(4), rtol=1e-6)
    same = score("ssim", truth + 1, prediction)
    np.testing.assert_allclose(same, 1, rtol=1e-5)
    assert score("ssim", truth + 1, prediction, clip=False)[0, 0] < 0.9


def test_missing_pixels_are_left_out_and_scaled_up():
    truth = np.zeros((1, 2, 12, 10, 1))
    prediction = np.full_like(truth, 0.5)
    truth[0, 0, :3] = prediction[0, 0, :3] = truth[0, 1] = np.nan
    prediction[0, 0, 3] = 1.0
    squares = (10 * 1.0 + 80 * 0.25) / 90
    moduli = (10 * 1.0 + 80 * 0.5) / 90
    expected = {"mse": 120 * squares, "mae": 120 * moduli}
    expected["psnr"] = -10 * np.log10(squares)
    for key, value in expected.items():
        result = score(key, truth, prediction)
        np.testing.assert_allclose(result, [[value, np.nan]], rtol=1e-6)


def test_ssim_and_gdl_leave_out_windows_that_touch_a_missing_pixel():
    truth, prediction = clips((1, 1, 30, 24, 1))
    whole = reference("ssim", truth[:, :, 6:], prediction[:, :, 6:])
    truth[0, 0, 5, :] = np.nan
    prediction[0, 0, :5] = 7.0
    result = score("ssim", truth, prediction)
    np.testing.assert_allclose(result, whole, atol=1e-5)
    truth[0, 0, [15, 26], :] = np.nan
    assert np.isnan(score("ssim", truth, prediction)).all()
    truth, prediction = clips((1, 2, 9, 8, 1))
    expected = reference("gdl", truth[:, :1, 3:], prediction[:, :1, 3:])
    expected *= (8 * 8 + 9 * 7) / (5 * 8 + 6 * 7)
    truth[0, 0, :3] = np.nan
    truth[0, 1, ::2, ::2] = truth[0, 1, 1::2, 1::2] = np.nan
    result = score("gdl", truth, prediction)
    np.testing.assert_allclose(result, [[expected[0, 0], np.nan]], rtol=1e-5)


def test_gdl_has_a_power_and_ignores_the_sign_of_a_gradient():
    truth, prediction = clips((1, 2, 6, 5, 1))
    expected = reference("gdl", truth, prediction, alpha=2)
    result = score("gdl", truth, prediction, alpha=2)
    np.testing.assert_allclose(result, expected, rtol=1e-5)
    assert score("gdl", truth[:, :1], 1 - truth[:, :1]) < 1e-4


@each_metric
def test_a_prediction_of_nan_is_not_hidden(key):
    truth, prediction = clips()
    prediction[1, 2] = np.nan
    result = score(key, truth, prediction)
    expected = reference(key, truth, np.nan_to_num(prediction))
    expected[1, 2] = np.nan
    np.testing.assert_allclose(result, expected, rtol=1e-4, atol=1e-5)
    metric = CLASSES[key]()
    metric.update_state(truth, ops.cast(prediction, "float16"))
    assert np.isnan(float(metric.result()))


@pytest.mark.backend_free
def test_errors():
    truth, prediction = clips()
    mse = metrics.MSE()
    for match, function, *arguments in (
        (r"y_true.shape=\(2, 3, 16", score, "mse", truth, prediction[:, :2]),
        (r"y_pred.shape=\(3, 16", score, "mae", truth[0], prediction[0]),
        (r".*\(10, 20", score, "ssim", *[truth[:, :, :10]] * 2),
        (r"\(2, 3, 1, 1", score, "gdl", *[truth[:, :, :1, :1]] * 2),
        ("num_frames=0", metrics.MSE, 0),
        ("clips of 3 frames", metrics.MSE(2).update_state, truth, prediction),
        ("num_frames=None", mse.curve),
        (r"\(1, 1, 1\)", mse.update_state, truth, truth, np.ones((1, 1, 1))),
    ):
        with pytest.raises(ValueError, match=f"Received: .*{match}"):
            function(*arguments)
    assert np.isfinite(score("gdl", *(x[:, :, :1] for x in clips()))).all()
