import inspect
import warnings

import keras
import numpy as np
import pytest

import msrnn_keras
from msrnn_keras import MSStack, ScheduledSampling, losses
from msrnn_keras.models.architectures import ARCHITECTURES
from tests import reference
from tests.reference import clips, tiny

BACKEND = keras.backend.backend()
CHANGED = {
    "cell": "PredRNN",
    "image_shape": (12, 8, 2),
    "context": 3,
    "horizon": 2,
    "filters": 4,
    "kernel_size": 5,
    "scales": (1, 2, 1),
    "skips": "fc",
    "patch_size": 2,
    "sampling": ScheduledSampling(0.5, 0.25),
    "warmup": False,
    "motion": True,
    "decoupling_weight": 0.5,
    "remat": "layer",
    "missing": "mask",
    "dtype": "mixed_bfloat16",
    "name": "other",
}


@pytest.fixture(scope="module")
def model():
    return tiny()


def test_config_keeps_every_argument():
    parameters = inspect.signature(MSStack.__init__).parameters
    named = {
        name: parameter.default
        for name, parameter in parameters.items()
        if name not in ("self", "cell_options")
    }
    assert set(CHANGED) == set(named)
    for name, value in CHANGED.items():
        assert value != named[name]
    model = MSStack(**CHANGED)
    twin = MSStack.from_config(model.get_config())
    assert twin.get_config() == model.get_config()
    for name in set(CHANGED) - {
        "cell",
        "sampling",
        "dtype",
        "decoupling_weight",
    }:
        assert getattr(twin, name) == CHANGED[name]
    assert twin.cell == "predrnn"
    assert twin.decoupling_weight == 0.5
    assert twin.sampling.rates(0) == (0.5, 0.25)
    assert twin.dtype_policy.name == "mixed_bfloat16"


@pytest.mark.parametrize("patch_size", [1, 2])
def test_odd_sizes_equal_the_padded_frames(patch_size):
    model = tiny(patch_size=patch_size)
    past = clips(1, 4, (13, 15))
    # Zeros at the bottom and right change nothing as long as they are those
    # that padding adds: true for the first prediction only.
    padded = np.pad(past, ((0, 0), (0, 0), (0, 3), (0, 1), (0, 0)))
    given = model.forecast(past, horizon=1)
    assert given.shape == (1, 1, 13, 15, 1)
    expected = model.forecast(padded, horizon=1)[:, :, :13, :15]
    np.testing.assert_allclose(given, expected, atol=1e-5)


def test_any_size_length_and_horizon(model):
    assert model.predict(clips(1, 4, (59, 61)), verbose=0).shape == (
        (1, 3, 59, 61, 1)
    )
    assert model.predict(clips(1, 1), verbose=0).shape == (1, 3, 16, 16, 1)
    forecast = model.forecast(clips(1, 6), horizon=40)
    assert forecast.shape == (1, 40, 16, 16, 1)
    np.testing.assert_allclose(
        model.forecast(clips(1, 6), horizon=1), forecast[:, :1], atol=1e-6
    )
    np.testing.assert_allclose(
        model.forecast(clips(1, 6)), forecast[:, :3], atol=1e-6
    )


@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
def test_forecast_ignores_what_follows_the_context(dtype):
    model = tiny(dtype=dtype)
    frames = clips(length=6)
    changed = np.concatenate([frames[:, :4], 1 - frames[:, 4:]], axis=1)
    past = model.predict(frames[:, :4], verbose=0)
    for given in (frames, changed):
        np.testing.assert_array_equal(model.predict(given, verbose=0), past)
        np.testing.assert_array_equal(model.predict_all(given)[:, 3:], past)
    # The last frame of the context does matter.
    frames[:, 3] = 1 - frames[:, 3]
    assert np.abs(model.predict(frames, verbose=0) - past).max() > 1e-3


def test_forecast_reads_all_frames(model):
    frames = clips(length=6)
    by_hand = tiny(context=6)
    by_hand.set_weights(model.get_weights())
    np.testing.assert_allclose(
        model.forecast(frames), by_hand.predict(frames, verbose=0), atol=1e-6
    )


def test_samples_do_not_see_each_other(model):
    frames = clips(batch=3, length=4)
    together = model.predict(frames, verbose=0)
    for index in range(3):
        alone = model.predict(frames[index : index + 1], verbose=0)
        np.testing.assert_allclose(together[index], alone[0], atol=1e-5)


def test_mixed_precision_is_close_and_gives_float32(model):
    past = clips(length=4)
    mixed = tiny(dtype="mixed_bfloat16")
    mixed.set_weights(model.get_weights())
    given = mixed.predict(past, verbose=0)
    assert given.dtype == "float32"
    expected = model.predict(past, verbose=0)
    np.testing.assert_allclose(given, expected, atol=0.05)
    assert np.abs(given - expected).max() > 0
    mixed.compile("adam", loss=losses.FrameL1L2Loss())
    history = mixed.fit(clips(length=6), clips(length=3), verbose=0)
    assert np.isfinite(history.history["loss"]).all()


