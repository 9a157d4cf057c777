"""The checks that every architecture without states passes."""

import keras
import numpy as np
import pytest

import msrnn_keras
from msrnn_keras import convert, evaluation, losses, metrics
from msrnn_keras.cost import compare, estimate
from tests.descriptors import NETWORKS, each, every_network, some_networks
from tests.reference import assert_close, assert_equal, clips, numpy

FRAMES = clips(batch=3, length=5, size=(8, 8))
# It takes long to compile: PyTorch alone tests it.
MIXED = pytest.param("mixed_bfloat16", marks=pytest.mark.backend_free)
PAST, FUTURE = FRAMES[:, :2], FRAMES[:, 2:]


def perturbed(model, spread=0.5):
    """Give a model weights with which every part shows."""
    rng = np.random.default_rng(0)
    for weight in model.trainable_variables:
        weight.assign(rng.normal(size=weight.shape) * spread)
    return model


@every_network
@pytest.mark.backend_free
def test_parameters_and_flops_at_the_published_size(descriptor):
    model = msrnn_keras.create(descriptor.name)
    count = sum(np.prod(w.shape) for w in model.trainable_variables)
    assert count == descriptor.parameters
    # Ours count norms and activations too.
    flops = estimate.forecast_flops(model) / 1e9
    assert descriptor.gflops < flops < 1.02 * descriptor.gflops


@some_networks
def test_training_saving_and_loading(descriptor, tmp_path):
    model = perturbed(descriptor.small(), descriptor.spread)
    model.compile(keras.optimizers.SGD(1.0), loss=losses.FrameL1L2Loss())
    before = [numpy(w).copy() for w in model.trainable_variables]
    assert np.isfinite(model.train_on_batch(PAST, FUTURE))
    for weight, old in zip(model.trainable_variables, before, strict=True):
        new = numpy(weight)
        assert np.isfinite(new).all()
        changed = (new != old).reshape(-1, old.shape[-1]).any(axis=0)
        # ReLU leaves some units of a dense layer out.
        all_of_them = "squeeze" not in weight.path
        all_of_them &= "excite" not in weight.path
        assert changed.all() if all_of_them else changed.any(), weight.path
        weight.assign(old)
    model.save(tmp_path / "m.keras")
    twin = keras.saving.load_model(tmp_path / "m.keras")
    assert type(twin) is type(model)
    assert twin.get_config() == model.get_config()
    # A checkpoint of the published names holds all of it too.
    other = descriptor.small(seed=8)
    arrays = convert.export_torch_checkpoint(model)
    convert.load_torch_checkpoint(other, arrays)
    for one in (twin, other):
        for a, b in zip(one.weights, model.weights, strict=True):
            if "seed" not in a.path:
                assert_equal(a, b)


@every_network
@pytest.mark.backend_free
def test_a_loaded_model_forecasts_the_same(descriptor, tmp_path):
    model = perturbed(descriptor.small(), descriptor.spread)
    model.save(tmp_path / "m.keras")
    twin = keras.saving.load_model(tmp_path / "m.keras")
    far = model.forecast(PAST, horizon=7)
    assert_close(twin.predict(PAST, verbose=0), far[:, :3], atol=1e-6)


@every_network
@pytest.mark.backend_free
def test_odd_sizes_are_padded_and_cropped(descriptor):
    model = perturbed(descriptor.small(horizon=2))
    if not model.any_size:
        pytest.skip("its weights depend on the size")
    odd = PAST[:, :, :7, :5]
    given = model.predict(odd, verbose=0)
    assert given.shape == (3, 2, 7, 5, 1)
    padded = np.pad(odd, [(0, 0), (0, 0), (0, 1), (0, 1), (0, 0)])
    assert_close(given, model.predict(padded)[:, :, :7, :5], rtol=1e-5)
    free = descriptor.small(image_shape=(None, None, 1), horizon=2)
    free.set_weights(model.get_weights())
    assert_close(free.predict(odd, verbose=0), given, rtol=1e-5)


