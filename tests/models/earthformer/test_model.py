"""Earthformer: golden values, options, other sizes."""

import inspect
import json

import keras
import numpy as np
import pytest

import msrnn_keras
from msrnn_keras import Earthformer, convert
from msrnn_keras.models.earthformer.parts import LEAK
from tests.reference import GOLDEN, clips, numpy

GIVEN = ("input_shape", "target_shape", "seed")
STACK = "initial_downsample_stack_conv"
SEVIR = {
    "enc_depth": (1, 1),
    "dec_depth": (1, 1),
    "initial_downsample_type": "stack_conv",
    "pos_embed_type": "t+h+w",
    f"{STACK}_num_layers": 3,
    f"{STACK}_num_conv_list": (2, 2, 2),
}
SEPARATE = {
    "num_global_vectors": 8,
    "use_global_self_attn": True,
    "separate_global_qkv": True,
}


def small(seed=7, **options):
    """A model of two levels."""
    keras.utils.set_random_seed(seed)
    sizes = {"image_shape": (8, 12, 1), "context": 3, "horizon": 2}
    depths = {"enc_depth": (1, 1), "dec_depth": (1, 1)}
    units = {"base_units": 16, "num_heads": 2}
    return Earthformer(**{**sizes, **depths, **units, **options})


def past(**options):
    return clips(**{"length": 3, "size": (8, 12), **options})


def golden(name):
    """The model of a golden file, its frames and its forecast."""
    with np.load(GOLDEN / f"earthformer-{name}.npz") as file:
        arrays = dict(file)
    config = json.loads(str(arrays["config"]))
    frames, target = config["input_shape"], config["target_shape"]
    model = msrnn_keras.create(
        "earthformer",
        image_shape=tuple(frames[1:]),
        context=frames[0],
        horizon=target[0],
        **{k: v for k, v in config.items() if k not in GIVEN},
    )
    weights = {k[2:]: v for k, v in arrays.items() if k.startswith("w/")}
    return model, weights, arrays


# They take long to compile: PyTorch alone tests them.
FILES = [
    pytest.param(name, marks=pytest.mark.backend_free)
    for name in ("cuboids", "sevir", "three-scales")
]


@pytest.mark.parametrize("name", ["shifted-global", *FILES])
def test_golden_values(name):
    model, weights, arrays = golden(name)
    prefixed = {f"torch_nn_module.{k}": v for k, v in weights.items()}
    convert.load_torch_checkpoint(model, prefixed)
    forecast = model.predict(arrays["x"], verbose=0)
    largest = np.abs(arrays["y"]).max()
    np.testing.assert_allclose(forecast, arrays["y"], atol=3e-5 * largest)


@pytest.mark.backend_free
def test_export_has_the_names_in_order_and_the_index():
    model, weights, _ = golden("sevir")
    convert.load_torch_checkpoint(model, weights)
    exported = convert.export_torch_checkpoint(model)
    index = [k for k in exported if k.endswith("relative_position_index")]
    assert exported[index[0]].dtype == "int64"
    assert len(index) == sum(k.endswith("bias_table") for k in weights)
    assert [k for k in exported if k not in index] == list(weights)
    for name, value in weights.items():
        np.testing.assert_array_equal(exported[name], value)
    convert.load_torch_checkpoint(model, exported)


@pytest.mark.backend_free
@pytest.mark.parametrize(
    "parameters, options",
    [
        (6_702_109, {}),
        (7_700_893, {"num_global_vectors": 8}),
        (9_175_453, SEPARATE),
        (
            8_659_677,
            {
                "image_shape": (384, 384, 1),
                "context": 13,
                "horizon": 12,
                "base_units": 128,
                f"{STACK}_dim_list": (16, 64, 128),
                f"{STACK}_downscale_list": (3, 2, 2),
                **SEVIR,
                **SEPARATE,
            },
        ),
        (
            1_505_069,
            {
                "image_shape": (128, 128, 1),
                "context": 7,
                "horizon": 6,
                f"{STACK}_dim_list": (4, 16, 64),
                f"{STACK}_downscale_list": (1, 2, 2),
                **SEVIR,
            },
        ),
    ],
)
def test_parameters_of_published_models(parameters, options):
    weights = Earthformer(**options).trainable_weights
    assert sum(np.prod(w.shape) for w in weights) == parameters


