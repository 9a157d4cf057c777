import collections

import keras
import pytest

from msrnn_keras.layers import Conv2D, kernels
from tests.gradients import random
from tests.reference import assert_close, assert_equal, clips, numpy, tiny

SMALL = {"image_shape": (8, 8, 1), "scales": (1, 1), "filters": 4}


@pytest.fixture
def made(monkeypatch):
    counts = collections.Counter()
    original = Conv2D.make_kernel

    def counted(self):
        counts[id(self)] += 1
        return original(self)

    monkeypatch.setattr(Conv2D, "make_kernel", counted)
    return counts


@pytest.mark.parametrize("training", [False, True])
def test_a_loop_makes_each_kernel_once(made, training):
    model = tiny("ms-predrnn-v2", **SMALL)
    makers = kernels.kernel_makers(model._rollout.rnn.cell)
    assert len(makers) == 2 + 1 + 2 * 6  # embed, head, adapter, cells
    made.clear()
    model(clips(length=6, size=(8, 8)), training=training)
    assert made == {id(maker): 1 for maker in makers}


def test_kernels_are_held_and_released(made):
    conv = Conv2D(2, 3, padding="same")
    conv.build((None, 4, 4, 3))
    twice = 2 * numpy(conv.kernel)
    x = random(1, 4, 4, 3)
    made.clear()
    plain = numpy(conv(x))
    with kernels.using_kernels([conv], [keras.ops.convert_to_tensor(twice)]):
        assert_close(conv(x), 2 * plain, atol=1e-5)
        with kernels.cached_kernels(conv):
            assert_close(conv(x), plain, atol=1e-5)
            assert [w.name for w in conv.weights] == ["kernel", "bias"]
        assert_close(conv(x), 2 * plain, atol=1e-5)
    assert_close(conv(x), plain, atol=1e-5)
    # Outside of a loop each call makes one.
    assert made == {id(conv): 3}


def test_a_failed_step_leaves_no_kernel_behind(monkeypatch):
    model, twin = tiny(**SMALL), tiny(**SMALL)
    frames = clips(length=4, size=(8, 8))

    def fail(*args, **kwargs):
        raise RuntimeError("stop")

    with monkeypatch.context() as patch, pytest.raises(RuntimeError):
        patch.setattr(type(model._rollout.rnn.cell), "call", fail)
        model(frames)
    start = twin.get_weights()
    for factor in (0.5, 2.0):
        for other in (model, twin):
            other.set_weights([factor * w for w in start])
        assert_equal(model(frames), twin(frames))
