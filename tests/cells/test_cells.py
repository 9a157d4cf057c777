import inspect

import keras
import numpy as np
import pytest

from msrnn_keras import ConvLSTMCell, ConvRNN, cells
from tests import reference
from tests.descriptors import CELLS

ids = [descriptor.name for descriptor in CELLS]
every_cell = pytest.mark.parametrize("descriptor", CELLS, ids=ids)


def test_every_cell_is_described():
    assert {d.name: d.cell for d in CELLS} == cells.CELLS


@every_cell
def test_descriptor_sets_every_argument_to_something_else(descriptor):
    parameters = inspect.signature(descriptor.cell.__init__).parameters
    named = {
        name: parameter.default
        for name, parameter in parameters.items()
        if name not in ("self", "kwargs")
    }
    assert set(named) == set(descriptor.options)
    for name, value in descriptor.options.items():
        assert value != named[name]


@every_cell
def test_config_round_trip(descriptor):
    cell = descriptor.cell(**descriptor.options, name="one", dtype="bfloat16")
    twin = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(cell)
    )
    assert type(twin) is descriptor.cell
    assert twin.get_config() == cell.get_config()
    for name, value in descriptor.options.items():
        assert getattr(twin, name) == value


@every_cell
def test_conv_rnn_equals_the_cell_step_by_step(descriptor):
    frames = reference.clips(length=4, size=(6, 5), channels=2)
    layer = ConvRNN(
        descriptor.cell(**descriptor.options),
        return_sequences=True,
        return_state=True,
    )
    outputs, *last = layer(frames)
    states = layer.cell.get_initial_state(2, (6, 5))
    for state in states:
        assert not keras.ops.convert_to_numpy(state).any()
    for t in range(frames.shape[1]):
        output, states = layer.cell(frames[:, t], states)
        np.testing.assert_allclose(
            keras.ops.convert_to_numpy(outputs[:, t]),
            keras.ops.convert_to_numpy(output),
            atol=1e-6,
        )
    for a, b in zip(last, states, strict=True):
        np.testing.assert_allclose(
            keras.ops.convert_to_numpy(a),
            keras.ops.convert_to_numpy(b),
            atol=1e-6,
        )


@every_cell
def test_initial_state_takes_the_built_size(descriptor):
    cell = descriptor.cell(**descriptor.options)
    cell.build((None, 6, 5, 2))
    built = [tuple(state.shape) for state in cell.get_initial_state(3)]
    assert built == [(3, *shape) for shape in cell.state_shapes((6, 5))]
    other = cell.get_initial_state(3, (4, 4))
    assert [tuple(s.shape) for s in other] == [
        (3, *shape) for shape in cell.state_shapes((4, 4))
    ]
    unknown = descriptor.cell(**descriptor.options)
    unknown.build((None, None, None, 2))
    with pytest.raises(ValueError, match=r"image_shape.*Received: "):
        unknown.get_initial_state(3)


@every_cell
@pytest.mark.parametrize("argument", ["filters", "kernel_size"])
@pytest.mark.parametrize("value", [0, -1, 2.0, True, None])
def test_refuses_bad_sizes(descriptor, argument, value):
    options = {**descriptor.options, argument: value}
    with pytest.raises(ValueError, match=f"{argument}.*Received: "):
        descriptor.cell(**options)


def test_a_cell_without_step_says_so():
    class Empty(cells.ConvRNNCell):
        pass

    with pytest.raises(NotImplementedError, match="Empty must define `step`"):
        Empty(2).step(None, None)


@pytest.mark.parametrize("kernel_size", [1, 3, 4])
def test_convlstm_follows_its_equations(kernel_size):
    cell = ConvLSTMCell(3, kernel_size)
    x, h, c = (
        reference.clips(1, 2, (5, 4), n, seed=n)[0] - 0.5 for n in (2, 3, 3)
    )
    cell.build(x.shape)
    rng = np.random.default_rng(1)
    cell.set_weights([rng.normal(size=w.shape) for w in cell.weights])
    output, (new_h, new_c) = cell(x, [h, c])
    gates = reference.conv(x, *cell.x_to_gates.get_weights())
    gates = gates + reference.conv(h, *cell.h_to_gates.get_weights())
    i, f, g, o = np.split(gates, 4, axis=-1)
    sigmoid = reference.sigmoid
    expected_c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    expected_h = sigmoid(o) * np.tanh(expected_c)
    for given, expected in (
        (output, expected_h),
        (new_h, expected_h),
        (new_c, expected_c),
    ):
        given = keras.ops.convert_to_numpy(given)
        np.testing.assert_allclose(given, expected, atol=1e-5)


def test_convlstm_step_gives_its_output_gate():
    cell = ConvLSTMCell(2)
    x = reference.clips(1, 1, (4, 4))[0]
    cell.build(x.shape)
    states = cell.State(*cell.get_initial_state(1))
    h, new, aux = cell.step(x, states)
    expected = aux["output_gate"] * keras.ops.tanh(new.c)
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(h),
        keras.ops.convert_to_numpy(expected),
        atol=1e-6,
    )