@pytest.mark.skipif(BACKEND != "tensorflow", reason="XLA is off there only")
def test_plain_compile_is_without_xla_on_tensorflow(model):
    if keras.distribution.list_devices("gpu"):
        pytest.skip("with a GPU XLA stays on")
    model.compile("adam", loss="mse")
    assert model.jit_compile is False


@pytest.mark.skipif(BACKEND != "jax", reason="there XLA is always on")
def test_plain_compile_is_jitted_on_jax(model):
    model.compile("adam", loss="mse")
    assert model.jit_compile is True


def test_predict_warns_of_frames_it_ignores(model):
    with pytest.warns(UserWarning, match=r"model.forecast.*Received: 5"):
        model.predict(clips(length=5), verbose=0)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message="The model reads")
        model.predict(clips(length=4), verbose=0)
        model.predict(clips(length=6), verbose=0)


def test_create_knows_names_in_any_spelling():
    model = msrnn_keras.create("MS_ConvLSTM", filters=2)
    assert model.name == "ms-convlstm"
    assert model.scales == ARCHITECTURES["ms-convlstm"].scales
    assert model.skips == "add"
    assert msrnn_keras.create("convlstm", filters=2).skips == "none"
    for name in ("predrnn++", "PredRNN_plus_plus", "PredRNN-Plus-Plus"):
        model = msrnn_keras.create(name, filters=2)
        assert (model.cell, model.name) == ("predrnn++", "predrnn-plus-plus")
    model = msrnn_keras.create("MS_LSTM", filters=2)
    assert (model.cell, model.name) == ("mk-lstm", "ms-mk-lstm")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "ms-convlst"}, "ms-convlstm.*Received: 'ms-convlst'"),
        ({"scales": (1, 2, 1, 1)}, "read the same backwards.*Received: "),
        ({"scales": ()}, "one layer or more.*Received: "),
        ({"scales": (1, 2, 3, 2, 1)}, "divide.*Received: source=2, target=3"),
        ({"scales": (1, 0, 1)}, "positive.*Received: scales=0"),
        ({"skips": "dense"}, "none.*Received: skips='dense'"),
        ({"context": 0}, "positive.*Received: context=0"),
        ({"horizon": 1.5}, "positive.*Received: horizon=1.5"),
        ({"patch_size": -1}, "positive.*Received: patch_size=-1"),
        ({"filters": 0}, "positive.*Received: filters=0"),
        ({"image_shape": (16, 16)}, "channels.*Received: image_shape="),
        ({"image_shape": (16, 16, None)}, "Received: image_shape=None"),
        ({"links": 3}, "no argument links.*Received: "),
        ({"name": "trajgru", "links": 0}, "Received: links=0"),
        (
            {"name": "preciplstm", "attention_window": 1.5},
            "Received: attention_window=1.5",
        ),
        (
            {"decoupling_weight": -1.0},
            "0 or more. Received: decoupling_weight=-1.0",
        ),
        (
            {"decoupling_weight": "yes"},
            "0 or more. Received: decoupling_weight='yes'",
        ),
        ({"name": "motionrnn", "filters": 6}, "Received: filters=6"),
    ],
)
def test_refuses_bad_arguments(options, message):
    with pytest.raises(ValueError, match=message):
        tiny(**options)


@pytest.mark.parametrize("horizon", [0, -3, 2.0, True])
def test_forecast_refuses_a_bad_horizon(model, horizon):
    with pytest.raises(ValueError, match="positive.*Received: horizon="):
        model.forecast(clips(), horizon=horizon)


@pytest.mark.parametrize("name", ["ms-convlstm", "ms-predrnn"])
def test_motion_goes_on_any_cell_with_an_output_gate(name):
    plain = tiny(name, filters=4)
    model = tiny(name, filters=4, motion=True)
    cells = model._forecaster.cell.wiring.cells
    kinds = [isinstance(cell, msrnn_keras.MotionCell) for cell in cells]
    assert kinds == [True] * 5 + [False]
    frames = clips(length=4, size=(13, 11))
    given = model.predict_all(frames)
    expected = reference.step_loop(model, frames, steps=6)
    np.testing.assert_allclose(given, expected, atol=1e-5)
    assert model.count_params() > plain.count_params()
    assert model.get_config()["motion"] is True


@pytest.mark.parametrize("name", ["trajgru", "convgru"])
def test_motion_and_decoupling_need_their_cells(name):
    with pytest.raises(ValueError, match="output_gate. Received: "):
        tiny(name, filters=4, motion=True)
    with pytest.raises(ValueError, match="delta_c.*Received: "):
        tiny(name, decoupling_weight=0.1)


def test_motion_can_be_left_out():
    model = tiny("motionrnn", filters=4, motion=False)
    assert model.count_params() == tiny("mim", filters=4).count_params()
