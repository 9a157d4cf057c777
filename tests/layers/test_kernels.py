import collections

import keras
import numpy as np
import pytest

from msrnn_keras.layers import Conv2D
from msrnn_keras.layers.kernels import (
    CachedKernel,
    cached_kernels,
    kernel_makers,
    using_kernels,
)
from tests.gradients import random
from tests.reference import clips, tiny

SMALL = {"image_shape": (8, 8, 1), "scales": (1, 2, 1), "filters": 4}


@pytest.fixture
def made(monkeypatch):
    """How often each layer has made its kernel."""
    counts = collections.Counter()
    original = Conv2D.make_kernel

    def counted(self):
        counts[id(self)] += 1
        return original(self)

    monkeypatch.setattr(Conv2D, "make_kernel", counted)
    return counts


def numpy(x):
    return keras.ops.convert_to_numpy(x)


def built():
    conv = Conv2D(2, 3, padding="same")
    conv.build((None, 4, 4, 3))
    return conv


@pytest.mark.parametrize("training", [False, True])
def test_a_loop_makes_each_kernel_once(made, training):
    model = tiny("ms-predrnn-v2", **SMALL)
    makers = kernel_makers(model._rollout.rnn.cell)
    assert len(makers) == 2 + 1 + 3 * 6  # embed, head, adapter, cells
    made.clear()
    model(clips(length=6, size=(8, 8)), training=training)
    assert made == {id(maker): 1 for maker in makers}


def test_outside_of_a_loop_each_call_makes_one(made):
    conv, x = built(), random(1, 4, 4, 3)
    made.clear()
    conv(x)
    conv(x)
    assert made == {id(conv): 2}


def test_kernels_are_held_and_released():
    conv = built()
    twice = 2 * numpy(conv.kernel)
    x = random(1, 4, 4, 3)
    plain = numpy(conv(x))
    with using_kernels([conv], [keras.ops.convert_to_tensor(twice)]):
        np.testing.assert_allclose(numpy(conv(x)), 2 * plain, atol=1e-5)
        with cached_kernels(conv):
            np.testing.assert_allclose(numpy(conv(x)), plain, atol=1e-5)
        np.testing.assert_allclose(numpy(conv(x)), 2 * plain, atol=1e-5)
    np.testing.assert_allclose(numpy(conv(x)), plain, atol=1e-5)


def test_kernels_are_released_after_an_error():
    conv = built()
    x = random(1, 4, 4, 3)
    plain = numpy(conv(x))
    with pytest.raises(RuntimeError, match="stop"), cached_kernels(conv):
        raise RuntimeError("stop")
    conv.kernel.assign(3 * conv.kernel)
    np.testing.assert_allclose(numpy(conv(x)), 3 * plain, atol=1e-5)


def test_a_failed_step_leaves_no_kernel_behind(monkeypatch):
    model = tiny(**SMALL)
    frames = clips(length=4, size=(8, 8))
    cell = model._rollout.rnn.cell

    def fail(*args, **kwargs):
        raise RuntimeError("stop")

    with monkeypatch.context() as patch, pytest.raises(RuntimeError):
        patch.setattr(type(cell), "call", fail)
        model(frames)
    twin = tiny(**SMALL)
    for weights in (0.5, 2.0):
        for other in (model, twin):
            other.set_weights(
                [weights * w for w in tiny(**SMALL).get_weights()]
            )
        given, expected = (numpy(m(frames)) for m in (model, twin))
        np.testing.assert_array_equal(given, expected)


def test_each_call_sees_the_newest_weights():
    """Also jitted, where a held kernel would be a leaked tracer."""
    model, twin = tiny(**SMALL), tiny(**SMALL, seed=8)
    frames = clips(length=6, size=(8, 8))
    for m in (model, twin):
        m.compile(keras.optimizers.SGD(0.1), loss="mse")
    for batch in (2, 1):
        model.train_on_batch(frames[:batch], frames[:batch, :3])
        twin.set_weights(model.get_weights())
        given = model.predict(frames[:, :4], verbose=0)
        expected = twin.predict(frames[:, :4], verbose=0)
        np.testing.assert_allclose(given, expected, atol=1e-6)
        np.testing.assert_allclose(numpy(model(frames)), given, atol=1e-5)


def test_held_kernels_are_no_weights():
    conv = built()
    with cached_kernels(conv):
        assert [w.name for w in conv.weights] == ["kernel", "bias"]


def test_a_maker_must_say_how():
    class Empty(CachedKernel):
        pass

    with pytest.raises(NotImplementedError, match="Empty.*`make_kernel`"):
        Empty().make_kernel()
    with pytest.raises(NotImplementedError, match="Empty.*`kernel_weights`"):
        _ = Empty().kernel_weights
