import functools

import keras
import pytest

from msrnn_keras import ScheduledSampling, losses
from msrnn_keras.layers.rematerialization import REMAT, Remat
from tests.descriptors import BY_NAME
from tests.reference import assert_close, assert_equal, clips

BACKEND = keras.backend.backend()
FRAMES = clips(length=3, size=(8, 8))  # context 2, horizon 2, without the last
FUTURE = clips(length=2, size=(8, 8), seed=1)
# The plain form of a cell does nothing more.
NAMES = [name for name in BY_NAME if name.startswith("ms-")]
SCALES = (1, 2, 1)
if BACKEND != "torch":  # Compiling takes long.
    NAMES = ["ms-convlstm", "ms-motionrnn", "ms-predrnn-v2"]
    SCALES = (1, 1)


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
@pytest.mark.parametrize("name", NAMES)
def test_training_gives_the_same(name, remat):
    check_same(trained(name, remat), trained(name, None))


def test_the_same_frames_are_sampled():
    sampling = ScheduledSampling(0.5, 0.5)
    results = [trained("ms-convlstm", r, sampling) for r in (None, "step")]
    check_same(*results)
    assert results[0][0] != trained("ms-convlstm", None)[0]


@pytest.mark.skipif(BACKEND != "torch", reason="counts what PyTorch saves")
@pytest.mark.parametrize(("remat", "share"), [("layer", 0.6), ("step", 0.4)])
def test_pytorch_saves_less(remat, share):
    import torch

    def saved(remat):
        """Bytes of all tensors that the gradient reads, each once."""
        model = small(context=5, horizon=5, remat=remat)
        storages = {}

        def keep(x):
            storage = x.untyped_storage()
            storages[storage.data_ptr()] = storage  # kept, so not used again
            return x

        with torch.autograd.graph.saved_tensors_hooks(keep, lambda x: x):
            model(clips(length=9, size=(8, 8)), training=True)
        return sum(storage.nbytes() for storage in storages.values())

    assert saved(remat) < share * saved(None)


@pytest.mark.skipif(BACKEND != "jax", reason="counts what JAX keeps")
@pytest.mark.parametrize(("remat", "share"), [("layer", 0.6), ("step", 0.4)])
def test_jax_keeps_less(remat, share):
    import jax

    def kept(remat):
        """Bytes of the arrays between forward and backward pass."""
        model = small(context=5, horizon=5, remat=remat)
        others = [w.value for w in model.non_trainable_variables]

        def forecast(weights):
            frames = clips(length=9, size=(8, 8))
            call = model.stateless_call(weights, others, frames, training=True)
            return call[0]

        weights = [w.value for w in model.trainable_variables]
        _, gradient = jax.vjp(forecast, weights)
        return sum(x.nbytes for x in jax.tree.leaves(gradient))

    assert kept(remat) < share * kept(None)


@pytest.mark.skipif(BACKEND != "tensorflow", reason="counts nodes of its graph")
def test_the_loop_of_tensorflow_keeps_fewer_tensors():
    import tensorflow as tf

    def kept(remat):
        """How many maps of each step the loop keeps."""
        model = small(remat=remat, scales=(1, 2, 1))

        @tf.function(autograph=False)
        def gradient(frames):
            with tf.GradientTape() as tape:
                loss = tf.reduce_sum(model(frames, training=True))
            return tape.gradient(loss, model.trainable_weights)

        spec = tf.TensorSpec(FRAMES.shape)
        graph = gradient.get_concrete_function(spec).graph.as_graph_def()
        functions = [f.node_def for f in graph.library.function]
        kept = [
            node.input[1]
            for nodes in functions
            for node in nodes
            if node.op == "TensorListPushBack"
        ]
        return sum("ReadVariableOp" not in name for name in kept)

    plain, layer, step = map(kept, REMAT)
    assert 0 < step < layer < 0.6 * plain
    assert step < 0.4 * plain


@pytest.mark.parametrize("remat", ["steps", True, 1])
def test_another_value_is_refused(remat):
    with pytest.raises(ValueError, match=f"'step'.*Received: remat={remat!r}$"):
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
