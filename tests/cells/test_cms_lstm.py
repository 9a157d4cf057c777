import keras
import numpy as np
import pytest

from msrnn_keras import ConvRNN
from msrnn_keras.cells.cms_lstm import CMSLSTMCell
from tests import reference


def built(filters=3, channels=2, **kwargs):
    """A cell with random weights, biases too."""
    cell = CMSLSTMCell(filters, **kwargs)
    cell.build((None, None, None, channels))
    rng = np.random.default_rng(1)
    cell.set_weights([0.3 * rng.normal(size=w.shape) for w in cell.weights])
    return cell


def maps(*channels, size=(6, 5)):
    return [
        reference.clips(1, 2, size, n, seed=seed)[0] - 0.5
        for seed, n in enumerate(channels)
    ]


def conv(x, layer):
    return reference.conv(x, *layer.get_weights())


def inner_step(cell, x, h, c):
    """Context embedding, then the ConvLSTM step."""
    sigmoid = reference.sigmoid
    for n in (1, 2, 3, 4, 5):
        if n % 2:
            x = 2 * sigmoid(conv(h, cell.h_to_x)) * x
        else:
            h = 2 * sigmoid(conv(x, cell.x_to_h)) * h
    gates = conv(x, cell.x_to_gates) + conv(h, cell.h_to_gates)
    i, f, g, o = np.split(gates, 4, axis=-1)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


def equations(cell, x, h, c):
    """As published; the attention, tested on its own, is the layer's."""
    h, c = inner_step(cell, x, h, c)
    width = h.shape[2]
    f = np.concatenate([h, c], axis=2).astype("float32")
    attended = [keras.ops.convert_to_numpy(s(f)) for s in cell.stages]
    pair = conv(np.concatenate(attended, axis=-1), cell.stages_to_pair)
    z = np.concatenate([pair[:, :, :width], pair[:, :, width:]], axis=-1)
    z = conv(z, cell.pair_to_z)
    update = conv(h, cell.h_to_update) + conv(z, cell.z_to_update)
    i, g, o = np.split(update, 3, axis=-1)
    i, o = reference.sigmoid(i), reference.sigmoid(o)
    c = (1 - i) * c + i * np.tanh(g)
    return o * c, c, o


@pytest.mark.parametrize("kernel_size", [3, 5])
def test_follows_its_equations(kernel_size):
    cell = built(kernel_size=kernel_size)
    x, h, c = maps(2, 3, 3)
    tensors = [keras.ops.convert_to_tensor(a) for a in (x, h, c)]
    output, states, aux = cell.step(tensors[0], cell.State(*tensors[1:]))
    expected = equations(cell, x, h, c)
    assert set(aux) == set(cell.aux_names)
    np.testing.assert_array_equal(
        keras.ops.convert_to_numpy(output),
        keras.ops.convert_to_numpy(states.h),
    )
    for given, value in zip(
        (*states, aux["output_gate"]), expected, strict=True
    ):
        given = keras.ops.convert_to_numpy(given)
        np.testing.assert_allclose(given, value, atol=2e-5)


def test_runs_on_maps_of_any_size():
    cell = built()
    frames = keras.Input((None, None, None, 2))
    model = keras.Model(frames, ConvRNN(cell)(frames))
    clip = reference.clips(2, 2, (6, 5), 2)
    h = c = np.zeros((2, 6, 5, 3), "float32")
    for t in range(2):
        h, c, _ = equations(cell, clip[:, t], h, c)
    given = model.predict(clip, verbose=0)
    np.testing.assert_allclose(given, h, atol=2e-5)


def test_names_every_weight_of_a_reference_layer():
    cell = built()
    assert [stage.blocks for stage in cell.stages] == [1, 2, 4]
    for index in range(3):
        names = cell.checkpoint_names[f"stages.{index}.to_qkv"]
        assert names == tuple(
            f"SEBlock.stages.{index}.f_{part}"
            for part in ("query", "key", "value")
        )
    assert len(cell.weights) == 2 * len(cell.checkpoint_names)
