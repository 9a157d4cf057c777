"""The checks that every `Forecaster` passes, with and without states."""

import concurrent.futures
import types
import warnings

import keras
import numpy as np
import pytest

import msrnn_keras
from msrnn_keras import Forecaster, losses
from msrnn_keras.presets import loading, registry, saving
from tests.models.forecasters import MAKERS, OneConvolution, one_convolution
from tests.reference import assert_close, assert_equal, clips, numpy, short

PAST, FUTURE = clips(length=4), clips(length=3, seed=1)
EIGHT = clips(length=8)


@pytest.fixture(params=MAKERS)
def make(request):
    return MAKERS[request.param]


@pytest.fixture
def model(make):
    return make()


@pytest.fixture(params=[*MAKERS, "along the motion"])
def any_model(request):
    if request.param in MAKERS:
        return MAKERS[request.param]()
    return msrnn_keras.Lagrangian(short(missing="mask", residual=True))


@pytest.fixture(scope="module")
def stateless():
    model = one_convolution()
    model.compile("sgd", loss="mse")
    return model


def test_predict_is_the_graph_and_reads_the_context_alone(model):
    given = model.predict(PAST, verbose=0)
    assert given.shape == FUTURE.shape
    assert_close(given, numpy(model(PAST)), atol=1e-5)
    assert_close(model.predict_on_batch(PAST), given, atol=1e-6)
    teacher = np.concatenate([PAST, FUTURE[:, :-1]], axis=1)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message="The model reads")
        assert_close(model.predict(teacher, verbose=0), given)
    assert_close(numpy(model(teacher)), given, atol=1e-5)
    with pytest.warns(UserWarning, match=r"model.forecast.*Received: 5"):
        model.predict(clips(length=5), verbose=0)


def test_forecast_of_any_horizon(any_model):
    model = any_model
    long = model.forecast(PAST, horizon=8)
    assert long.shape == (2, 8, 16, 16, 1)
    for horizon in (1, 3):
        short = model.forecast(PAST, horizon=horizon)
        assert_close(short, long[:, :horizon], atol=1e-6)
    assert_close(long[:, :3], model.predict(PAST, verbose=0), atol=1e-6)
    for horizon in (0, -3, 2.5, True):
        with pytest.raises(ValueError, match="positive.*Received: horizon="):
            model.forecast(PAST, horizon=horizon)


def test_without_states_the_last_frames_count_and_predictions_feed_back(
    stateless,
):
    given = stateless.forecast(EIGHT, horizon=5)
    first = stateless.predict(EIGHT[:, 4:], verbose=0)
    window = np.concatenate([EIGHT[:, 7:], first], axis=1)
    second = stateless.predict(window, verbose=0)
    expected = np.concatenate([first, second[:, :2]], axis=1)
    assert_close(given, expected, atol=1e-6)


def test_what_a_model_without_states_refuses(stateless):
    three = PAST[:, :3]
    for method in (
        lambda: stateless(three),
        lambda: stateless.predict(three),
        lambda: stateless.forecast(three),
        lambda: stateless.fit(three, FUTURE),
        lambda: stateless.evaluate(x for x in [(three, FUTURE)]),
    ):
        with pytest.raises(ValueError, match="at least 4 frames.*Received"):
            method()
    assert short().forecast(three).shape == FUTURE.shape
    with pytest.raises(NotImplementedError, match="Received: OneConvolution"):
        stateless.predict_all(PAST)


def test_the_window_of_a_model_without_states_is_its_context(
    stateless, tmp_path
):
    stream = stateless.stream()
    assert stream.window == 4
    for frame in PAST[0, :3]:
        stream.update(frame)
    with pytest.raises(ValueError, match="at least 4 frames.*Received"):
        stream.forecast(1)
    expected = stateless.forecast(PAST[:1], horizon=2)[0]
    assert_close(stream.update(PAST[0, 3]).forecast(2), expected, atol=1e-6)
    stream.save(tmp_path / "stream.npz")
    again = one_convolution().load_stream(tmp_path / "stream.npz")
    assert_equal(again.forecast(5), stream.forecast(5))
    for window in (None, 3, 8):
        with pytest.raises(ValueError, match=f"Received: window={window}"):
            stateless.stream(window)


