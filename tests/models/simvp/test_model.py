"""SimVP: arguments, training loss, stochastic depth, initial weights."""

import keras
import numpy as np
import pytest

import msrnn_keras
from msrnn_keras.models.simvp.tau import divergence
from msrnn_keras.models.simvp.translators import TRANSLATORS
from tests.descriptors import NETWORKS
from tests.reference import assert_close, clips, numpy

SMALL = {d.name: d for d in NETWORKS}
FRAMES = clips(batch=2, length=5, size=(8, 8))


@pytest.mark.parametrize(
    "option",
    [
        {"filters": 5},
        {"spatial_layers": 1},
        {"translator_blocks": 1},
        {"encoder_kernel_size": 4},
        {"inception_kernel_sizes": (3, 4)},
        {"translator": "none"},
        {"drop_path_rate": 1.0},
        {"divergence_weight": -1},
        {"mlp_ratio": 0},
        {"remat": "step"},
        {"translator_filters": 18, "inception_groups": 9},
    ],
)
@pytest.mark.backend_free
def test_bad_arguments_are_refused(option):
    with pytest.raises(ValueError, match="Received: "):
        SMALL["simvp"].small(**option)


@pytest.mark.backend_free
def test_every_argument_is_kept():
    options = {
        "image_shape": (8, 12, 2),
        "context": 4,
        "horizon": 5,
        "filters": 6,
        "translator_filters": 12,
        "spatial_layers": 3,
        "translator_blocks": 3,
        "translator": "tau",
        "original": True,
        "encoder_kernel_size": 5,
        "decoder_kernel_size": 7,
        "mlp_ratio": 2.5,
        "drop_path_rate": 0.2,
        "inception_kernel_sizes": (3, 9),
        "inception_groups": 2,
        "divergence_weight": 0.3,
        "missing": "mask",
        "remat": "layer",
        "name": "mine",
    }
    model = msrnn_keras.SimVP(dtype="mixed_bfloat16", **options)
    for key, value in options.items():
        assert getattr(model, key) == model.get_config()[key] == value
    assert model.dtype_policy.name == "mixed_bfloat16"
    twin = msrnn_keras.SimVP.from_config(model.get_config())
    assert twin.get_config() == model.get_config()


@pytest.mark.backend_free
def test_the_divergence_is_added_in_training_only():
    model = SMALL["tau"].small(drop_path_rate=0.0, divergence_weight=50.0)
    for layer in model._flatten_layers():
        if hasattr(layer, "seed_generator"):
            layer.rate = 0.0
    model.compile(keras.optimizers.SGD(0.0), loss="mse")
    past, future = FRAMES[:, :2], FRAMES[:, 2:]
    prediction = numpy(model(past, training=True))
    mse = np.mean((prediction - future) ** 2)
    added = 50 * numpy(divergence(future, prediction))
    assert added > 0.01 * mse
    assert_close(model.train_on_batch(past, future), mse + added, rtol=1e-4)
    expected = np.mean((numpy(model(past)) - future) ** 2)
    model.reset_metrics()  # Keras 3.12 adds the loss of the training
    assert_close(model.test_on_batch(past, future), expected, rtol=1e-4)


@pytest.mark.backend_free
def test_drop_path_drops_branches_of_single_samples():
    model = SMALL["simvp-v2"].small(horizon=2, drop_path_rate=0.5)
    blocks = [model.get_layer(f"translator_{i}") for i in range(2)]
    rates = [(x.drop_path1.rate, x.drop_path2.rate) for x in blocks]
    assert rates == [(0.01, 0.01), (0.5, 0.5)]
    drop = blocks[1].drop_path1
    x = keras.ops.ones((400, 2, 2, 1))
    assert numpy(drop(x)).min() == 1
    given = numpy(drop(x, training=True)).reshape(400, -1)
    assert set(np.unique(given)) == {0, 2}
    assert (given == given[:, :1]).all()
    assert 0.4 < (given[:, 0] > 0).mean() < 0.6
    again = numpy(drop(x, training=True)).reshape(400, -1)
    assert (again != given).any()


@pytest.mark.backend_free
def test_initial_weights_are_the_published_ones():
    sizes = {"context": 4, "filters": 16, "translator_filters": 48}
    v2, tau = (msrnn_keras.create(k, **sizes) for k in ("simvp-v2", "tau"))
    block = v2.get_layer("translator_0")
    assert_close(numpy(block.proj_1.kernel).std(), np.sqrt(2 / 64), rtol=0.1)
    assert_close(numpy(block.conv0.kernel).std(), np.sqrt(2 / 25), rtol=0.1)
    assert numpy(block.proj_1.bias).max() == 0
    assert_close(numpy(block.layer_scale_1), 0.01)
    block = tau.get_layer("translator_0")
    for layer, fan_in in ((block.proj_1, 64), (block.conv_spatial, 49)):
        for weight in (layer.kernel, layer.bias):
            top = np.abs(numpy(weight)).max()
            assert 0.8 < top * np.sqrt(fan_in) <= 1
    kernel = numpy(v2.get_layer("encoder_1").conv.kernel)
    assert_close(kernel.std(), 0.02, rtol=0.1)


@pytest.mark.backend_free
def test_a_translator_is_a_function_and_a_row(monkeypatch):
    row = TRANSLATORS["gsta"]._replace(apply=lambda x, settings: (x, {}))
    monkeypatch.setitem(TRANSLATORS, "none", row)
    model = SMALL["simvp-v2"].small(translator="none")
    assert model.predict(FRAMES[:, :2], verbose=0).shape == (2, 3, 8, 8, 1)
