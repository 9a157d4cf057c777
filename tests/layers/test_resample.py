import keras
import pytest

from msrnn_keras.layers import Resample
from msrnn_keras.layers.linear import Linear
from tests import reference
from tests.gradients import gradients, random
from tests.reference import assert_close, numpy


@pytest.mark.parametrize(
    ("source", "target"), [(1, 2), (1, 4), (2, 4), (2, 1), (4, 1), (3, 1)]
)
def test_equals_the_reference(source, target):
    x = reference.clips(2, 1, (12, 8), 3)[:, 0]
    given = numpy(Resample(source, target)(x))
    assert_close(given, reference.resample(x, source, target), atol=1e-6)


@pytest.mark.parametrize("factor", [2, 3])
def test_gradients_are_those_of_the_plain_sums(monkeypatch, factor):
    x, upstream = random(2, 1, 5, 2), random(2, factor, 5 * factor, 2, seed=1)
    (given,) = gradients(Resample(factor, 1), upstream, x)
    monkeypatch.setattr(Linear, "call", lambda self, x: self.function(x))
    (expected,) = gradients(Resample(factor, 1), upstream, x)
    assert_close(given, expected, atol=1e-5)


def test_symbolic_shapes_and_refusals():
    x = keras.Input((12, None, 3))
    assert Resample(2, 1)(x).shape == (None, 24, None, 3)
    assert Resample(1, 4)(x).shape == (None, 3, None, 3)
    with pytest.raises(ValueError, match="Received: source=2, target=3"):
        Resample(2, 3)