@every_network
@pytest.mark.backend_free
def test_samples_do_not_see_each_other(descriptor):
    model = perturbed(descriptor.small())
    together = model.predict(PAST, verbose=0)
    other = np.concatenate([1 - PAST[:1], PAST[1:]])
    given = model.predict(other, verbose=0)
    assert_close(given[1:], together[1:], rtol=1e-5, atol=1e-5)
    assert np.abs(given[0] - together[0]).max() > 1e-4


@every_network
@pytest.mark.backend_free
@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_is_close_and_gives_float32(descriptor, policy):
    model = descriptor.small()
    mixed = descriptor.small(dtype=policy)
    mixed.set_weights(model.get_weights())
    expected, given = (m.predict(PAST, verbose=0) for m in (model, mixed))
    assert given.dtype == "float32"
    assert_close(given, expected, atol=0.02 * np.abs(expected).max())
    assert np.abs(given - expected).max() > 0


@each(NETWORKS, ("tau",))
@pytest.mark.parametrize("policy", ["float32", MIXED])
def test_rematerialized_training_is_the_same(descriptor, policy):
    trained = []
    for remat in (None, "layer"):
        model = descriptor.small(remat=remat, dtype=policy)
        # L1 has a jump of its gradient, where rounding shows.
        loss = losses.FrameL1L2Loss(l1_weight=0.0)
        model.compile(keras.optimizers.SGD(1e-3), loss=loss)
        model.fit(PAST, FUTURE, epochs=2, batch_size=3, verbose=0)
        trained.append(model.get_weights())
    exact = policy == "float32"
    for a, b in zip(*trained, strict=True):
        a, b = (np.asarray(x, "float32") for x in (a, b))
        assert_close(a, b, rtol=1e-4, atol=1e-5 if exact else 1e-2)


@every_network
@pytest.mark.backend_free
def test_missing_pixels(descriptor):
    model = perturbed(descriptor.small(missing="mask"))
    model.compile("adam", loss=losses.FrameL1L2Loss())
    past, future = PAST.copy(), FUTURE.copy()
    past[0, 0, :3] = future[1, 1, 2:] = np.nan
    assert np.isfinite(model.train_on_batch(past, future))
    holes = model.predict(past, verbose=0)
    filled = model.predict(np.nan_to_num(past), verbose=0)
    assert np.isfinite(holes).all()
    assert np.abs(holes[0] - filled[0]).max() > 1e-4
    with pytest.raises(ValueError, match="Received: "):
        descriptor.small().predict(past, verbose=0)
    source = descriptor.small(seed=9)
    assert msrnn_keras.transfer_weights(source, model) == []
    expected = source.predict(PAST, verbose=0)
    assert_close(model.predict(PAST, verbose=0), expected, rtol=1e-4, atol=1e-5)


@every_network
@pytest.mark.backend_free
def test_summaries(descriptor, capsys):
    descriptor.small().summary()
    assert descriptor.layer in capsys.readouterr().out
    options = {**descriptor.options, **descriptor.deeper}
    options |= {"image_shape": (32, 32, 1), "context": 2}
    costs = compare.compare(descriptor.name, kernel_size=3, **options)
    again = compare.compare(descriptor.name, remat="layer", **options)
    assert again.plain.memory < costs.plain.memory
    lines = compare.table(costs).splitlines()
    assert lines[1].strip() == descriptor.name
    assert descriptor.setting in lines[0]


@every_network
@pytest.mark.backend_free
def test_the_window_of_a_stream(descriptor):
    model = perturbed(descriptor.small())
    stream = model.stream()
    for t in range(4):
        stream.update(FRAMES[0, t])
    expected = model.forecast(FRAMES[:1, 2:4], horizon=3)[0]
    assert_close(stream.forecast(3), expected, rtol=1e-5, atol=1e-6)
    with pytest.raises(ValueError, match="Received: "):
        model.predict(PAST[:, :1])


@pytest.mark.backend_free
def test_evaluation_scores_the_forecast_alone():
    descriptor = NETWORKS[0]
    model = descriptor.small()
    scores = evaluation.evaluate(model, (PAST, FUTURE), [metrics.MSE()])
    assert scores["forecast"]["mse"] > 0 and scores["ms-rnn"] == {"mse": None}
    assert len(scores["curves"]["mse"]) == 3
