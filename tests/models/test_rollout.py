import keras
import numpy as np
import pytest

from msrnn_keras import ScheduledSampling, losses
from tests import reference
from tests.reference import assert_close, assert_equal, clips, numpy, short

FREE = pytest.mark.backend_free
FRAMES = clips(length=6)  # context 4, horizon 3, without the last frame
FUTURE = clips(length=3, seed=1) / 4  # darker than the past


def training_call(model, frames=FRAMES):
    forecast = numpy(model(frames, training=True))
    return forecast, numpy(model._rollout.pop_warmup())


def counter(model):
    return int(numpy(model._rollout.counter))


def test_without_sampling_training_feeds_predictions():
    model = short()
    forecast, warmup = training_call(model)
    assert forecast.shape == warmup.shape == (2, 3, 16, 16, 1)
    expected = model.predict_all(FRAMES)
    assert_close(warmup, expected[:, :3], atol=1e-5)
    assert_close(forecast, expected[:, 3:], atol=1e-5)


def test_rate_one_is_teacher_forcing():
    model = short(sampling=ScheduledSampling(horizon_rate=1.0))
    forecast, _ = training_call(model)
    expected = reference.step_loop(short(context=6), FRAMES, steps=6)
    assert_close(forecast, expected[:, 3:], atol=1e-5)
    # Without a teacher, and in inference, predictions are fed.
    own = short().predict(FRAMES[:, :4], verbose=0)
    assert_close(model.predict(FRAMES, verbose=0), own, atol=1e-5)
    forecast, _ = training_call(model, FRAMES[:, :4])
    assert_close(forecast, own, atol=1e-5)


def test_context_rate_zero_feeds_predictions_after_the_first_frame():
    model = short(sampling=ScheduledSampling(context_rate=0.0))
    forecast, warmup = training_call(model)
    expected = short().forecast(FRAMES[:, :1], horizon=6)
    assert_close(warmup, expected[:, :3], atol=1e-5)
    assert_close(forecast, expected[:, 3:], atol=1e-5)


def test_frames_are_drawn_per_sample_and_step_at_the_given_rate():
    model = short(sampling=ScheduledSampling(0.7, 0.3))
    rollout = model._rollout
    frames = np.zeros((4000, 6, 1, 1, 1), "float32")
    drawn = numpy(rollout._draw(frames, rollout._span(frames), True))
    rates = drawn.mean(axis=0)
    assert_close(rates, [1, 0.7, 0.7, 0.7, 0.3, 0.3], atol=0.04)
    together = np.corrcoef(drawn[:, 1:].T) - np.eye(5)
    assert np.abs(together).max() < 0.08
    again = numpy(rollout._draw(frames, rollout._span(frames), True))
    assert (again != drawn).any()


def test_the_schedule_follows_a_counter_that_a_checkpoint_keeps(tmp_path):
    model = short(sampling=ScheduledSampling.linear(4))
    model.compile("sgd", loss="mse")
    assert counter(model) == 0
    x, y = np.repeat(FRAMES, 3, axis=0), np.repeat(FUTURE, 3, axis=0)
    model.fit(x, y, batch_size=2, epochs=2, verbose=0)
    assert counter(model) == 6
    model.evaluate(x, y, verbose=0)
    model.predict(x, verbose=0)
    assert counter(model) == 6
    frames = np.zeros((50, 6, 1, 1, 1), "float32")
    span = model._rollout._span(frames)
    assert not numpy(model._rollout._draw(frames, span, True))[:, 4:].any()
    model.save(tmp_path / "m.keras")
    twin = keras.saving.load_model(tmp_path / "m.keras")
    assert counter(twin) == counter(model) == 7  # one more was drawn
    states = [m._rollout.seed_generator.state.value for m in (twin, model)]
    assert_equal(numpy(states[0]), numpy(states[1]))
    # A preset has no counter.
    short().save_weights(tmp_path / "preset.weights.h5")
    model.load_weights(tmp_path / "preset.weights.h5")
    assert counter(model) == 7


