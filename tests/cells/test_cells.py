"""The checks that every cell passes."""

import inspect

import keras
import numpy as np
import pytest

import msrnn_keras
from msrnn_keras import ConvLSTMCell, ConvRNN, cells
from msrnn_keras.cells.convolutions import CONV_ARGUMENTS
from msrnn_keras.layers import Conv2D
from msrnn_keras.layers.folding import fold_pointwise
from tests import reference
from tests.descriptors import CELLS, every_cell, some_cells
from tests.reference import assert_close, clips, numpy, randomize, sigmoid

names = [descriptor.cell.__name__ for descriptor in CELLS]


def size_for(cell):
    """An odd size, if the cell takes one."""
    return (6, 5) if cell.size_multiple == 1 else (6, 4)


def arguments_of(cell_class):
    found = {}
    for base in reversed(cell_class.__mro__):
        if issubclass(base, cells.ConvRNNCell.__base__):
            parameters = inspect.signature(base.__init__).parameters.values()
            found.update({p.name: p.default for p in parameters})
    own = set(found) - {"self", "kwargs"}
    if issubclass(cell_class, cells.WrapperCell):
        own -= {"filters", "kernel_size"}  # those of the cell
    return {name: found[name] for name in own}


@pytest.mark.backend_free
def test_every_cell_is_described_and_in_the_package():
    bases = {cells.CheckpointBlock, cells.ConvRNNCell, cells.WrapperCell}
    public = {getattr(cells, name) for name in cells.__all__} - bases
    assert sorted(names) == sorted(cell.__name__ for cell in public)
    for name in set(cells.__all__) - {"CheckpointBlock"}:
        assert getattr(msrnn_keras, name) is getattr(cells, name)


@pytest.mark.backend_free
@every_cell
def test_config_keeps_every_argument(descriptor):
    defaults = arguments_of(descriptor.cell)
    assert set(defaults) == {*descriptor.options, *CONV_ARGUMENTS}
    # CONV_ARGUMENTS are tested in test_convolutions.py.
    cell = descriptor.make(name="one", dtype="bfloat16")
    twin = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(cell)
    )
    assert type(twin) is descriptor.cell
    assert twin.get_config() == cell.get_config()
    assert set(defaults) <= set(cell.get_config())
    for name, value in descriptor.options.items():
        if not callable(value):
            assert getattr(twin, name) == value != defaults[name]


@some_cells
def test_conv_rnn_equals_the_cell_step_by_step(descriptor):
    layer = ConvRNN(descriptor.make(), return_sequences=True, return_state=True)
    size = size_for(layer.cell)
    frames = clips(length=4, size=size, channels=2)
    outputs, *last = layer(frames)
    states = layer.cell.get_initial_state(2, size)
    assert not any(numpy(state).any() for state in states)
    for t in range(frames.shape[1]):
        output, states = layer.cell(frames[:, t], states)
        assert_close(outputs[:, t], output, atol=1e-6)
    assert_close(last, states, atol=1e-6)
    states = layer.cell.State(*map(keras.ops.convert_to_tensor, states))
    x = keras.ops.convert_to_tensor(frames[:, 0])
    _, states, aux = layer.cell.step(x, states)
    assert type(states) is layer.cell.State
    assert set(aux) == set(layer.cell.aux_names)


@pytest.mark.parametrize("kernel_size", [3, 4])
def test_a_convlstm_step_equals_numpy(kernel_size):
    cell = ConvLSTMCell(2, kernel_size)
    cell.build((None, 5, 6, 3))
    randomize(cell, 0.5)
    x, h, c = (clips(2, 1, (5, 6), n, seed=n)[:, 0] for n in (3, 2, 2))
    output, states = cell(x, [h, c])
    of_x, of_h = (
        reference.conv(maps, *layer.get_weights())
        for maps, layer in ((x, cell.x_to_gates), (h, cell.h_to_gates))
    )
    i, f, g, o = np.split(of_x + of_h, 4, axis=-1)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    h = sigmoid(o) * np.tanh(c)
    assert_close([output, *states], [h, h, c], atol=1e-5)


@some_cells
def test_initial_state_takes_the_built_size(descriptor):
    cell = descriptor.make()
    size = size_for(cell)
    cell.build((None, *size, 2))
    for given, expected in ((None, size), ((4, 4), (4, 4))):
        states = cell.get_initial_state(3, given)
        assert [tuple(state.shape) for state in states] == [
            (3, *shape) for shape in cell.state_shapes(expected)
        ]
    unknown = descriptor.make()
    unknown.build((None, None, None, 2))
    with pytest.raises(ValueError, match=r"image_shape.*Received: "):
        unknown.get_initial_state(3)


@pytest.mark.backend_free
def test_refuses_bad_sizes_and_no_step():
    for cell, argument in (
        (cells.ConvLSTMCell, "filters"),
        (cells.ConvLSTMCell, "kernel_size"),
        (cells.TrajGRUCell, "links"),
        (cells.PrecipLSTMCell, "attention_window"),
    ):
        for value in (0, -1, 2.5, True, None):
            with pytest.raises(ValueError, match=f"{argument}.*Received: "):
                cell(**{"filters": 2, argument: value})

    class Empty(cells.ConvRNNCell):
        pass

    with pytest.raises(NotImplementedError, match="Empty must define `step`"):
        Empty(2).step(None, None)


@pytest.mark.parametrize("use", ["state", "sum", "twice", "array"])
def test_an_input_that_is_used_otherwise_is_not_folded(use):
    class Other(ConvLSTMCell):
        def step(self, x, states):
            if use == "array":  # cannot be traced
                x = keras.ops.convert_to_tensor(numpy(x))
            h, states, aux = super().step(x, states)
            if use == "state":
                return h, states._replace(c=x), aux
            if use == "sum":
                return h + x, states, aux
            # The same convolution also reads another map.
            return h + self.x_to_gates(h)[..., :2], states, aux

    embed, cell = Conv2D(2, 1), Other(2)
    embed.build((None, None, None, 1))
    cell.build((None, None, None, 2))
    assert not fold_pointwise(embed, cell)
    assert embed(clips(1, 1, (4, 4))[:, 0]).shape[-1] == 2
