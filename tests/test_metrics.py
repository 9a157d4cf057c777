import keras
import numpy as np
import pytest
from keras import ops
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from msrnn_keras import metrics

CLASSES = {
    "mse": metrics.MSE,
    "mae": metrics.MAE,
    "psnr": metrics.PSNR,
    "ssim": metrics.SSIM,
}
FRAME_SCORES = {
    "mse": metrics.frame_mse,
    "mae": metrics.frame_mae,
    "psnr": metrics.frame_psnr,
    "ssim": metrics.frame_ssim,
}


def clips(shape=(2, 3, 16, 20, 1), noise=0.3, seed=0):
    """Smooth clips and noisy predictions that leave [0, 1] here and there."""
    rng = np.random.default_rng(seed)
    rows = np.linspace(0, 3, shape[2])[:, None, None]
    columns = np.linspace(0, 4, shape[3])[:, None]
    phase = rng.uniform(0, 6, shape[:2])[:, :, None, None, None]
    truth = 0.5 + 0.5 * np.sin(rows * columns + phase + np.arange(shape[4]))
    prediction = truth + noise * rng.normal(size=shape)
    return truth.astype("float32"), prediction.astype("float32")


def score(key, truth, prediction, **options):
    return ops.convert_to_numpy(FRAME_SCORES[key](truth, prediction, **options))


def pixel_errors(truth, prediction):
    prediction = np.clip(prediction.astype("float64"), 0, 1)
    return prediction - truth.astype("float64")


def reference(key, truth, prediction):
    """The scores of every frame, from NumPy and scikit-image."""
    errors = pixel_errors(truth, prediction)
    if key == "mse":
        return (errors**2).sum(axis=(2, 3, 4))
    if key == "mae":
        return np.abs(errors).sum(axis=(2, 3, 4))
    values = np.empty(truth.shape[:2])
    for index in np.ndindex(values.shape):
        true = truth[index].astype("float64")
        pred = np.clip(prediction[index].astype("float64"), 0, 1)
        if key == "psnr":
            values[index] = peak_signal_noise_ratio(true, pred, data_range=1)
        else:
            values[index] = structural_similarity(
                true,
                pred,
                gaussian_weights=True,
                sigma=1.5,
                use_sample_covariance=False,
                data_range=1,
                channel_axis=-1,
            )
    return values


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
    same = score("ssim", truth + 2, prediction, clip=False)
    np.testing.assert_allclose(same, 1, rtol=1e-5)
    assert score("ssim", truth + 2, prediction)[0, 0] < 0.9


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


@pytest.mark.parametrize("key", CLASSES)
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


def test_metrics_inside_fit_and_evaluate():
    truth, past = clips((6, 3, 14, 12, 1), noise=0.2)
    truth[2, 1, :2] = np.nan
    inputs = keras.Input((None, None, None, 1))
    scale = keras.layers.Dense(1, kernel_initializer="ones")
    model = keras.Model(inputs, scale(inputs))
    model.compile(
        optimizer=keras.optimizers.SGD(0.0),
        loss=lambda y, p: ops.mean(ops.square(p)),
        metrics=[make(num_frames=3) for make in CLASSES.values()],
    )
    logs = model.evaluate(
        past, truth, batch_size=4, verbose=0, return_dict=True
    )
    history = model.fit(past, truth, batch_size=3, verbose=0).history
    for key in CLASSES:
        expected = score(key, truth, past).mean()
        np.testing.assert_allclose(logs[key], expected, rtol=1e-5)
        np.testing.assert_allclose(history[key], [expected], rtol=1e-5)


def test_metrics_read_half_precision():
    truth, prediction = clips()
    half = ops.cast(prediction, "float16")
    rounded = ops.convert_to_numpy(half).astype("float32")
    metric = metrics.SSIM()
    metric.update_state(truth, half)
    expected = reference("ssim", truth, rounded).mean()
    np.testing.assert_allclose(float(metric.result()), expected, rtol=1e-5)


@pytest.mark.parametrize("key", CLASSES)
def test_config_holds_every_argument(key):
    metric = CLASSES[key](num_frames=7, clip=False, name="a", dtype="float64")
    config = keras.saving.serialize_keras_object(metric)
    again = keras.saving.deserialize_keras_object(config)
    assert type(again) is CLASSES[key]
    assert again.get_config() == metric.get_config()
    assert (again.num_frames, again.clip, again.name) == (7, False, "a")
    assert again.dtype == "float64"


@pytest.mark.parametrize("key", CLASSES)
def test_default_name(key):
    assert CLASSES[key]().name == key


def test_errors():
    truth, prediction = clips()
    with pytest.raises(ValueError, match=r"Received: y_true.shape=\(2, 3, 16"):
        metrics.frame_mse(truth, prediction[:, :2])
    with pytest.raises(ValueError, match=r"y_pred.shape=\(3, 16, 20, 1\)"):
        metrics.frame_mae(truth[0], prediction[0])
    with pytest.raises(ValueError, match=r"11 x 11.*Received: .*\(10, 20, 1\)"):
        metrics.frame_ssim(truth[:, :, :10], prediction[:, :, :10])
    with pytest.raises(ValueError, match="Received: num_frames=0"):
        metrics.MSE(num_frames=0)
    with pytest.raises(ValueError, match="Received: clips of 3 frames"):
        metrics.MSE(num_frames=2).update_state(truth, prediction)
    with pytest.raises(ValueError, match="Received: num_frames=None"):
        metrics.MSE().curve()
    with pytest.raises(ValueError, match=r"Received: shape \(1, 1, 1\)"):
        metrics.MSE().update_state(truth, prediction, np.ones((1, 1, 1)))
