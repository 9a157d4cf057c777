import keras
import pytest

from msrnn_keras import ConvGRUCell, ConvLSTMCell, MSStack
from msrnn_keras.presets import torch_checkpoints
from tests.reference import assert_close, assert_equal, clips, step_loop

SIZES = {"image_shape": (8, 8, 1), "context": 2, "horizon": 2, "filters": 2}


@keras.saving.register_keras_serializable(package="tests")
class ScaledCell(ConvGRUCell):
    def __init__(self, filters, kernel_size=3, factor=1.0, **kwargs):
        super().__init__(filters, kernel_size, **kwargs)
        self.factor = factor

    def step(self, x, states):
        return super().step(self.factor * x, states)


@keras.saving.register_keras_serializable(package="tests")
class ScaledChild(ScaledCell):
    def __init__(self, filters, kernel_size=3, start="zeros", **kwargs):
        super().__init__(filters, kernel_size, **kwargs)
        self.start = keras.initializers.get(start)


class UnregisteredCell(ConvLSTMCell):
    pass


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(1)
    return MSStack(ScaledCell, scales=(1, 2, 1), factor=3.0, **SIZES)


@pytest.mark.backend_free
def test_a_class_is_as_good_as_a_name(model):
    assert model.cell == "tests>ScaledCell"
    assert model.cell_options == {"factor": 3.0}
    for twin in (
        MSStack.from_config(model.get_config()),
        MSStack("tests>ScaledCell", scales=(1, 2, 1), factor=3.0, **SIZES),
    ):
        cells = twin._stepper.cell.wiring.cells
        assert [type(cell) for cell in cells] == [ScaledCell] * 3
        assert [cell.factor for cell in cells] == [3.0] * 3


@pytest.mark.backend_free
def test_arguments_of_base_classes_and_keras_objects_are_options():
    start = keras.initializers.Constant(2.0)
    model = MSStack(ScaledChild, scales=(1,), factor=3.0, start=start, **SIZES)
    twin = MSStack.from_config(model.get_config())
    (cell,) = twin._stepper.cell.wiring.cells
    assert (cell.factor, twin.factor) == (3.0, 3.0)
    assert cell.start.get_config() == start.get_config()
    assert twin.get_config() == model.get_config()


def test_it_is_wired_and_exported_as_the_others_are(model):
    frames = clips(1, 2, (8, 8))
    given = model.predict_all(frames)
    expected = step_loop(model, frames, steps=3)
    assert_close(given, expected, atol=1e-5)
    arrays = torch_checkpoints.export_torch_checkpoint(model)
    assert any("layers.2" in name or ".2." in name for name in arrays)
    twin = MSStack.from_config(model.get_config())
    torch_checkpoints.load_torch_checkpoint(twin, arrays)
    assert_equal(twin.get_weights(), model.get_weights())


@pytest.mark.backend_free
@pytest.mark.parametrize(
    ("cell", "message"),
    [
        (UnregisteredCell, "register_keras.*Received: cell="),
        (keras.layers.Dense, "register_keras.*Received: cell="),
        ("tests>Nowhere", "register_keras.*Received: cell="),
        ("convlstn", "convlstm.*Received: 'convlstn'"),
    ],
)
def test_what_is_no_registered_cell_is_refused(cell, message):
    with pytest.raises(ValueError, match=message):
        MSStack(cell, **SIZES)
