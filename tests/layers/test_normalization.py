import keras
import numpy as np
import pytest

from msrnn_keras.layers.normalization import (
    BatchNormalization,
    GroupNormalization,
)
from tests.gradients import gradients
from tests.reference import assert_close, numpy

X = np.random.default_rng(0).normal(2, 3, (2, 3, 5, 4)).astype("float32")


def test_moving_variance_is_unbiased():
    layer = BatchNormalization()
    given = numpy(layer(X, training=True))
    flat = X.reshape(-1, 4)
    expected = (X - flat.mean(0)) / np.sqrt(flat.var(0) + 1e-5)
    assert_close(given, expected, atol=1e-5)
    assert_close(layer.moving_mean, 0.1 * flat.mean(0), rtol=1e-5)
    variance = 0.9 + 0.1 * flat.var(0, ddof=1)
    assert_close(layer.moving_variance, variance, rtol=1e-5)
    before = numpy(layer.moving_variance).copy()
    layer.trainable = False
    layer(X, training=True)
    assert_close(layer.moving_variance, before)


@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
def test_group_normalization_equals_that_of_keras(dtype):
    ours = GroupNormalization(2, dtype=dtype)
    keras_layer = keras.layers.GroupNormalization(2, epsilon=1e-5, dtype=dtype)
    rng = np.random.default_rng(1)
    for layer in (ours, keras_layer):
        layer.build(X.shape)
    values = rng.normal(size=(2, 4))
    for layer in (ours, keras_layer):
        layer.set_weights(list(values))
    a, b = (
        numpy(keras.ops.cast(layer(X), "float32"))
        for layer in (ours, keras_layer)
    )
    half = dtype != "float32"
    assert_close(a, b, atol=0.05 if half else 1e-5)


def test_gradients_of_group_normalization():
    layer = GroupNormalization(2)

    def ours(x, gamma, beta):
        layer.built = True
        layer.gamma, layer.beta = gamma, beta
        return layer.call(x)

    def plain(x, gamma, beta):
        parts = keras.ops.reshape(x, (2, 15, 2, 2))
        mean, variance = keras.ops.moments(parts, (1, 3), keepdims=True)
        y = (parts - mean) / keras.ops.sqrt(variance + 1e-5)
        return keras.ops.reshape(y, (2, 3, 5, 4)) * gamma + beta

    rng = np.random.default_rng(2)
    arrays = [X, *rng.normal(size=(2, 4)).astype("float32")]
    upstream = rng.normal(size=X.shape).astype("float32")
    pairs = (gradients(f, upstream, *arrays) for f in (ours, plain))
    for a, b in zip(*pairs, strict=True):
        assert_close(a, b, atol=1e-4)