def loss_of(model, x, y, **kwargs):
    model.compile(keras.optimizers.SGD(0.0), loss=losses.FrameL1L2Loss())
    return model.train_on_batch(x, y, **kwargs)


def frame_losses(y, p):
    error = np.abs(y - p)
    return (error**2 + error).sum(axis=(2, 3, 4))


@pytest.mark.parametrize("warmup", [True, pytest.param(False, marks=FREE)])
def test_training_learns_the_warm_up_as_well(warmup):
    model = short(warmup=warmup)
    predictions = model.predict_all(FRAMES)
    truth = np.concatenate([FRAMES[:, 1:4], FUTURE], axis=1)
    per_frame = frame_losses(truth, predictions)
    forecast = per_frame[:, 3:].mean()
    expected = per_frame.mean() if warmup else forecast
    given = loss_of(model, FRAMES[:, :4], FUTURE)
    assert_close(given, expected, rtol=1e-4)
    assert abs(per_frame.mean() - forecast) > 0.1
    evaluated = model.evaluate(FRAMES[:, :4], FUTURE, verbose=0)
    assert_close(evaluated, forecast, rtol=1e-4)


@pytest.mark.parametrize("shape", [pytest.param((2,), marks=FREE), (2, 3)])
def test_sample_weights_reach_every_frame(shape):
    model = short()
    weights = np.arange(1, 1 + np.prod(shape), dtype="float32").reshape(shape)
    predictions = model.predict_all(FRAMES)
    truth = np.concatenate([FRAMES[:, 1:4], FUTURE], axis=1)
    full = np.ones((2, 6))
    if len(shape) == 1:
        full *= weights[:, None]
    else:
        full[:, 3:] = weights
    expected = (full * frame_losses(truth, predictions)).mean()
    given = loss_of(model, FRAMES, FUTURE, sample_weight=weights)
    assert_close(given, expected, rtol=1e-4)


@pytest.mark.parametrize("warmup", [True, pytest.param(False, marks=FREE)])
def test_decoupling_loss_is_the_mean_of_the_distances(warmup):
    options = {"warmup": warmup, "scales": (1, 1)}
    model = short("predrnn-v2", **options)
    distances = model.decoupling_distances(FRAMES)
    assert distances.shape == (6, 2, 2, 2)
    assert 0 < distances.min() < distances.max() <= 1 + 1e-6
    one_by_one = model.decoupling_distances(FRAMES, batch_size=1)
    assert_close(one_by_one, distances, atol=1e-5)
    expected = 0.01 * distances.sum(axis=(1, 3)).mean()
    without = short("predrnn-v2", **options, decoupling_weight=0)
    assert not without.decoupling_distances(FRAMES).any()
    # The same weights, but for the adapter that comes first.
    shapes = [w.shape for w in without.weights]
    weights = [w for w in model.weights if "adapter" not in w.path]
    assert [w.shape for w in weights] == shapes
    without.set_weights([numpy(w) for w in weights])
    added = loss_of(model, FRAMES, FUTURE) - loss_of(without, FRAMES, FUTURE)
    assert_close(added, expected, rtol=1e-2)
    # Only in training.
    model, without = (
        m.evaluate(FRAMES, FUTURE, verbose=0) for m in (model, without)
    )
    assert_close(model, without, rtol=1e-6)


def test_decoupling_loss_has_a_gradient_into_the_cells():
    model = short("predrnn-v2", scales=(1, 1), decoupling_weight=1.0)

    def nothing(y, prediction):
        return 0.0 * keras.ops.sum(prediction, axis=(2, 3, 4))

    model.compile(keras.optimizers.Adam(1e-4), loss=nothing)
    before = model.get_weights()
    first = model.train_on_batch(FRAMES, FUTURE)
    for weight, old in zip(model.weights, before, strict=True):
        assert (numpy(weight) != old).any(), weight.path
    for _ in range(5):
        last = model.train_on_batch(FRAMES, FUTURE)
    assert last < first
