"""Cells from outside the package in a stack."""

import keras
import numpy as np
import pytest

from msrnn_keras import ConvGRUCell, ConvLSTMCell, MSStack
from msrnn_keras.presets import torch_checkpoints
from tests.reference import clips, step_loop, tiny

SIZES = {"image_shape": (8, 8, 1), "context": 2, "horizon": 2, "filters": 2}


@keras.saving.register_keras_serializable(package="tests")
class ScaledCell(ConvGRUCell):
    """A ConvGRU whose input is scaled, with an argument of its own."""

    def __init__(self, filters, kernel_size=3, factor=1.0, **kwargs):
        super().__init__(filters, kernel_size, **kwargs)
        self.factor = factor

    def step(self, x, states):
        return super().step(self.factor * x, states)


class UnregisteredCell(ConvLSTMCell):
    pass


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(1)
    return MSStack(ScaledCell, scales=(1, 2, 1), factor=3.0, **SIZES)


def test_a_class_is_as_good_as_a_name(model):
    assert model.cell == "tests>ScaledCell"
    assert model.cell_options == {"factor": 3.0}
    for twin in (
        MSStack.from_config(model.get_config()),
        MSStack("tests>ScaledCell", scales=(1, 2, 1), factor=3.0, **SIZES),
    ):
        cells = twin._forecaster.cell.wiring.cells
        assert [type(cell) for cell in cells] == [ScaledCell] * 3
        assert [cell.factor for cell in cells] == [3.0] * 3


def test_it_is_wired_as_the_others_are(model):
    frames = clips(1, 2, (8, 8))
    given = model.predict_all(frames)
    expected = step_loop(model, frames, steps=3)
    np.testing.assert_allclose(given, expected, atol=1e-5)


def test_it_is_exported_as_the_others_are(model):
    arrays = torch_checkpoints.export_torch_checkpoint(model)
    assert any("layers.2" in name or ".2." in name for name in arrays)
    twin = MSStack.from_config(model.get_config())
    torch_checkpoints.load_torch_checkpoint(twin, arrays)
    for new, old in zip(twin.weights, model.weights, strict=True):
        np.testing.assert_array_equal(new.numpy(), old.numpy())


@pytest.mark.parametrize(
    "cell",
    [UnregisteredCell, keras.layers.Dense, "tests>Nowhere", "keras>Dense"],
)
def test_what_is_no_registered_cell_is_refused(cell):
    with pytest.raises(ValueError, match="register_keras.*Received: cell="):
        MSStack(cell, **SIZES)


def test_motion_needs_an_output_gate_here_too():
    with pytest.raises(ValueError, match="output_gate. Received: ScaledCell"):
        MSStack(ScaledCell, motion=True, scales=(1, 1), **SIZES)


def test_names_are_still_looked_up():
    assert tiny("convgru", scales=(1,)).cell == "convgru"
    with pytest.raises(ValueError, match="convlstm.*Received: 'convlstn'"):
        MSStack("convlstn", **SIZES)
