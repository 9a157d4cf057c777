"""The checks that every architecture passes."""

import functools
import os
import subprocess
import sys

import keras
import numpy as np
import pytest

import msrnn_keras
from msrnn_keras import MSStack, ScheduledSampling, losses
from msrnn_keras.models.architectures import ARCHITECTURES, CELL_SPECS
from tests import reference
from tests.descriptors import ARCHITECTURES as DESCRIPTORS
from tests.descriptors import BY_NAME, MULTI_SCALE, NETWORKS, each
from tests.reference import assert_close, assert_equal, clips, numpy

FRAMES = clips(batch=3, length=3, size=(8, 8))
GROWING = ("motionrnn", "preciplstm")  # whose states grow the most
with_golden = [descriptor for descriptor in DESCRIPTORS if descriptor.golden]
# Compiling takes long; the golden values are tested on all backends.
SOME = ("ms-convlstm", "ms-motionrnn", "ms-preciplstm")
every_cell = each(MULTI_SCALE, everywhere=SOME)
SKIPS = ("none", "add", "unet3+")
JAX_X64 = keras.backend.backend() != "jax" or os.getenv("JAX_ENABLE_X64") == "1"


def small(descriptor, **options):
    return descriptor.small(**{"context": 3, **options})


def forecast(model, frames):
    """Forecast in the way that is fastest for one small batch."""
    if keras.backend.backend() == "jax":
        return model.predict(frames, verbose=0)
    return numpy(model(frames))


@functools.cache
def forecast_of(name):
    """Return a small model and its forecast of `FRAMES`. Do not change it."""
    model = small(BY_NAME[name])
    return model, forecast(model, FRAMES)


@pytest.mark.backend_free
@pytest.mark.parametrize("name", CELL_SPECS)
def test_parameters_at_the_published_size(name):
    networks = [descriptor.name for descriptor in NETWORKS]
    assert sorted([*BY_NAME, *networks]) == sorted(ARCHITECTURES)
    count = msrnn_keras.create(name).count_params()
    assert count == BY_NAME[name].parameters


@pytest.mark.parametrize("descriptor", with_golden, ids=lambda x: x.name)
def test_golden_values(descriptor):
    model, frames, truth, distances = reference.golden_model(descriptor)
    given = model.predict_all(frames)
    assert given.shape == truth.shape
    assert_close(given, truth, atol=1e-4)
    assert_close(model.decoupling_distances(frames), distances, atol=1e-4)


@every_cell
def test_rollout_equals_a_loop_over_the_cells_at_odd_sizes(descriptor):
    model, _ = forecast_of(descriptor.name)
    frames = clips(length=3, size=(9, 7))
    expected = reference.step_loop(model, frames, steps=4)
    assert_close(model.predict_all(frames), expected, atol=1e-5)


@pytest.mark.parametrize(
    "skips",
    ["fc", *(pytest.param(s, marks=pytest.mark.backend_free) for s in SKIPS)],
)
def test_memory_flows_zigzag_in_every_topology(skips):
    model = reference.tiny("ms-predrnn", skips=skips, image_shape=(8, 8, 1))
    frames = clips(length=4, size=(8, 8))
    expected = reference.step_loop(model, frames, steps=6)
    assert_close(model.predict_all(frames), expected, atol=1e-5)


@every_cell
def test_save_and_load(descriptor, tmp_path):
    model = small(descriptor, sampling=ScheduledSampling.linear(9))
    model.compile("adam", loss=losses.FrameL1L2Loss())
    expected = forecast(model, FRAMES)
    model.save(tmp_path / "m.keras")
    twin = keras.saving.load_model(tmp_path / "m.keras")
    assert type(twin) is MSStack
    assert twin.get_config() == model.get_config()
    assert isinstance(twin.loss, losses.FrameL1L2Loss)
    assert_close(forecast(twin, FRAMES), expected, atol=1e-6)
    assert len(twin.trainable_weights) == len(model.trainable_weights) > 0