OTHERS = {
    "globals": {
        "num_global_vectors": 2,
        "use_dec_self_global": True,
        "use_dec_cross_global": True,
        "use_global_vector_ffn": True,
    },
    "wide globals": {
        **SEPARATE,
        "num_global_vectors": 2,
        "global_dim_ratio": 2,
        "use_dec_cross_global": True,
        "dec_self_update_global": False,
        "use_dec_self_global": True,
    },
    "windows": {
        "enc_attn_patterns": "video_swin",
        "dec_self_attn_patterns": "axial_space_dilate_2",
        "dec_cross_attn_patterns": "cross_2x2_heter",
        "padding_type": "ignore",
        "num_global_vectors": 1,
        "dec_cross_last_n_frames": 2,
        "dec_cross_start": 1,
        "z_init_method": "mean",
        "use_relative_pos": False,
        "self_attn_use_final_proj": False,
        "image_shape": (7, 11, 1),
        "output_channels": 2,
    },
}


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.backend_free
def test_training_saving_and_rematerialization(name, tmp_path):
    model = small(**OTHERS[name])
    frames = past(size=model.image_shape[:2])
    model.save(tmp_path / "m.keras")
    twin = keras.saving.load_model(tmp_path / "m.keras")
    assert twin.get_config() == model.get_config()
    for weight, own in zip(twin.weights, model.weights, strict=True):
        np.testing.assert_array_equal(numpy(weight), numpy(own))
    zeros = np.zeros(model.output_shape[1:], "float32")
    zeros = np.stack([zeros] * len(frames))
    again = Earthformer(**{**model.get_config(), "remat": "layer"})
    losses = []
    for one in (twin, again):
        one.set_weights(model.get_weights())
        one.compile(keras.optimizers.SGD(1e-3), loss="mse")
        seed_everything(one)
        losses += [float(one.train_on_batch(frames, zeros)) for _ in range(3)]
    assert len(set(losses[:3])) == 3  # dropout draws anew
    np.testing.assert_allclose(losses[:3], losses[3:], rtol=1e-4)
    for one, other in zip(twin.weights, again.weights, strict=True):
        np.testing.assert_allclose(numpy(one), numpy(other), atol=1e-4)


def seed_everything(model):
    """Make the dropout of a model draw the same as that of its twin."""
    keras.utils.set_random_seed(3)  # PyTorch draws from its own generator.
    for layer in model._flatten_layers():
        if hasattr(layer, "seed_generator"):
            state = layer.seed_generator.state
            state.assign(np.array([7, 0], "uint32").astype(state.dtype))


@pytest.mark.backend_free
def test_config_has_every_argument():
    options = {
        "output_channels": 2,
        "enc_attn_patterns": None,
        "enc_cuboid_size": [[2, 2, 2]],
        "missing": "mask",
        "name": "mine",
        "scale_alpha": 2.0,
    }
    model = small(**options)
    config = model.get_config()
    assert set(inspect.signature(Earthformer).parameters) == set(config)
    assert config["enc_cuboid_size"] == model.enc_cuboid_size == ((2, 2, 2),)
    assert config["missing"] == "mask"
    assert Earthformer.from_config(config).get_config() == config
    assert model.get_layer("encoder_blocks_1_0").output.shape[-1] == 64


@pytest.mark.backend_free
def test_missing_pixels_and_longer_horizons():
    model = small(missing="mask")
    frames = past()
    frames[0, 0, :2] = np.nan
    forecast = model.forecast(frames, horizon=5)
    assert forecast.shape == (2, 5, 8, 12, 1)
    assert np.isfinite(forecast).all()
    # The last frames of the past and two predicted ones.
    again = np.concatenate([frames[:, 2:], forecast[:, :2]], axis=1)
    expected = model.predict(again, verbose=0)
    np.testing.assert_allclose(forecast[:, 2:4], expected, atol=1e-5)


def test_float64():
    model = small(dtype="float64")
    frames = past().astype("float64")
    given = [numpy(model(frames + i * 1e-6)) for i in range(3)]
    slope = np.abs(given[1] - given[0]).max()
    curvature = np.abs(given[2] - 2 * given[1] + given[0]).max()
    assert given[0].dtype == "float64"
    assert curvature < 1e-3 * slope


if keras.backend.backend() == "jax":
    test_float64 = pytest.mark.skip("needs JAX_ENABLE_X64")(test_float64)


# === Other sizes ===


