"""The golden files of SimVP and TAU, which other code than ours has made."""

import json

import keras
import numpy as np
import pytest

import msrnn_keras
from msrnn_keras import convert
from msrnn_keras.models.simvp.tau import divergence
from tests.reference import GOLDEN, assert_equal, numpy

FILES = {
    "simvp-v1": "simvp",
    "simvp-original-channels2": "simvp-original",
    "simvp-v2-channels2": "simvp-v2",
    "tau-channels2": "tau",
}
OPTIONS = {
    "hid_S": "filters",
    "hid_T": "translator_filters",
    "N_S": "spatial_layers",
    "N_T": "translator_blocks",
    "mlp_ratio": "mlp_ratio",
}
every_file = pytest.mark.parametrize("name", FILES)


def load(name, **options):
    """The model of a file with its weights, and the file's arrays."""
    with np.load(GOLDEN / f"{name}.npz") as file:
        arrays = dict(file)
    config = json.loads(str(arrays.pop("config")))
    context, channels, *size = config["in_shape"]
    sizes = {ours: config[k] for k, ours in OPTIONS.items() if k in config}
    model = msrnn_keras.create(
        FILES[name],
        image_shape=(*size, channels),
        **{"context": context, "horizon": context, **sizes, **options},
    )
    weights = {k[2:]: x for k, x in arrays.items() if k.startswith("w/")}
    convert.load_torch_checkpoint(model, weights)
    others = {
        key: np.moveaxis(x, -3, -1) if x.ndim > 2 else x
        for key, x in arrays.items()
        if key not in weights
    }
    return model, weights, others


def check(given, expected):
    expected = expected.reshape(given.shape)
    error = np.abs(numpy(given) - expected).max()
    assert error < 1e-5 * np.abs(expected).max()


@every_file
def test_forecast(name):
    model, _, arrays = load(name)
    check(model.predict(arrays["x"], verbose=0), arrays["y"])


@every_file
@pytest.mark.backend_free
def test_inner_stages(name):
    model, _, arrays = load(name)
    count = len([x for x in model.layers if x.name.startswith("encoder_")])
    v2 = "attn0" in arrays
    names = {
        "enc1": "encoder_0",
        "latent": f"encoder_{count - 1}",
        "translator0": "translator_0" if v2 else "translator_encoder_0",
        "hid": "channels_to_time",
        "dec1": "decoder_0",
        "dec_last": f"decoder_{count - 1}",
    }
    nodes = (
        model.network.get_layer(x)._inbound_nodes[0] for x in names.values()
    )
    graph = keras.Model(model.network.input, [x.outputs[0] for x in nodes])
    for key, given in zip(names, graph(arrays["x"]), strict=True):
        check(given, arrays[key])


@pytest.mark.backend_free
@every_file
def test_longer_and_shorter_horizons(name):
    one, _, arrays = load(name)
    horizons = [k for k in arrays if k.startswith("y_horizon")]
    for key in horizons:
        horizon = int(key.removeprefix("y_horizon"))
        model, *_ = load(name, horizon=horizon)
        check(model(arrays["x"]), arrays[key])
        check(one.forecast(arrays["x"], horizon=horizon), arrays[key])
    assert horizons or name == "simvp-original-channels2"


@pytest.mark.parametrize("name", [k for k in FILES if k[-2:] == "s2"][1:])
def test_training_mode_and_its_statistics(name):
    model, weights, arrays = load(name)
    for layer in model._flatten_layers():
        if hasattr(layer, "seed_generator"):
            layer.rate = 0.0
    check(model(arrays["x"], training=True), arrays["y_train"])
    after = convert.export_torch_checkpoint(model)
    for key, value in arrays.items():
        if key.startswith("after/") and value.ndim:
            check(after[key[6:]], value)
            assert (after[key[6:]] != weights[key[6:]]).any()


def test_loss_of_tau():
    *_, arrays = load("tau-channels2")
    tensors = [arrays[f"loss_{k}"] for k in ("true", "pred")]
    truth, prediction = map(keras.ops.convert_to_tensor, tensors)
    check(divergence(truth, prediction), arrays["loss_reg"])
    check(divergence(arrays["x"], arrays["y"]), arrays["loss_reg_model"])
    assert numpy(divergence(truth[:, :2], prediction[:, :2])) == 0
    holes = np.where(tensors[0] > np.quantile(tensors[0], 0.9), np.nan, truth)
    assert 0 < numpy(divergence(holes, prediction)) < np.inf


@every_file
@pytest.mark.backend_free
def test_checkpoints_keep_names_order_and_values(name):
    model, weights, arrays = load(name)
    given = convert.export_torch_checkpoint(model)
    assert list(given) == list(weights)
    for key, value in given.items():
        if key.endswith("num_batches_tracked"):
            assert value.dtype == "int64" and value == 0
        else:
            assert_equal(value, weights[key])
    wrapped = {f"module.model.{key}": x for key, x in weights.items()}
    twin = convert.model_of_torch_checkpoint(
        FILES[name], {"state_dict": wrapped}, image_shape=model.image_shape
    )
    for key in OPTIONS.values():
        if key != "mlp_ratio" or "attn0" in arrays:
            assert getattr(twin, key) == getattr(model, key)
    check(twin.predict(arrays["x"], verbose=0)[:, : model.context], arrays["y"])
