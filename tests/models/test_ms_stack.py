import inspect

import keras
import numpy as np
import pytest

import msrnn_keras
from msrnn_keras import MSStack, ScheduledSampling
from msrnn_keras.models.architectures import ARCHITECTURES
from tests import reference
from tests.reference import assert_close, clips, short, tiny

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
    "residual": True,
    "covariates": 2,
    "noise": True,
    "members": 3,
    "dtype": "mixed_bfloat16",
    "name": "other",
}


@pytest.fixture(scope="module")
def model():
    return short()


@pytest.mark.backend_free
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
    expected = {**CHANGED, "cell": "predrnn"}
    assert twin.dtype_policy.name == expected.pop("dtype")
    assert twin.sampling.rates(0) == expected.pop("sampling").rates(0)
    for name, value in expected.items():
        assert getattr(twin, name) == value
    # Its name in version 0.1.
    config = model.get_config()
    config["decoupling"] = config.pop("decoupling_weight")
    assert MSStack.from_config(config).decoupling_weight == 0.5


@pytest.mark.backend_free
@pytest.mark.parametrize("name", ["ms-convlstm", "ms-predrnn-v2"])
def test_summary_shows_the_layers_of_the_step(name):
    model, lines = tiny(name), []
    model.summary(line_length=120, print_fn=lines.append)
    text = "".join(lines)
    assert f'Model: "{name}"' in text
    for layer in model.step.layers:
        assert layer.name in text
    assert {f"layer_{i}" for i in range(6)} <= {
        x.name for x in model.step.layers
    }
    assert f"Total params: {model.count_params():,} " in text


def test_odd_sizes_equal_the_padded_frames():
    model = tiny(patch_size=2)
    past = clips(1, 4, (13, 15))
    # Zeros at the bottom and right change nothing as long as they are those
    # that padding adds: true for the first prediction only.
    padded = np.pad(past, ((0, 0), (0, 0), (0, 3), (0, 1), (0, 0)))
    given = model.forecast(past, horizon=1)
    assert given.shape == (1, 1, 13, 15, 1)
    expected = model.forecast(padded, horizon=1)[:, :, :13, :15]
    assert_close(given, expected, atol=1e-5)


def test_forecast_reads_any_number_of_frames_of_any_size(model):
    frames = clips(length=6)
    by_hand = short(context=6)
    by_hand.set_weights(model.get_weights())
    expected = by_hand.predict(frames, verbose=0)
    assert_close(model.forecast(frames), expected, atol=1e-6)
    past = clips(1, 4, (59, 61))
    assert model.predict(past, verbose=0).shape == (1, 3, 59, 61, 1)
    assert model.predict(clips(1, 1), verbose=0).shape == (1, 3, 16, 16, 1)


def test_xla_is_off_only_on_tensorflow_without_a_gpu(model):
    model.compile("adam", loss="mse")
    if BACKEND == "tensorflow":
        on = bool(keras.distribution.list_devices("gpu"))
        assert model.jit_compile is on
    if BACKEND == "jax":
        assert model.jit_compile is True


@pytest.mark.backend_free
def test_create_knows_names_in_any_spelling():
    model = msrnn_keras.create("MS_ConvLSTM", filters=2)
    assert (model.name, model.skips) == ("ms-convlstm", "add")
    assert model.scales == ARCHITECTURES["ms-convlstm"].options["scales"]
    assert msrnn_keras.create("convlstm", filters=2).skips == "none"
    for name in ("predrnn++", "PredRNN_plus_plus", "PredRNN-Plus-Plus"):
        model = msrnn_keras.create(name, filters=2)
        assert (model.cell, model.name) == ("predrnn++", "predrnn-plus-plus")
    model = msrnn_keras.create("MS_LSTM", filters=2)
    assert (model.cell, model.name) == ("mk-lstm", "ms-mk-lstm")


@pytest.mark.backend_free
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "ms-convlst"}, "ms-convlstm.*Received: 'ms-convlst'"),
        ({"scales": (1, 2, 1, 1)}, "read the same backwards.*Received: "),
        ({"scales": ()}, "one layer or more.*Received: "),
        ({"scales": (1, 0, 1)}, "positive.*Received: scales=0"),
        ({"skips": "dense"}, "none.*Received: skips='dense'"),
        ({"links": 3}, "no argument links.*Received: "),
        ({"decoupling_weight": -1.0}, "0 or more. Received: dec.*-1.0"),
    ],
)
def test_refuses_bad_arguments(options, message):
    with pytest.raises(ValueError, match=message):
        tiny(**options)


@pytest.mark.backend_free
def test_motion_goes_on_any_cell_with_an_output_gate():
    model = short("ms-predrnn", filters=4, motion=True)
    cells = model._stepper.cell.wiring.cells
    kinds = [isinstance(cell, msrnn_keras.MotionCell) for cell in cells]
    assert kinds == [True, True, False]
    frames = clips(length=4, size=(7, 5))
    given = model.predict_all(frames)
    expected = reference.step_loop(model, frames, steps=6)
    assert_close(given, expected, atol=1e-5)
    assert model.get_config()["motion"] is True


@pytest.mark.backend_free
def test_motion_and_decoupling_need_their_cells():
    for name in ("trajgru", "convgru"):
        with pytest.raises(ValueError, match="output_gate. Received: "):
            tiny(name, filters=4, motion=True)
        with pytest.raises(ValueError, match="delta_c.*Received: "):
            tiny(name, decoupling_weight=0.1)
    model = tiny("motionrnn", filters=4, motion=False)
    assert model.count_params() == tiny("mim", filters=4).count_params()


@pytest.mark.parametrize("options", [{}, {"missing": "mask", "patch_size": 2}])
def test_with_residual_a_step_adds_to_its_frame(options, tmp_path):
    frames = clips(length=4, size=(7, 5))
    last = frames[:, 3:].copy()
    if options:
        frames[:, 3, 2:4, 1] = last[:, :, 2:4, 1] = np.nan
        last = np.nan_to_num(last)
    model = short(residual=True, **options)
    assert_close(model.predict(frames, verbose=0), last.repeat(3, axis=1))
    plain = short(**options)
    assert "residual" not in plain.get_config()
    assert plain.count_params() == model.count_params()
    reference.randomize(plain, 0.1)
    model.set_weights(plain.get_weights())
    change = plain.forecast(frames, horizon=1)
    given = model.forecast(frames, horizon=2)
    assert_close(given[:, :1], last + change, atol=1e-5)
    stream = model.stream()
    for frame in frames[0]:
        stream.update(frame)
    assert_close(stream.forecast(2), given[0], atol=1e-5)
    model.save(tmp_path / "m.keras")
    twin = keras.saving.load_model(tmp_path / "m.keras")
    assert twin.residual and twin.get_config() == model.get_config()
    assert_close(twin.forecast(frames, horizon=2), given, atol=1e-5)
