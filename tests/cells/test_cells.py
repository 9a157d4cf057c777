import inspect

import keras
import numpy as np
import pytest

import msrnn_keras
from msrnn_keras import ConvLSTMCell, ConvRNN, cells
from msrnn_keras.layers import Conv2D
from tests import reference
from tests.descriptors import CELLS

ids = [descriptor.cell.__name__ for descriptor in CELLS]
every_cell = pytest.mark.parametrize("descriptor", CELLS, ids=ids)


def size_for(descriptor):
    """An odd size, where the cell takes one."""
    return (6, 5) if descriptor.make().size_multiple == 1 else (6, 4)


def test_every_cell_is_described():
    bases = {cells.Blocks, cells.ConvRNNCell, cells.WrapperCell}
    public = {getattr(cells, name) for name in cells.__all__} - bases
    assert sorted(ids) == sorted(cell.__name__ for cell in public)


def test_every_cell_is_in_the_package():
    for name in cells.__all__:
        if name != "Blocks":
            assert getattr(msrnn_keras, name) is getattr(cells, name)


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
        assert callable(value) or value != named[name]


@every_cell
def test_config_round_trip(descriptor):
    cell = descriptor.make(name="one", dtype="bfloat16")
    twin = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(cell)
    )
    assert type(twin) is descriptor.cell
    assert twin.get_config() == cell.get_config()
    for name, value in descriptor.options.items():
        if not callable(value):
            assert getattr(twin, name) == value


@every_cell
def test_conv_rnn_equals_the_cell_step_by_step(descriptor):
    frames = reference.clips(length=4, size=size_for(descriptor), channels=2)
    layer = ConvRNN(
        descriptor.make(),
        return_sequences=True,
        return_state=True,
    )
    outputs, *last = layer(frames)
    states = layer.cell.get_initial_state(2, size_for(descriptor))
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


# They read their input otherwise than by convolutions; a wrapper can where its
# inner cell can, or reads the input itself.
CANNOT_ABSORB = {"MIMCell", "PrecipLSTMCell", "MoDeRNNCell", "CMSLSTMCell"}


@every_cell
def test_absorbs_an_embed_or_leaves_it_as_it_is(descriptor):
    embed = Conv2D(4, 1)
    cell = descriptor.make()
    can = cell.fold_pointwise(embed)
    assert can is (descriptor.cell.__name__ not in CANNOT_ABSORB)
    embed.build((None, 6, 4, 2))
    assert embed(keras.Input((6, 4, 2))).shape[-1] == (3 if can else 4)


@every_cell
def test_an_absorbed_embed_changes_no_output(descriptor):
    if descriptor.cell.__name__ in CANNOT_ABSORB:
        pytest.skip("cannot absorb")
    x = reference.clips(1, 1, size_for(descriptor), 2)[0] - 0.5
    outputs = []
    for absorbed in (False, True):
        embed, cell = Conv2D(4, 1), descriptor.make()
        if absorbed:
            cell.fold_pointwise(embed)
        embed.build(x.shape)
        cell.build((*x.shape[:3], 4))
        rng = np.random.default_rng(1)
        for layer in (embed, cell):
            shapes = [w.shape for w in layer.weights]
            layer.set_weights([rng.normal(size=shape) for shape in shapes])
        states = [
            rng.normal(size=s.shape).astype("float32")
            for s in cell.get_initial_state(1)
        ]
        outputs.append(keras.tree.flatten(cell(embed(x), states)))
    for folded, plain in zip(*reversed(outputs), strict=True):
        np.testing.assert_allclose(
            keras.ops.convert_to_numpy(folded),
            keras.ops.convert_to_numpy(plain),
            atol=2e-5,
        )


def test_a_motion_cell_of_another_width_leaves_the_embed():
    cell = cells.MotionCell(ConvLSTMCell(4))
    embed = Conv2D(8, 1)
    assert not cell.fold_pointwise(embed)
    embed.build((None, 6, 4, 2))
    assert embed(keras.Input((6, 4, 2))).shape[-1] == 8


@every_cell
def test_initial_state_takes_the_built_size(descriptor):
    cell = descriptor.make()
    size = size_for(descriptor)
    cell.build((None, *size, 2))
    built = [tuple(state.shape) for state in cell.get_initial_state(3)]
    assert built == [(3, *shape) for shape in cell.state_shapes(size)]
    other = cell.get_initial_state(3, (4, 4))
    assert [tuple(s.shape) for s in other] == [
        (3, *shape) for shape in cell.state_shapes((4, 4))
    ]
    unknown = descriptor.make()
    unknown.build((None, None, None, 2))
    with pytest.raises(ValueError, match=r"image_shape.*Received: "):
        unknown.get_initial_state(3)


@every_cell
@pytest.mark.parametrize("argument", ["filters", "kernel_size"])
@pytest.mark.parametrize("value", [0, -1, 2.0, True, None])
def test_refuses_bad_sizes(descriptor, argument, value):
    if argument not in descriptor.options:
        pytest.skip("a wrapper has the sizes of its cell")
    with pytest.raises(ValueError, match=f"{argument}.*Received: "):
        descriptor.make(**{argument: value})


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
