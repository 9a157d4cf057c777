import keras
import numpy as np
import pytest

from msrnn_keras import CMSLSTMCell, ConvLSTMCell, ConvRNN, MotionCell
from msrnn_keras.cells import GradientHighwayCell
from tests import reference
from tests.reference import assert_close


def test_sequences_and_last_output_agree_at_any_size():
    layer = ConvRNN(ConvLSTMCell(2), return_sequences=True)
    for size in ((5, 4), (7, 9)):
        frames = reference.clips(length=3, size=size)
        layer.return_sequences = True
        outputs = layer(frames)
        layer.return_sequences = False
        assert_close(layer(frames), outputs[:, -1])
        assert tuple(outputs.shape[2:4]) == size


@pytest.mark.backend_free
@pytest.mark.parametrize(
    "cell", [CMSLSTMCell(4), MotionCell(ConvLSTMCell(4))], ids=type
)
def test_a_wrapped_cell_that_builds_layers_is_saved(cell, tmp_path):
    frames = keras.Input((None, 8, 8, 1))
    model = keras.Model(frames, ConvRNN(GradientHighwayCell(cell))(frames))
    model.save(tmp_path / "a.keras")
    twin = keras.saving.load_model(tmp_path / "a.keras")
    clips = reference.clips(size=(8, 8))
    assert_close(twin(clips), model(clips))


def test_symbolic_shapes_config_and_rank():
    frames = keras.Input((None, None, None, 3))
    layer = ConvRNN(ConvLSTMCell(2), return_sequences=True, return_state=True)
    output, h, c = layer(frames)
    assert output.shape == (None, None, None, None, 2)
    assert h.shape == c.shape == (None, None, None, 2)
    output = ConvRNN(ConvLSTMCell(2))(keras.Input((7, 16, 12, 3)))
    assert output.shape == (None, 16, 12, 2)
    twin = ConvRNN.from_config(layer.get_config())
    assert twin.get_config() == layer.get_config()
    assert isinstance(twin.cell, ConvLSTMCell)
    with pytest.raises(ValueError, match="ndim=5"):
        layer(np.zeros((2, 4, 4, 1), "float32"))


def test_a_state_given_or_kept_goes_on():
    frames = reference.clips(length=4, size=(5, 4))
    layer = ConvRNN(ConvLSTMCell(2), return_state=True)
    whole, *_ = layer(frames)
    _, *states = layer(frames[:, :2])
    continued, *_ = layer(frames[:, 2:], initial_state=states)
    assert_close(continued, whole, atol=1e-6)
    stateful = ConvRNN(ConvLSTMCell(2), stateful=True)
    stateful.build(frames.shape)
    stateful.cell.set_weights(layer.cell.get_weights())
    stateful(frames[:, :2])
    assert_close(stateful(frames[:, 2:]), whole, atol=1e-6)
