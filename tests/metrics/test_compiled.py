import keras
import numpy as np
import pytest
from keras import ops

from msrnn_keras import metrics
from tests.metrics.fields import Cubed, fields, numpy
from tests.metrics.scores import CLASSES, clips

SCALING = Cubed()


def made():
    """Return metrics of rain at 5 mm/h, and those of single frames."""
    options = {"scaling": SCALING, "num_frames": 3}
    names = ("POD", "FAR", "CSI", "HSS")
    return [
        *(getattr(metrics, name)(5.0, **options) for name in names),
        metrics.CSI(30.0, SCALING),
        metrics.FSS(5.0, 4, **options),
        metrics.BalancedMSE(**options),
        metrics.BalancedMAE(scaling=SCALING),
        *(CLASSES[key](num_frames=3) for key in ("mse", "mae", "gdl", "psnr")),
        metrics.SSIM(),
    ]


def identity(metrics):
    """Return a compiled model that gives back its input."""
    inputs = keras.Input((None, None, None, 1))
    scale = keras.layers.Dense(1, kernel_initializer="ones")
    model = keras.Model(inputs, scale(inputs))
    optimizer = keras.optimizers.SGD(0.0)

    def loss(y_true, y_pred):
        return ops.mean(ops.square(y_pred))

    model.compile(optimizer, loss, metrics=metrics)
    return model


def test_metrics_inside_fit_and_evaluate():
    truth, forecast = fields((6, 3, 17, 14, 1))
    truth[2, 1, :2] = np.nan
    truth[3] = np.nan
    model = identity(made())
    options = {"batch_size": 3, "verbose": 0}
    logs = model.evaluate(forecast, truth, return_dict=True, **options)
    history = model.fit(forecast, truth, **options).history
    for metric in made():
        metric.update_state(truth, forecast)
        expected = float(metric.result())
        assert np.isfinite(expected)
        assert logs[metric.name] == pytest.approx(expected, rel=1e-5)
        assert history[metric.name] == [pytest.approx(expected, rel=1e-5)]


def test_default_metrics_skip_the_ssim_of_small_frames():
    truth, forecast = clips((2, 3, 9, 12, 1))
    model = identity(metrics.default_metrics())
    logs = model.evaluate(forecast, truth, verbose=0, return_dict=True)
    assert np.isnan(logs.pop("ssim"))
    assert np.isfinite(list(logs.values())).all()
    assert set(logs) == {"loss", "mse", "mae", "psnr", "mse_unclipped"}


def test_metrics_keep_their_sums_exact_when_compiled():
    """Small numbers are added to a large sum, one batch at a time."""
    metric, unscaled = metrics.POD(0.5), metrics.MSE()
    model = identity([metric, unscaled])
    clip = np.zeros((1, 1, 8, 8, 1), "float32")
    clip[0, 0, 0, 0] = 1.0
    model.evaluate(clip, clip, batch_size=1, verbose=0)
    metric.total.assign(np.array([2.0**25, 0, 0, 0]))
    reset, metric.reset_state = metric.reset_state, lambda: None
    many = np.repeat(clip, 6, axis=0)
    model.evaluate(many, many, batch_size=1, verbose=0)
    metric.reset_state = reset
    total, rounding = numpy(metric.total.value), numpy(metric.rounding.value)
    assert (total - rounding)[0] == 2.0**25 + 6
    logs = model.evaluate(255 * clip, 255 * clip, verbose=0, return_dict=True)
    assert np.isnan(logs["mse"]) and np.isnan(logs["pod_0.5"])
