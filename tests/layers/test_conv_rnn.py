import keras
import numpy as np
import pytest

from msrnn_keras import ConvLSTMCell, ConvRNN
from tests import reference


def numpy(x):
    return keras.ops.convert_to_numpy(x)


def test_sequences_and_last_output_agree():
    frames = reference.clips(length=3, size=(5, 4))
    layer = ConvRNN(ConvLSTMCell(2), return_sequences=True)
    all_outputs = numpy(layer(frames))
    layer.return_sequences = False
    np.testing.assert_allclose(numpy(layer(frames)), all_outputs[:, -1])


def test_symbolic_shapes():
    frames = keras.Input((None, None, None, 3))
    layer = ConvRNN(ConvLSTMCell(2), return_sequences=True, return_state=True)
    output, h, c = layer(frames)
    assert output.shape == (None, None, None, None, 2)
    assert h.shape == c.shape == (None, None, None, 2)
    output = ConvRNN(ConvLSTMCell(2))(keras.Input((7, 16, 12, 3)))
    assert output.shape == (None, 16, 12, 2)


def test_initial_state_is_used():
    frames = reference.clips(length=4, size=(5, 4))
    layer = ConvRNN(ConvLSTMCell(2), return_state=True)
    whole, *_ = layer(frames)
    _, *states = layer(frames[:, :2])
    continued, *_ = layer(frames[:, 2:], initial_state=states)
    np.testing.assert_allclose(numpy(continued), numpy(whole), atol=1e-6)


def test_stateful_goes_on():
    frames = reference.clips(length=4, size=(5, 4))
    layer = ConvRNN(ConvLSTMCell(2), stateful=True)
    twin = ConvRNN(ConvLSTMCell(2))
    twin.build(frames.shape)
    layer.build(frames.shape)
    twin.set_weights(layer.cell.get_weights())
    layer(frames[:, :2])
    np.testing.assert_allclose(
        numpy(layer(frames[:, 2:])), numpy(twin(frames)), atol=1e-6
    )


def test_one_layer_takes_frames_of_any_size():
    layer = ConvRNN(ConvLSTMCell(2))
    for size in ((5, 4), (7, 9)):
        assert tuple(layer(reference.clips(size=size)).shape[1:3]) == size


def test_refuses_a_wrong_rank():
    with pytest.raises(ValueError, match="ndim=5"):
        ConvRNN(ConvLSTMCell(2))(np.zeros((2, 4, 4, 1), "float32"))


def test_config_round_trip():
    layer = ConvRNN(ConvLSTMCell(2, 5), return_sequences=True, name="loop")
    twin = ConvRNN.from_config(layer.get_config())
    assert twin.get_config() == layer.get_config()
    assert isinstance(twin.cell, ConvLSTMCell)
