import keras
import numpy as np

from msrnn_keras import ConvRNN
from msrnn_keras.cells.convlstm import ConvLSTMCell
from msrnn_keras.cells.modernn import MoDeRNNCell
from tests import reference

KEYS = {"_conv_x2h", "_conv_h2h"} | {
    f"conv{size}_{map}" for size in (33, 55, 77) for map in "HX"
}


def built(filters=3, channels=2, **kwargs):
    """A cell with random weights, biases too."""
    cell = MoDeRNNCell(filters, **kwargs)
    cell.build((None, None, None, channels))
    rng = np.random.default_rng(1)
    cell.set_weights([0.3 * rng.normal(size=w.shape) for w in cell.weights])
    return cell


def maps(*channels, size=(6, 5)):
    return [
        reference.clips(1, 2, size, n, seed=seed)[0] - 0.5
        for seed, n in enumerate(channels)
    ]


def mean(x, layer):
    return sum(reference.conv(x, *c.get_weights()) for c in layer.convs) / 3


def equations(cell, x, h, c):
    for n in (1, 2, 3, 4, 5):
        if n % 2:
            x = 2 * reference.sigmoid(mean(h, cell.h_to_x)) * x
        else:
            h = 2 * reference.sigmoid(mean(x, cell.x_to_h)) * h
    gates = reference.conv(x, *cell.x_to_gates.get_weights())
    gates = gates + reference.conv(h, *cell.h_to_gates.get_weights())
    i, f, g, o = np.split(gates, 4, axis=-1)
    c = reference.sigmoid(f) * c + reference.sigmoid(i) * np.tanh(g)
    o = reference.sigmoid(o)
    return o * np.tanh(c), c, o


def test_follows_its_equations():
    cell = built(kernel_size=5)
    x, h, c = maps(2, 3, 3)
    tensors = [keras.ops.convert_to_tensor(a) for a in (x, h, c)]
    output, states, aux = cell.step(tensors[0], cell.State(*tensors[1:]))
    expected_h, expected_c, expected_o = equations(cell, x, h, c)
    assert set(aux) == set(cell.aux_names)
    for given, expected in (
        (output, expected_h),
        (states.h, expected_h),
        (states.c, expected_c),
        (aux["output_gate"], expected_o),
    ):
        given = keras.ops.convert_to_numpy(given)
        np.testing.assert_allclose(given, expected, atol=2e-5)


def test_is_a_convlstm_where_the_gates_are_open_halfway():
    cell = built()
    for layer in (cell.h_to_x, cell.x_to_h):
        layer.set_weights([0 * w for w in layer.get_weights()])
    plain = ConvLSTMCell(3)
    plain.build((None, None, None, 2))
    for name in ("x_to_gates", "h_to_gates"):
        getattr(plain, name).set_weights(getattr(cell, name).get_weights())
    x, *states = maps(2, 3, 3)
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(cell(x, states)[0]),
        keras.ops.convert_to_numpy(plain(x, states)[0]),
        atol=1e-6,
    )


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
    assert set(cell.checkpoint_names.values()) == KEYS
    sizes = [conv.kernel_size for conv in cell.h_to_x.convs]
    assert sizes == [(3, 3), (5, 5), (7, 7)]
    assert len(cell.weights) == 2 * len(KEYS)