@every_cell
def test_every_output_channel_of_every_weight_gets_a_gradient(descriptor):
    model = small(descriptor)
    model.compile(keras.optimizers.SGD(1e3), loss=losses.FrameL1L2Loss())
    # With the small initial weights, deep gradients are below the resolution
    # of the weights.
    rng = np.random.default_rng(0)
    before = [rng.normal(size=w.shape) / 2 for w in model.weights]
    model.set_weights(before)
    frames = clips(length=5, size=(8, 8))
    loss = model.train_on_batch(frames[:, :3], frames[:, 3:])
    assert np.isfinite(loss)
    for weight, old in zip(model.weights, before, strict=True):
        new = numpy(weight)
        assert np.isfinite(new).all()
        changed = new != old.astype("float32")
        if weight.path.endswith("to_qkv/bias"):
            # A bias of the keys adds the same number to all scores of a query.
            query, _, value = np.split(changed, 3)
            changed = np.concatenate([query, value])
        # Output channels are last, but second to last in transposed ones.
        for axis in range(max(0, changed.ndim - 2), changed.ndim):
            others = tuple(i for i in range(changed.ndim) if i != axis)
            assert changed.any(axis=others).all(), weight.path


@every_cell
def test_samples_do_not_see_each_other(descriptor):
    model, together = forecast_of(descriptor.name)
    others = np.concatenate([1 - FRAMES[:1], FRAMES[1:2], 0 * FRAMES[:1]])
    given = forecast(model, others)
    assert_close(together[1], given[1], atol=1e-5)
    assert np.abs(together[0] - given[0]).max() > 1e-4


@each(MULTI_SCALE[:5], everywhere=SOME)
def test_the_same_seed_gives_the_same_training_forecast(descriptor):
    frames = clips(batch=4, length=4, size=(8, 8))
    first, twin, other = (
        small(descriptor, sampling=ScheduledSampling(0.5, 0.5), seed=seed)
        for seed in (7, 7, 8)
    )
    given = first(frames, training=True)
    assert_equal(given, twin(frames, training=True))
    assert_equal(first.get_weights(), twin.get_weights())
    kernels = [m.get_layer("rollout").weights[0] for m in (first, other)]
    assert (numpy(kernels[0]) != numpy(kernels[1])).any()


@every_cell
def test_mixed_precision_is_close_and_gives_float32(descriptor):
    model, expected = forecast_of(descriptor.name)
    mixed = small(descriptor, dtype="mixed_bfloat16")
    mixed.set_weights(model.get_weights())
    given = forecast(mixed, FRAMES)
    assert given.dtype == "float32"
    assert_close(given, expected, atol=0.05)
    assert np.abs(given - expected).max() > 0


@pytest.mark.parametrize(
    ("name", "policy", "steps"),
    [
        *((name, "float32", 200) for name in GROWING),
        *(
            pytest.param(n, "mixed_float16", 60, marks=pytest.mark.backend_free)
            for n in CELL_SPECS
        ),
    ],
)
def test_long_streams_and_forecasts_stay_finite(name, policy, steps):
    model = small(BY_NAME[name], scales=(1, 1), dtype=policy)
    # Without a window all states are carried on.
    stream = model.stream(window=None)
    for t in range(steps // 2):
        stream.update(FRAMES[0, t % 3])
    assert np.isfinite(stream.forecast(steps // 2)).all()
    for state in stream._states:
        assert np.isfinite(numpy(keras.ops.cast(state, "float32"))).all()


@pytest.mark.skipif(not JAX_X64, reason="run by the test in a subprocess")
@every_cell
def test_float64(descriptor):
    model = small(descriptor, dtype="float64")
    frames = clips(1, 3, (8, 8)).astype("float64")
    step = 1e-6 * np.random.default_rng(1).normal(size=frames.shape)
    # One call for all three; `predict` would cast them to `floatx`.
    y = numpy(model(np.concatenate([frames + i * step for i in range(3)])))
    assert y.dtype == "float64"
    slope = np.abs(y[1] - y[0]).max()
    curvature = np.abs(y[2] - 2 * y[1] + y[0]).max()
    # A float32 in between would leave its rounding error in the curvature.
    assert slope > 1e-10
    assert curvature < 1e-3 * slope


@pytest.mark.skipif(JAX_X64, reason="needs no other process")
def test_float64_on_jax():
    chosen = ("-k", "float64", "-m", "not backend_free")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", __file__, *chosen],
        env={**os.environ, "JAX_ENABLE_X64": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-4000:]
    assert f"{len(SOME)} passed" in done.stdout
