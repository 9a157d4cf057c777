import keras
import numpy as np
import pytest

import msrnn_keras
from msrnn_keras.backend import compiled_step
from tests.reference import assert_close, clips, numpy, short

CALLS = 30
COMPILATIONS = 8  # as many as 1,000 calls may take


def small():
    return msrnn_keras.create(
        "convlstm", image_shape=(4, 4, 1), filters=2, scales=(1,), horizon=2
    )


@pytest.fixture
def compilations():
    """The names of what JAX compiled since, in a list that grows."""
    names = []
    if keras.backend.backend() != "jax":
        yield names
        return
    import jax

    def listen(name, *args, **kwargs):
        if name == "/jax/core/compile/backend_compile_duration":
            names.append(name)

    jax.monitoring.register_event_duration_secs_listener(listen)
    yield names
    jax.monitoring.unregister_event_duration_listener(listen)


def test_calls_of_any_batch_and_length_compile_a_few_times(compilations):
    model, rng = small(), np.random.default_rng(0)
    compilations.clear()  # those of the weights' initial values
    model.forecast(clips(1, 1, (4, 4)), horizon=1)
    step = model._stepper._step
    for _ in range(CALLS):
        batch, length, horizon = rng.integers(1, (40, 15, 9))
        past = rng.random((batch, length, 4, 4, 1), dtype="float32")
        if horizon == 1 and length <= model.context:
            model.predict(past, verbose=0)
        else:
            model.forecast(past, horizon=int(horizon))
    if keras.backend.backend() == "jax":
        assert 2 <= len(compilations) <= COMPILATIONS
    model.set_weights([2 * w for w in model.get_weights()])
    model.compile("sgd", loss="mse")
    model.train_on_batch(past[:, :1], clips(len(past), 2, (4, 4)))
    model.forecast(past)
    assert model._stepper._step is step
    if keras.backend.backend() == "tensorflow":
        assert step.experimental_get_tracing_count() == 1


@pytest.mark.skipif(keras.backend.backend() != "jax", reason="of JAX alone")
def test_the_steps_of_a_few_sizes_are_kept(compilations, monkeypatch):
    monkeypatch.setattr(compiled_step, "SHAPES", 2)
    model, counts = small(), []
    for side in (4, 5, 4, 6, 4, 6):
        before = len(compilations)
        model.forecast(clips(1, 1, (side, 4)), horizon=2)
        counts.append(len(compilations) > before)
    assert counts == [True, True, False, True, True, False]


def test_each_clip_is_forecast_as_if_alone():
    model, past = short(), clips(3, 3)
    together = model.forecast(past, horizon=2)
    assert together.shape == (3, 2, *past.shape[2:])
    alone = [model.forecast(clip[None], horizon=2) for clip in past]
    assert_close(together, np.concatenate(alone), atol=1e-6)
    pairs = model.predict(past, batch_size=2, verbose=0)
    assert_close(pairs[:, :2], together, atol=1e-6)


def convolution(model):
    return model._stepper.cell.wiring.cells[1].h_to_gates


def agrees_with_the_model(model, past):
    """The forecast, which must be that of the model called anew."""
    given = model.predict(past, verbose=0)
    expected = numpy(model(past))
    assert_close(given, expected, atol=1e-6)
    return given


def test_a_change_of_the_layers_counts_at_once(tmp_path):
    model, past = short(scales=(1, 1)), clips(2, 3)
    model.compile("sgd", loss="mse")
    plain = agrees_with_the_model(model, past)
    future = clips(2, 3, seed=1)
    model.evaluate(past, future, verbose=0)
    conv = convolution(model)
    # The values start at zero: only the layer differs.
    conv.enable_lora(2)
    assert_close(agrees_with_the_model(model, past), plain, atol=1e-6)
    rng = np.random.default_rng(0)
    for weight in (conv.lora_kernel_a, conv.lora_kernel_b):
        weight.assign(rng.normal(size=weight.shape))
    adapted = agrees_with_the_model(model, past)
    assert np.abs(adapted - plain).max() > 1e-3
    # Keras has compiled functions of its own.
    loss = model.evaluate(past, future, verbose=0)
    assert loss == pytest.approx(np.square(adapted - future).mean(), rel=1e-4)
    # Saved weights hold the sum; loaded ones replace it.
    model.save_weights(tmp_path / "merged.weights.h5")
    twin = short(scales=(1, 1))
    agrees_with_the_model(twin, past)
    twin.load_weights(tmp_path / "merged.weights.h5")
    assert_close(agrees_with_the_model(twin, past), adapted, atol=1e-5)
    model.load_weights(tmp_path / "merged.weights.h5")
    assert_close(agrees_with_the_model(model, past), adapted, atol=1e-5)
    conv.activation = keras.activations.relu
    changed = agrees_with_the_model(model, past)
    assert np.abs(changed - adapted).max() > 1e-3


def test_a_stream_follows_a_change_of_the_layers():
    model, past = short(), clips(1, 1)
    stream = model.stream().update(past[:, 0])
    stream.forecast(2)
    conv = convolution(model)
    conv.enable_lora(2)
    conv.lora_kernel_b.assign(np.ones(conv.lora_kernel_b.shape))
    step = model._stepper.cell.model
    # One step from the states, which are from before the change.
    expected, *_ = step([stream._next, *stream._states])
    given = stream.forecast(2)
    assert_close(given[:, 1], numpy(expected), atol=1e-6)


@pytest.mark.backend_free
def test_callbacks_and_a_progress_bar_go_the_way_of_keras(capsys):
    model, past = small(), clips(4, 2, (4, 4))
    ended = []
    callback = keras.callbacks.LambdaCallback(
        on_predict_end=lambda logs: ended.append(True)
    )
    given = model.predict(past, verbose=0, callbacks=[callback])
    assert_close(given, model.predict(past, verbose=0), atol=1e-6)
    assert ended == [True]
    for verbose in (1, 0):
        model.predict(past, batch_size=2, verbose=verbose)
        assert ("2/2" in capsys.readouterr().out) is bool(verbose)
