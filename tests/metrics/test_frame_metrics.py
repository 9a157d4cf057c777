import keras
import numpy as np
import pytest
from keras import ops

from msrnn_keras import metrics
from tests.metrics.scores import CLASSES, clips, reference, score


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
