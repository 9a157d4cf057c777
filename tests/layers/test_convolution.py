import keras
import numpy as np
import pytest
from keras import ops

from msrnn_keras import ConvLSTMCell, ConvRNN
from msrnn_keras.layers import Conv2D, convolution
from msrnn_keras.layers.convolution import FoldableIdentity, convolve
from tests import reference
from tests.gradients import gradients, random
from tests.reference import assert_close, assert_equal, numpy

BACKEND = keras.backend.backend()
HAS_FLOAT64 = ops.ones((), dtype="float64").dtype != "float32"


def conv_gradients(x, kernel, upstream):
    """Gradients of a 'same' convolution, one place of the kernel at a time."""
    rows, columns = kernel.shape[:2]
    height, width = x.shape[1:3]
    pads = [((n - 1) // 2, n - 1 - (n - 1) // 2) for n in (rows, columns)]
    padded = np.pad(x, ((0, 0), *pads, (0, 0)))
    of_padded, of_kernel = np.zeros_like(padded), np.zeros_like(kernel)
    for row in range(rows):
        for column in range(columns):
            place = np.s_[:, row : row + height, column : column + width]
            of_padded[place] += upstream @ kernel[row, column].T
            of_kernel[row, column] = np.tensordot(
                padded[place], upstream, ((0, 1, 2), (0, 1, 2))
            )
    top, left = pads[0][0], pads[1][0]
    return of_padded[:, top : top + height, left : left + width], of_kernel


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("size", [(1, 1), (2, 2), (3, 3), (1, 5)])
def test_convolve_and_its_gradients(size, dtype):
    if dtype == "float64" and not HAS_FLOAT64:
        pytest.skip("JAX has float64 with JAX_ENABLE_X64=1 only")
    x, kernel = random(2, 5, 4, 3, dtype=dtype), random(*size, 3, 2)
    kernel, upstream = kernel.astype(dtype), random(2, 5, 4, 2, dtype=dtype)
    tolerance = {"float32": 1e-4, "float64": 1e-12}[dtype]
    given = numpy(convolve(x, ops.convert_to_tensor(kernel)))
    assert_close(given, reference.conv(x, kernel, 0), atol=tolerance)
    of_x, of_kernel = gradients(convolve, upstream, x, kernel)
    assert given.dtype == of_x.dtype == of_kernel.dtype == dtype
    expected = conv_gradients(x, kernel, upstream)
    assert_close((of_x, of_kernel), expected, atol=tolerance)


@pytest.mark.skipif(BACKEND != "jax", reason="a fast path of JAX alone")
def test_a_jitted_loop_trains_as_with_the_plain_gradient(monkeypatch):
    calls = []
    products = convolution._kernel_gradient

    def counted(*args):
        calls.append(args)
        return products(*args)

    monkeypatch.setattr(convolution, "_kernel_gradient", counted)
    frames = random(2, 3, 4, 5, 2)
    trained = []
    for is_slow in (True, False):
        monkeypatch.setattr(
            convolution, "loop_gradients_are_slow", lambda slow=is_slow: slow
        )
        keras.utils.set_random_seed(1)
        inputs = keras.Input((None, None, None, 2))
        model = keras.Model(inputs, ConvRNN(ConvLSTMCell(3))(inputs))
        model.compile(keras.optimizers.SGD(0.5), loss="mse")
        assert model.jit_compile
        for _ in range(2):
            model.train_on_batch(frames, random(2, 4, 5, 3, seed=1))
        trained.append(model.get_weights())
        assert bool(calls) is is_slow
        calls.clear()
    assert_close(*trained, atol=1e-5)


def pair(folded):
    """An embed of 2 channels and a convolution of its 6 and 3 others."""
    embed, conv = Conv2D(6, 1), Conv2D(5, 3, padding="same")
    embed.build((None, None, None, 2))
    conv.build((None, None, None, 6 + 3))
    for seed, weight in enumerate([*embed.weights, *conv.weights]):
        weight.assign(random(*weight.shape, seed=seed))
    if folded:
        conv.fold_pointwise(embed)
        embed.defer()
    return embed, conv


def test_a_folded_embed_gives_the_same_at_the_border_too():
    x, others = random(2, 5, 4, 2), random(2, 5, 4, 3, seed=1)
    plain, folded = (
        conv(ops.concatenate([embed(x), others], axis=-1))
        for embed, conv in (pair(False), pair(True))
    )
    assert_close(folded, plain, atol=1e-4)


def test_a_deferred_embed_gives_its_input_and_ones_and_keeps_its_weights():
    plain, folded = pair(False), pair(True)
    x, (embed, _) = random(2, 5, 4, 2), folded
    given = numpy(embed(x))
    assert_equal(given[..., :2], x)
    assert_equal(given[..., 2:], np.ones((2, 5, 4, 1)))
    assert embed(keras.Input((None, 8, 2))).shape == (None, None, 8, 3)
    for a, b in zip(plain, folded, strict=True):
        assert [w.shape for w in a.weights] == [w.shape for w in b.weights]
        assert [w.name for w in a.weights] == [w.name for w in b.weights]


def test_a_folded_identity_gives_what_the_embed_would_have_given():
    x = random(2, 5, 4, 2)
    (plain, _), (deferred, _) = pair(False), pair(True)
    identity = FoldableIdentity()
    assert not identity.has_kernel
    assert_equal(identity(x), x)
    identity.fold_pointwise(deferred)
    assert identity.weights == []
    assert_close(identity(deferred(x)), plain(x), atol=1e-5)


def test_other_strides_and_paddings_are_those_of_keras():
    x = random(2, 6, 4, 3)
    for options in (
        {"strides": 2, "padding": "same"},
        {"dilation_rate": 2, "padding": "same"},
        {"padding": "valid"},
    ):
        ours, theirs = (
            layer(2, 2, **options) for layer in (Conv2D, keras.layers.Conv2D)
        )
        ours.build(x.shape)
        theirs.build(x.shape)
        theirs.set_weights(ours.get_weights())
        assert_close(ours(x), theirs(x), atol=1e-6)