def test_save_and_load(any_model, tmp_path):
    model = any_model
    model.value_range = (-1, 2)
    model.save(tmp_path / "m.keras")
    twin = keras.saving.load_model(tmp_path / "m.keras")
    assert type(twin) is type(model)
    assert twin.get_config() == model.get_config()
    assert twin.value_range == (-1.0, 2.0)
    given = twin.predict(PAST, verbose=0)
    assert_close(given, model.predict(PAST, verbose=0), atol=1e-6)


@pytest.mark.backend_free
@pytest.mark.parametrize(
    "options, message",
    [
        ({"context": 0}, "positive.*Received: context=0"),
        ({"horizon": True}, "positive.*Received: horizon=True"),
        ({"image_shape": (16, 16)}, "channels.*Received: image_shape="),
        ({"missing": "zero"}, "mask.*Received: missing='zero'"),
    ],
)
def test_shared_arguments_are_checked(options, message):
    sizes = {"image_shape": (8, 8, 1), "context": 2, "horizon": 2}
    frames = Forecaster.frames_input((8, 8, 1))
    with pytest.raises(ValueError, match=message):
        Forecaster(frames, frames[:, :2], **{**sizes, **options})
    with pytest.raises(ValueError, match=message):
        short(**options)


@pytest.mark.backend_free
def test_presets(stateless, monkeypatch, tmp_path):
    calls = []

    def load(*args, **kwargs):
        calls.append((args, kwargs))
        return stateless

    monkeypatch.setattr(loading, "load_preset", load)
    monkeypatch.setattr(saving, "save_preset", lambda *a: calls.append(a))
    assert OneConvolution.from_preset("ms-convlstm/mnist", horizon=2)
    OneConvolution.from_preset("./folder", load_weights=False)
    stateless.save_to_preset(tmp_path)
    options = {"model_class": OneConvolution}
    assert calls == [
        (("ms-convlstm/mnist", True), {**options, "horizon": 2}),
        (("./folder", False), options),
        (stateless, tmp_path),
    ]
    names = ["ms-convlstm/mnist/small", "other/mnist/a", "predrnn/kth/b"]
    library = types.SimpleNamespace(names=lambda: names)
    monkeypatch.setattr(registry, "Library", lambda: library, raising=False)
    assert msrnn_keras.MSStack.presets == [names[0], names[2]]
    assert OneConvolution.presets == names[:1]
    assert Forecaster.presets == []
    assert not hasattr(stateless, "presets")


def test_fit_and_evaluate(make):
    model = make()
    model.compile(keras.optimizers.Adam(1e-2), loss=losses.FrameL1L2Loss())
    history = model.fit(
        PAST, FUTURE, validation_data=(PAST, FUTURE), epochs=4, verbose=0
    ).history
    assert history["loss"][-1] < history["loss"][0]
    error = FUTURE - model.predict(PAST, verbose=0)
    expected = (error**2 + np.abs(error)).sum((2, 3, 4)).mean()
    given = model.evaluate(PAST, FUTURE, verbose=0)
    assert given == pytest.approx(expected, rel=1e-4)
    assert history["val_loss"][-1] == pytest.approx(given, rel=1e-4)
    assert model.test_on_batch(PAST, FUTURE) == pytest.approx(given, rel=1e-4)


@pytest.mark.backend_free
def test_value_range_and_quantize(any_model):
    model = any_model
    model.value_range = (0, 1)
    with pytest.raises(ValueError, match=r"\[0, 1\].*Received: values"):
        model.forecast(2 * PAST)
    with pytest.raises(ValueError, match="Received: value_range="):
        model.value_range = (0, np.nan)
    with pytest.raises(NotImplementedError, match="Received: mode='int8'"):
        model.quantize("int8")


def test_threads_share_a_model(model):
    past = clips(batch=4, length=model.context)

    def work(number):
        window = past[number % 4][None]
        stream = model.stream()
        for frame in window[0]:
            stream.update(frame)
        return [
            model.predict(window, verbose=0),
            model.forecast(window, horizon=model.horizon + 1)[:, :-1],
            stream.forecast(model.horizon)[None],
        ]

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        found = list(pool.map(work, range(8)))
    for number, results in enumerate(found):
        expected = model.predict(past[number % 4][None], verbose=0)
        for result in results:
            assert_close(result, expected, atol=1e-6)
