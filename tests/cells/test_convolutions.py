"""Initializers, regularizers and constraints of a cell's convolutions."""

import re

import keras
import numpy as np
import pytest

from msrnn_keras import ConvLSTMCell, ConvRNN, cells
from msrnn_keras.cells.convolutions import CONV_ARGUMENTS
from tests.descriptors import every_cell
from tests.reference import assert_close, assert_equal, clips, numpy, short

PARTS = ("kernel", "recurrent", "bias")
# Paths of layers that read the input; all others read states alone.
READS_X = re.compile(r"(^|/)(x\w*_to|difference_to|query_key|attention_to_x)")


def every_argument():
    """Each argument, none at its default, the number tells the part."""
    options = {}
    for number, part in enumerate(PARTS, start=1):
        options[f"{part}_initializer"] = keras.initializers.Constant(number)
        options[f"{part}_regularizer"] = keras.regularizers.L2(number)
        options[f"{part}_constraint"] = keras.constraints.MaxNorm(number)
    return options


def part_of(weight):
    if weight.path.endswith("bias"):
        return "bias"
    return "kernel" if READS_X.search(weight.path) else "recurrent"


def parts_of(model, part):
    """The weights of the cells of a stack that an argument is for."""
    weights = [w for c in model._rollout.rnn.cell.cells for w in c.weights]
    return [w for w in weights if part_of(w) == part]


@pytest.mark.backend_free
@every_cell
def test_each_argument_reaches_its_weights(descriptor):
    options = every_argument()
    assert set(options) == set(CONV_ARGUMENTS)
    cell = descriptor.make(**options)
    if hasattr(cell, "cell"):  # The wrapper takes them from the cell.
        inner = descriptor.options["cell"]()
        cell = type(cell)(type(inner)(inner.filters, **options))
    cell.build((None, None, None, 2))
    assert {part_of(weight) for weight in cell.weights} == set(PARTS)
    for weight in cell.weights:
        number = 1 + PARTS.index(part_of(weight))
        assert (numpy(weight) == number).all(), weight.path
        assert float(weight.regularizer.l2) == number, weight.path
        assert weight.constraint.max_value == number, weight.path
    twin = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(cell)
    )
    assert twin.get_config() == cell.get_config()
    for name, value in options.items():
        for given in (cell, twin):
            given = getattr(given, name)
            assert type(given) is type(value)
            assert given.get_config() == value.get_config()


@pytest.mark.backend_free
def test_layers_of_equal_shape_start_with_other_weights():
    for given in ("glorot_uniform", keras.initializers.RandomNormal()):
        cell = cells.STLSTMCell(2, recurrent_initializer=given)
        cell.build((None, None, None, 2))
        a, b = (numpy(n.kernel) for n in (cell.c_to_output, cell.m_to_output))
        assert (a != b).any()


@pytest.mark.backend_free
def test_the_arguments_draw_nothing_from_the_random_state():
    def weights(**options):
        keras.utils.set_random_seed(3)
        cell = ConvLSTMCell(2, **options)
        cell.build((None, None, None, 2))
        return cell.get_weights() + [np.array(np.random.rand())]

    assert_equal(weights(), weights(kernel_initializer="glorot_uniform"))


@pytest.mark.parametrize(
    ("name", "remat"),
    [
        ("ms-convlstm", "step"),
        pytest.param("ms-convlstm", None, marks=pytest.mark.backend_free),
        pytest.param("ms-modernn", "layer", marks=pytest.mark.backend_free),
    ],
)
def test_a_regularizer_adds_to_the_loss_once(name, remat):
    frames = clips(2, 7, (8, 8))
    data = frames[:, :4], frames[:, 4:]
    losses = []
    for options in ({}, {"kernel_regularizer": keras.regularizers.L2(0.1)}):
        options.update(image_shape=(8, 8, 1), scales=(1, 1), filters=4)
        model = short(name, remat=remat, **options)
        model.compile(keras.optimizers.SGD(0.0), loss="mse")
        history = model.fit(*data, verbose=0).history
        losses.append(history["loss"][0])
    kernels = parts_of(model, "kernel")
    assert len(model.losses) == len(kernels)
    added = 0.1 * sum((numpy(kernel) ** 2).sum() for kernel in kernels)
    assert added > 0.1
    assert_close(losses[1] - losses[0], added, rtol=1e-4)


@pytest.mark.backend_free
def test_a_constraint_holds_after_a_step():
    """Also that of a convolution which the embed is folded into."""
    frames = clips(2, 7, (8, 8))
    norm = keras.constraints.MaxNorm(0.1, axis=[0, 1, 2])
    for part, other in (("kernel", "recurrent"), ("recurrent", "kernel")):
        options = {"scales": (1, 1), "filters": 4, f"{part}_constraint": norm}
        model = short(image_shape=(8, 8, 1), **options)
        model.compile(keras.optimizers.SGD(0.1), loss="mse")
        model.train_on_batch(frames[:, :4], frames[:, 4:])
        norms = [
            [
                np.linalg.norm(numpy(w).reshape(-1, w.shape[-1]), axis=0).max()
                for w in parts_of(model, which)
            ]
            for which in (part, other)
        ]
        assert_close(norms[0], 0.1, rtol=1e-4)
        assert min(norms[1]) > 0.3


@pytest.mark.backend_free
def test_a_stack_hands_the_arguments_on_and_is_saved(tmp_path):
    regularizers = {"recurrent_regularizer": "l2"}
    regularizers["bias_regularizer"] = keras.regularizers.L1(0.5)
    model = short("motionrnn", filters=4, **regularizers)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.get_config() == model.get_config()
    for twin in (model, loaded):
        assert not [w for w in parts_of(twin, "kernel") if w.regularizer]
        for weight in parts_of(twin, "recurrent"):
            assert float(weight.regularizer.l2) == pytest.approx(0.01)
        for weight in parts_of(twin, "bias"):
            assert weight.regularizer.l1 == 0.5


@pytest.mark.backend_free
def test_the_adapter_of_a_stack_reads_states():
    model = short("predrnn-v2", scales=(1, 1), recurrent_regularizer="l2")
    adapter = model._rollout.rnn.cell.cells[0].adapter
    assert adapter.kernel.regularizer and not adapter.bias.regularizer
    layer = ConvRNN(ConvLSTMCell(2, bias_regularizer="l2"))
    layer(clips(1, 3, (4, 4)))
    assert len(layer.losses) == 2


@pytest.mark.backend_free
def test_refuses_unknown_names():
    class Other(ConvLSTMCell):
        def __init__(self, filters):
            super().__init__(filters)
            self.z_to_gates = self.conv(1, name="z_to_gates", reads="z")

    with pytest.raises(ValueError, match="reads.*Received: reads="):
        Other(2).build((None, None, None, 2))
    with pytest.raises(ValueError, match="regularizer"):
        ConvLSTMCell(2, kernel_regularizer="l7")