@pytest.mark.backend_free
def test_another_size_interpolates_the_tables():
    model = small()
    for weight in model.weights:
        if weight.path.endswith("HW_embed"):
            # A ramp along the width.
            rows, channels = weight.shape
            size = (4, 6) if rows == 24 else (2, 3)
            ramp = np.broadcast_to(np.arange(size[1]), size)
            weight.assign(np.repeat(ramp.reshape(-1, 1), channels, axis=1))
    frames = past(size=(16, 24))
    with pytest.warns(UserWarning, match="tables were interpolated"):
        twin = model.resized(16, 24)
    table = numpy(twin.get_layer("enc_pos_embed").tables[1])
    row = table.reshape(8, 12, -1)[0, :, 0]
    np.testing.assert_allclose(row[:4], [0, 0.25, 0.75, 1.25])
    attention = twin.get_layer("encoder_blocks_0_0").attn_l[2]
    ours = model.get_layer("encoder_blocks_0_0").attn_l[2]
    for at, other in ((0, 0), (11, 5), (22, 10)):
        np.testing.assert_allclose(
            numpy(attention.relative_position_bias_table)[at],
            numpy(ours.relative_position_bias_table)[other],
        )
    expected = twin.predict(frames, verbose=0)
    with pytest.warns(UserWarning, match="tables were interpolated"):
        given = model.predict(frames, verbose=0)
    np.testing.assert_allclose(given, expected, atol=1e-6)
    with pytest.raises(ValueError, match="model.resized.*Received"):
        model(frames)


@pytest.mark.backend_free
def test_a_preset_for_another_size(tmp_path):
    model = small()
    model.compile("adam", loss="mse")
    model.save_to_preset(tmp_path / "mine")
    same = Earthformer.from_preset(tmp_path / "mine")
    with pytest.warns(UserWarning, match="tables were interpolated"):
        other = Earthformer.from_preset(
            tmp_path / "mine", image_shape=(16, 12, 1)
        )
    np.testing.assert_array_equal(
        same.predict(past(), verbose=0), model.predict(past(), verbose=0)
    )
    for one, twin in zip(model.weights, other.weights, strict=True):
        if one.shape == twin.shape:
            np.testing.assert_array_equal(numpy(one), numpy(twin))
    assert other.predict(past(size=(16, 12)), verbose=0).shape[2] == 16


# === Bad arguments ===


@pytest.mark.backend_free
@pytest.mark.parametrize(
    "match, options",
    [
        ("pattern", {"enc_attn_patterns": "axial_9"}),
        ("Give either", {"enc_cuboid_size": [[1, 1, 1]]}),
        ("Give either", {"enc_attn_patterns": None}),
        ("one for each level", {"enc_attn_patterns": ["axial"]}),
        ("must divide", {"dec_cross_attn_patterns": "cross_2x2"}),
        ("padding_type", {"padding_type": "nearest"}),
        ("dec_depth", {"dec_depth": [1]}),
        ("num_heads", {"num_heads": 3}),
        ("base_units", {"base_units": 8}),
        ("global_dim_ratio", {"global_dim_ratio": 2}),
        ("dec_cross_last_n_frames", {"dec_cross_last_n_frames": 4}),
        ("block_units", {"block_units": (32, 32)}),
        ("stack_conv", {"initial_downsample_type": "stack_conv"}),
        ("attn_drop", {"attn_drop": 1.0}),
        ("remat", {"remat": "step"}),
        ("output_channels", {"output_channels": 0}),
    ],
)
def test_bad_arguments_are_refused(match, options):
    with pytest.raises(ValueError, match=f"(?s){match}.*Received"):
        small(**options)


@pytest.mark.backend_free
def test_initialization():
    model = Earthformer(image_shape=(32, 32, 1))
    conv = model.get_layer("final_decoder_conv_block").convs[0]
    bound = 1 / np.sqrt(64 * 9)
    for weight in conv.weights:
        assert bound * 0.9 < np.abs(numpy(weight)).max() <= bound
    upsample = model.get_layer("final_decoder_upsample").conv
    std = np.sqrt(2 / (1 + LEAK**2) / (64 * 9))
    assert numpy(upsample.kernel).std() == pytest.approx(std, rel=0.02)
    qkv = model.get_layer("encoder_blocks_0_0").attn_l[0].qkv
    assert numpy(qkv.kernel).std() == pytest.approx(1 / 8, rel=0.05)
    table = model.get_layer("enc_pos_embed").tables[1]
    assert numpy(table).std() == pytest.approx(0.02, rel=0.02)
