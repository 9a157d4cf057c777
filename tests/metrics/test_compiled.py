import keras
import numpy as np
import pytest
from keras import ops

from msrnn_keras import metrics
from tests.metrics.fields import Cubed, categorical, fields, fractions

SCALING = Cubed()


def made():
    options = {"scaling": SCALING, "num_frames": 3}
    names = ("POD", "FAR", "CSI", "HSS")
    return [
        *(getattr(metrics, name)(5.0, **options) for name in names),
        metrics.CSI(30.0, SCALING),
        metrics.FSS(5.0, 4, **options),
        metrics.BalancedMSE(**options),
        metrics.BalancedMAE(**options),
        metrics.GDL(num_frames=3),
    ]


@pytest.fixture
def model():
    """A compiled model that gives back its input."""
    inputs = keras.Input((None, None, None, 1))
    scale = keras.layers.Dense(1, kernel_initializer="ones")
    model = keras.Model(inputs, scale(inputs))
    model.compile(
        optimizer=keras.optimizers.SGD(0.0),
        loss=lambda y, p: ops.mean(ops.square(p)),
        metrics=made(),
    )
    return model


def test_metrics_inside_fit_and_evaluate(model):
    truth, forecast = fields((6, 3, 17, 14, 1))
    truth[2, 1, :2] = np.nan
    truth[3] = np.nan
    logs = model.evaluate(
        forecast, truth, batch_size=3, verbose=0, return_dict=True
    )
    history = model.fit(forecast, truth, batch_size=3, verbose=0).history
    alone = made()
    for metric in alone:
        metric.update_state(truth, forecast)
        expected = float(metric.result())
        assert np.isfinite(expected)
        assert logs[metric.name] == pytest.approx(expected, rel=1e-5)
        assert history[metric.name] == [pytest.approx(expected, rel=1e-5)]
    valid = ~np.isnan(truth)
    rain = [SCALING.inverse(x.astype("float64")) for x in (truth, forecast)]
    expected = categorical(rain[0][valid], rain[1][valid], 5.0)
    assert logs["hss_5"] == pytest.approx(expected["HSS"], rel=1e-5)
    rain[1][~valid] = np.nan
    expected = fractions(*rain, 5.0, 4)
    assert logs["fss_5_4"] == pytest.approx(expected, rel=1e-5)


def test_metrics_keep_their_sums_exact_when_compiled():
    """Small numbers added to a large sum one batch at a time."""
    inputs = keras.Input((1, 64, 64, 1))
    model = keras.Model(inputs, keras.layers.Identity()(inputs))
    metric = metrics.POD(0.5)
    model.compile(loss="mse", metrics=[metric])
    clip = np.zeros((1, 1, 64, 64, 1), "float32")
    clip[0, 0, 0, 0] = 1.0
    model.evaluate(clip, clip, batch_size=1, verbose=0)
    metric.total.assign(np.array([2.0**25, 0, 0, 0]))
    reset, metric.reset_state = metric.reset_state, lambda: None
    many = np.repeat(clip, 6, axis=0)
    model.evaluate(many, many, batch_size=1, verbose=0)
    metric.reset_state = reset
    total, rounding = (
        ops.convert_to_numpy(variable.value).astype("float64")
        for variable in (metric.total, metric.rounding)
    )
    assert (total - rounding)[0] == 2.0**25 + 6
