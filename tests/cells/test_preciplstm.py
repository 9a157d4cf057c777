import keras
import numpy as np
import pytest

from msrnn_keras.cells.preciplstm import PrecipLSTMCell, State
from msrnn_keras.layers.conv_rnn import ConvRNN
from tests import reference
from tests.layers.test_local_attention import by_pixel

INPUT = 2  # channels
FILTERS = 3
SIZE = (5, 4)


def random_cell(**options):
    """A cell with random weights, an input and states."""
    cell = PrecipLSTMCell(FILTERS, **options)
    rng = np.random.default_rng(0)
    x, *states = (
        rng.normal(size=(2, *SIZE, count)).astype("float32")
        for count in (INPUT, *[FILTERS] * 5, INPUT)
    )
    cell.build(x.shape)
    cell.set_weights([0.4 * rng.normal(size=w.shape) for w in cell.weights])
    return cell, x, State(*states)


def expected_step(cell, x, states, window):
    """The published equations: the output, the states, the output gate."""
    conv, sigmoid, split = reference.conv, reference.sigmoid, np.split

    def of(name, x):
        return conv(x, *getattr(cell, name).get_weights())

    def update(memory, gates):
        i, f, g = split(gates, 3, axis=-1)
        return sigmoid(f) * memory + sigmoid(i) * np.tanh(g)

    (kernel,) = cell.query_key_value.get_weights()
    query, key, value = split(x @ kernel[0, 0], 3, axis=-1)
    attention = by_pixel(query, key, value, window)
    attended = x + of("attention_to_x", attention)
    n = FILTERS
    of_c, of_m, of_s = split(of("x_to_gates", attended), [4 * n, 7 * n], -1)
    of_t = of("difference_to_gates", x - states.x)
    of_c = of_c + of("h_to_gates", states.h)
    c = update(states.c, of_c[..., : 3 * n])
    m = update(states.m, of_m + of("m_to_gates", states.m))
    s = update(states.s, of_s + of("s_to_gates", states.s))
    t = update(states.t, of_t + of("t_to_gates", states.t))
    outputs = zip("cstm", (c, s, t, m), strict=True)
    terms = [of(f"{name}_to_output", memory) for name, memory in outputs]
    o = sigmoid(of_c[..., 3 * n :] + sum(terms))
    memories = np.concatenate([c, s, t, m], axis=-1)
    h = o * np.tanh(of("all_to_hidden", memories))
    return h, (m, h, c, s, t, x), o


@pytest.mark.parametrize(("kernel_size", "window"), [(3, 2), (1, 5)])
def test_follows_its_equations(kernel_size, window):
    cell, x, states = random_cell(
        kernel_size=kernel_size, attention_window=window
    )
    tensors = [keras.ops.convert_to_tensor(state) for state in states]
    h, new, aux = cell.step(keras.ops.convert_to_tensor(x), State(*tensors))
    expected = expected_step(cell, x, states, window)
    assert type(new) is State
    assert set(aux) == set(cell.aux_names) == {"output_gate"}
    for given, wanted in zip(
        (h, *new, aux["output_gate"]),
        (expected[0], *expected[1], expected[2]),
        strict=True,
    ):
        given = keras.ops.convert_to_numpy(given)
        np.testing.assert_allclose(given, wanted, atol=1e-5)


def test_states_lie_as_named():
    assert State._fields == ("m", "h", "c", "s", "t", "x")
    cell, _, states = random_cell()
    assert cell.has_memory
    shapes = [state.shape[1:] for state in states]
    assert cell.state_shapes(SIZE) == shapes


def test_every_weight_has_reference_names():
    cell, _, _ = random_cell()
    layers = [getattr(cell, name) for name in cell.checkpoint_names]
    named = {weight.path for layer in layers for weight in layer.weights}
    assert named == {weight.path for weight in cell.weights}


def test_every_output_channel_of_every_weight_gets_a_gradient():
    # In the loop, on maps whose size is known at run time only.
    cell = PrecipLSTMCell(FILTERS, attention_window=3)
    inputs = keras.Input((None, None, None, INPUT))
    model = keras.Model(inputs, ConvRNN(cell, return_sequences=True)(inputs))
    model.compile(keras.optimizers.SGD(100.0), loss="mse")
    rng = np.random.default_rng(0)
    before = [0.4 * rng.normal(size=w.shape) for w in model.weights]
    model.set_weights(before)
    clips = reference.clips(2, 3, SIZE, INPUT)
    model.train_on_batch(clips, reference.clips(2, 3, SIZE, FILTERS, seed=1))
    for weight, old in zip(model.weights, before, strict=True):
        change = keras.ops.convert_to_numpy(weight) - old.astype("float32")
        change = np.abs(change).reshape(-1, change.shape[-1])
        assert change.any(axis=0).all(), weight.path


@pytest.mark.parametrize("value", [0, -1, 2.0, True, None])
def test_refuses_bad_windows(value):
    with pytest.raises(ValueError, match="`attention_window`.*Received: "):
        PrecipLSTMCell(2, attention_window=value)


def test_config_round_trip():
    cell = PrecipLSTMCell(4, 5, attention_window=7, dtype="bfloat16")
    twin = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(cell)
    )
    assert twin.get_config() == cell.get_config()
    assert twin.attention.window == twin.attention_window == 7
    assert twin.attention.dtype_policy.name == "bfloat16"
