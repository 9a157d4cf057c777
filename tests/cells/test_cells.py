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
from tests.descriptors import CELLS, every_cell
from tests.reference import assert_close, clips, numpy

names = [descriptor.cell.__name__ for descriptor in CELLS]
with_equations = [descriptor for descriptor in CELLS if descriptor.equations]
# They do not read the input by convolutions alone.
CANNOT_FOLD = {"MIMCell", "PrecipLSTMCell", "MoDeRNNCell", "CMSLSTMCell"}


def size_for(cell):
    """An odd size, if the cell takes one."""
    return (6, 5) if cell.size_multiple == 1 else (6, 4)


def randomize(layer, scale=0.5):
    rng = np.random.default_rng(1)
    shapes = [w.shape for w in layer.weights]
    layer.set_weights([scale * rng.normal(size=shape) for shape in shapes])


def random_states(cell, batch=2):
    rng = np.random.default_rng(2)
    shapes = cell.state_shapes(size_for(cell))
    arrays = [rng.normal(size=(batch, *shape)) for shape in shapes]
    return cell.State(*(array.astype("float32") for array in arrays))


def arguments_of(cell_class):
    """The arguments of a class and its bases, with their defaults."""
    found = {}
    for base in reversed(cell_class.__mro__):
        if issubclass(base, cells.ConvRNNCell.__base__):
            parameters = inspect.signature(base.__init__).parameters.values()
            found.update({p.name: p.default for p in parameters})
    own = set(found) - {"self", "kwargs"}
    if issubclass(cell_class, cells.WrapperCell):
        own -= {"filters", "kernel_size"}  # those of the cell
    return {name: found[name] for name in own}


def test_every_cell_is_described_and_in_the_package():
    bases = {cells.CheckpointBlock, cells.ConvRNNCell, cells.WrapperCell}
    public = {getattr(cells, name) for name in cells.__all__} - bases
    assert sorted(names) == sorted(cell.__name__ for cell in public)
    for name in set(cells.__all__) - {"CheckpointBlock"}:
        assert getattr(msrnn_keras, name) is getattr(cells, name)


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


@pytest.mark.parametrize("kernel_size", [None, 2])
@pytest.mark.parametrize("channels", [None, 2])
@pytest.mark.parametrize(
    "descriptor", with_equations, ids=[d.cell.__name__ for d in with_equations]
)
def test_follows_its_equations(descriptor, channels, kernel_size):
    if kernel_size and "kernel_size" not in descriptor.options:
        pytest.skip("the kernel size is that of the inner cell")
    sizes = {"kernel_size": kernel_size} if kernel_size else {}
    cell = descriptor.make(**sizes)
    channels = channels or cell.filters
    cell.build((None, None, None, channels))
    randomize(cell)
    x = clips(2, 1, size_for(cell), channels)[:, 0] - 0.5
    states = random_states(cell)
    expected, expected_states, expected_aux = descriptor.equations(
        cell, x, states
    )
    x, *given = [keras.ops.convert_to_tensor(array) for array in (x, *states)]
    output, new, aux = cell.step(x, cell.State(*given))
    assert_close(output, expected, atol=1e-4)
    assert type(new) is cell.State
    assert_close(new, expected_states, atol=1e-4)
    assert set(aux) == set(expected_aux) == set(cell.aux_names)
    for name, value in expected_aux.items():
        assert_close(aux[name], value, atol=1e-4, err_msg=name)
    if "flow" in aux:
        assert np.abs(expected_aux["flow"]).max() > 1  # pixels


@every_cell
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


@every_cell
def test_a_folded_embed_changes_no_output(descriptor):
    outputs = []
    for fold in (False, True):
        cell = descriptor.make()
        embed = Conv2D(cell.filters, 1)
        x = clips(2, 1, size_for(cell), 1)[:, 0] - 0.5
        embed.build((None, None, None, 1))
        cell.build((None, None, None, cell.filters))
        randomize(embed)
        randomize(cell)
        if fold:
            folded = fold_pointwise(embed, cell)
            assert folded is (descriptor.cell.__name__ not in CANNOT_FOLD)
            assert embed(x).shape[-1] == (2 if folded else cell.filters)
        results = cell(embed(x), list(random_states(cell)))
        outputs.append(keras.tree.flatten(results))
    assert_close(*outputs, atol=2e-5)


@every_cell
def test_checkpoint_names_name_every_layer_with_weights(descriptor):
    cell = descriptor.make()
    cell.build((None, None, None, cell.filters))
    named = set()
    for path in cell.checkpoint_names:
        layer = cell
        for part in path.split("."):
            layer = layer[int(part)] if part.isdigit() else getattr(layer, part)
        assert layer.weights
        named |= {id(weight) for weight in layer.weights}
    # The adapter is shared by the layers of a stack, so no cell names it.
    adapter = getattr(cell, "adapter", None)
    named |= {id(weight) for weight in adapter.weights} if adapter else set()
    assert named == {id(weight) for weight in cell.weights}


@every_cell
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


@pytest.mark.parametrize(
    ("cell", "argument"),
    [
        (cells.ConvLSTMCell, "filters"),
        (cells.ConvLSTMCell, "kernel_size"),
        (cells.TrajGRUCell, "links"),
        (cells.PrecipLSTMCell, "attention_window"),
    ],
)
def test_refuses_bad_sizes(cell, argument):
    for value in (0, -1, 2.0, True, None):
        with pytest.raises(ValueError, match=f"{argument}.*Received: "):
            cell(**{"filters": 2, argument: value})


def test_a_cell_without_step_says_so():
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
