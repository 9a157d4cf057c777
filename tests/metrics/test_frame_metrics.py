"""Metrics with one score per frame."""

import keras
import numpy as np
import pytest
from keras import ops

from msrnn_keras import metrics
from tests.metrics.scores import (
    CLASSES,
    clips,
    gradient_difference,
    pixel_errors,
    reference,
    score,
)

each_metric = pytest.mark.parametrize("key", CLASSES)


@pytest.mark.parametrize("channels", [1, 3])
@each_metric
def test_frame_scores_equal_numpy_and_skimage(key, channels):
    truth, prediction = clips((2, 3, 16, 20, channels))
    expected = reference(key, truth, prediction)
    np.testing.assert_allclose(
        score(key, truth, prediction), expected, rtol=1e-5, atol=1e-5
    )


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
    np.testing.assert_allclose(
        metric.curve(), np.nanmean(values, axis=0), rtol=1e-5
    )
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


def test_gdl_ignores_the_sign_of_a_gradient():
    truth = np.zeros((1, 1, 3, 4, 1))
    truth[..., 2:, :] = 1.0
    assert score("gdl", truth, 1 - truth) == 0
    assert score("gdl", truth, np.zeros_like(truth)) == 3


def test_gdl_leaves_out_pairs_with_a_missing_pixel():
    truth, prediction = clips((1, 2, 9, 8, 1))
    expected = reference("gdl", truth[:, :1, 3:], prediction[:, :1, 3:])
    expected *= (8 * 8 + 9 * 7) / (5 * 8 + 6 * 7)
    truth[0, 0, :3] = np.nan
    truth[0, 1, ::2, ::2] = truth[0, 1, 1::2, 1::2] = np.nan
    result = score("gdl", truth, prediction)
    np.testing.assert_allclose(result, [[expected[0, 0], np.nan]], rtol=1e-5)
    metric = metrics.GDL()
    metric.update_state(truth, prediction)
    assert float(metric.result()) == pytest.approx(expected[0, 0], rel=1e-5)


def test_gdl_alpha():
    truth, prediction = clips((1, 2, 6, 5, 1))
    errors = pixel_errors(truth, prediction)
    expected = gradient_difference(truth, errors, alpha=2)
    result = score("gdl", truth, prediction, alpha=2)
    np.testing.assert_allclose(result, expected, rtol=1e-5)


@each_metric
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


def test_metrics_read_half_precision():
    truth, prediction = clips()
    half = ops.cast(prediction, "float16")
    rounded = ops.convert_to_numpy(half).astype("float32")
    metric = metrics.SSIM()
    metric.update_state(truth, half)
    expected = reference("ssim", truth, rounded).mean()
    np.testing.assert_allclose(float(metric.result()), expected, rtol=1e-5)


@each_metric
def test_config_holds_every_argument(key):
    assert CLASSES[key]().name == key
    options = {"alpha": 2.0} if key == "gdl" else {}
    metric = CLASSES[key](
        num_frames=7, clip=False, name="a", dtype="float64", **options
    )
    config = keras.saving.serialize_keras_object(metric)
    again = keras.saving.deserialize_keras_object(config)
    assert type(again) is CLASSES[key]
    assert again.get_config() == metric.get_config()
    assert (again.num_frames, again.clip, again.name) == (7, False, "a")
    assert again.dtype == "float64"
    assert getattr(again, "alpha", 2.0) == 2.0


def test_errors():
    truth, prediction = clips()
    with pytest.raises(ValueError, match=r"Received: y_true.shape=\(2, 3, 16"):
        score("mse", truth, prediction[:, :2])
    with pytest.raises(ValueError, match=r"y_pred.shape=\(3, 16, 20, 1\)"):
        score("mae", truth[0], prediction[0])
    with pytest.raises(ValueError, match=r"11 x 11.*Received: .*\(10, 20, 1\)"):
        score("ssim", truth[:, :, :10], prediction[:, :, :10])
    with pytest.raises(ValueError, match=r"Received: .*\(2, 3, 1, 1, 1\)"):
        score("gdl", truth[:, :, :1, :1], prediction[:, :, :1, :1])
    assert np.isfinite(score("gdl", *(x[:, :, :1] for x in clips()))).all()
    with pytest.raises(ValueError, match="Received: num_frames=0"):
        metrics.MSE(num_frames=0)
    with pytest.raises(ValueError, match="Received: clips of 3 frames"):
        metrics.MSE(num_frames=2).update_state(truth, prediction)
    with pytest.raises(ValueError, match="Received: num_frames=None"):
        metrics.MSE().curve()
    with pytest.raises(ValueError, match=r"Received: shape \(1, 1, 1\)"):
        metrics.MSE().update_state(truth, prediction, np.ones((1, 1, 1)))
