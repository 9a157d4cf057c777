import functools

import keras
import pytest

from msrnn_keras import ScheduledSampling, losses
from msrnn_keras.layers.rematerialization import REMAT, Remat
from tests.descriptors import BY_NAME
from tests.gradients import kept_by_a_loop
from tests.reference import assert_close, assert_equal, clips

BACKEND = keras.backend.backend()
FRAMES = clips(length=3, size=(8, 8))  # context 2, horizon 2, without the last
FUTURE = clips(length=2, size=(8, 8), seed=1)
# Compiling takes long.
SCALES = (1, 2, 1) if BACKEND == "torch" else (1, 1)


def small(name="ms-convlstm", **options):
    return BY_NAME[name].small(**{"scales": SCALES, **options})


@functools.cache
def trained(name, remat, sampling=None):
    """Losses of two steps, the weights and a forecast after them."""
    model = small(name, remat=remat, sampling=sampling)
    model.compile(keras.optimizers.SGD(1e-3), loss=losses.FrameL1L2Loss())
    given = [model.train_on_batch(FRAMES, FUTURE) for _ in range(2)]
    assert given[1] != given[0]
    return given, model.get_weights(), model.predict(FRAMES[:, :2], verbose=0)


def check_same(results, expected):
    assert_close(results, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("remat", ["layer", "step"])
@pytest.mark.parametrize(
    "name",
    ["ms-predrnn-v2"]
    + [
        pytest.param(name, marks=pytest.mark.backend_free)
        for name in ("ms-motionrnn", "ms-preciplstm")
    ],
)
def test_training_gives_the_same(name, remat):
    check_same(trained(name, remat), trained(name, None))


@pytest.mark.backend_free
def test_the_same_frames_are_sampled():
    sampling = ScheduledSampling(0.5, 0.5)
    results = [trained("ms-convlstm", r, sampling) for r in (None, "step")]
    check_same(*results)
    assert results[0][0] != trained("ms-convlstm", None)[0]


def bytes_for_torch(model, frames):
    """Bytes of all tensors that the gradient reads, each once."""
    import torch

    storages = {}

    def keep(x):
        storage = x.untyped_storage()
        storages[storage.data_ptr()] = storage  # kept, so not used again
        return x

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda x: x):
        model(frames, training=True)
    return sum(storage.nbytes() for storage in storages.values())


def bytes_for_jax(model, frames):
    """Bytes of the arrays between forward and backward pass."""
    import jax

    others = [w.value for w in model.non_trainable_variables]

    def forecast(weights):
        return model.stateless_call(weights, others, frames, training=True)[0]

    weights = [w.value for w in model.trainable_variables]
    _, gradient = jax.vjp(forecast, weights)
    return sum(x.nbytes for x in jax.tree.leaves(gradient))


@pytest.mark.skipif(BACKEND == "tensorflow", reason="has a test of its own")
def test_less_is_kept_for_the_gradient():
    kept = {"torch": bytes_for_torch, "jax": bytes_for_jax}[BACKEND]
    frames = clips(length=9, size=(8, 8))
    plain, layer, step = (
        kept(small(context=5, horizon=5, remat=remat), frames)
        for remat in REMAT
    )
    assert layer < 0.6 * plain and step < 0.4 * plain


@pytest.mark.skipif(BACKEND != "tensorflow", reason="counts nodes of its graph")
def test_the_loop_of_tensorflow_keeps_fewer_tensors():
    def kept(remat):
        """How many maps of each step the loop keeps."""
        model = small(remat=remat, scales=(1, 2, 1))

        def total(frames):
            return keras.ops.sum(model(frames, training=True))

        names = kept_by_a_loop(total, FRAMES.shape, of=model.trainable_weights)
        return sum("ReadVariableOp" not in name for name in names)

    plain, layer, step = map(kept, REMAT)
    assert 0 < step < layer < 0.6 * plain
    assert step < 0.4 * plain


@pytest.mark.backend_free
def test_another_value_is_refused():
    for remat in ("steps", True, 1):
        with pytest.raises(ValueError, match=f"'step'.*ved: remat={remat!r}$"):
            small(remat=remat)


def test_values_and_symbolic_shapes_are_those_of_the_function():
    def function(x):
        doubled = 2 * x
        return doubled, keras.ops.sum(x, axis=-1), doubled

    operation = Remat(function)
    doubled, summed, again = operation(keras.ops.ones((2, 3)))
    assert_equal(summed, 3 * keras.ops.ones(2))
    assert_equal(doubled, again)
    doubled, summed, again = operation(keras.KerasTensor((2, 3)))
    assert (doubled.shape, summed.shape) == ((2, 3), (2,))
    assert doubled is again
