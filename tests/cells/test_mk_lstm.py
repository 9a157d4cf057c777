import keras
import numpy as np
import pytest

from msrnn_keras import ConvRNN
from msrnn_keras.cells.mk_lstm import MKLSTMCell
from tests import reference


def built(filters=3, channels=2, **kwargs):
    """A cell with random weights, biases too."""
    cell = MKLSTMCell(filters, **kwargs)
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


def equations(cell, x, h, c3, c5):
    sigmoid = reference.sigmoid
    new, o = [], 0
    for k, c in enumerate((c3, c5)):
        gates = conv(x, cell.x_to_gates[k]) + conv(h, cell.h_to_gates[k])
        i, f, g, o_k = np.split(gates, 4, axis=-1)
        new.append(sigmoid(f) * c + sigmoid(i) * np.tanh(g))
        o = o + o_k + conv(new[k], cell.c_to_o[k])
    o = sigmoid(o)
    h = o * np.tanh(conv(np.concatenate(new, axis=-1), cell.c_to_h))
    return h, *new, o


@pytest.mark.parametrize("kernel_size", [2, 3])
def test_follows_its_equations(kernel_size):
    cell = built(kernel_size=kernel_size)
    x, h, c3, c5 = maps(2, 3, 3, 3)
    tensors = [keras.ops.convert_to_tensor(a) for a in (x, h, c3, c5)]
    output, states, aux = cell.step(tensors[0], cell.State(*tensors[1:]))
    expected = equations(cell, x, h, c3, c5)
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
    h = c3 = c5 = np.zeros((2, 6, 5, 3), "float32")
    for t in range(2):
        h, c3, c5, _ = equations(cell, clip[:, t], h, c3, c5)
    given = model.predict(clip, verbose=0)
    np.testing.assert_allclose(given, h, atol=2e-5)


def test_names_every_weight_of_a_reference_layer():
    cell = built()
    names = cell.checkpoint_names
    for path in ("x_to_gates", "h_to_gates", "c_to_o"):
        for index, size in enumerate((3, 5)):
            assert getattr(cell, path)[index].kernel_size == (size, size)
            assert names[f"{path}.{index}"].endswith(f"_{size}")
    assert names["c_to_h"] == "_conv_out"
    assert len(cell.weights) == 2 * len(names)
