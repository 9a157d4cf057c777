import keras
import pytest
from keras import ops

from msrnn_keras.layers.linear import Linear, scaled
from tests.gradients import gradients, kept_by_a_loop, random
from tests.reference import assert_close

MATRIX = random(4, 3, seed=1)


def times_matrix(x):
    return Linear(
        lambda x: ops.matmul(x, ops.convert_to_tensor(MATRIX)),
        lambda y: ops.matmul(y, ops.convert_to_tensor(MATRIX.T)),
    )(x)


def test_computes_the_function_and_its_gradient_is_the_transpose():
    x, upstream = random(2, 4), random(2, 3, seed=2)
    given = times_matrix(ops.convert_to_tensor(x))
    assert_close(given, x @ MATRIX, atol=1e-5)
    (given,) = gradients(times_matrix, upstream, x)
    assert_close(given, upstream @ MATRIX.T, atol=1e-5)


def test_scaled():
    x, upstream = random(2, 4), random(2, 4, seed=2)
    assert_close(scaled(ops.convert_to_tensor(x), 0.25), x / 4)
    (given,) = gradients(lambda x: scaled(x, 0.25), upstream, x)
    assert_close(given, upstream / 4)


def test_symbolic_shapes():
    assert times_matrix(keras.KerasTensor((2, 4))).shape == (2, 3)
    x = keras.KerasTensor((None, 4), "bfloat16")
    assert scaled(x, 0.5).shape == (None, 4)
    assert scaled(x, 0.5).dtype == "bfloat16"


@pytest.mark.skipif(
    keras.backend.backend() != "tensorflow",
    reason="TensorFlow alone keeps what a constant was multiplied with.",
)
def test_a_loop_keeps_nothing_for_the_gradient():
    import tensorflow as tf

    for step, count in (
        (lambda y: 0.5 * y, 1),
        (tf.tanh, 1),
        (lambda y: scaled(y, 0.5), 0),
    ):

        def total(x, step=step):
            return tf.while_loop(
                lambda i, _: i < 5, lambda i, y: (i + 1, step(y)), (0, x)
            )[1]

        assert len(kept_by_a_loop(total, (2, 4))) == count
