import keras
import numpy as np
import pytest
from keras import ops

from msrnn_keras import ConvRNN
from msrnn_keras.cells.trajgru import TrajGRUCell
from tests import reference
from tests.layers.test_warp import warp

SIZE = (6, 5)


def leaky_relu(x):
    return np.where(x > 0, x, 0.2 * x)


def expected_step(weights, x, h):
    """The new h and the flow, from the equations. Weights by their path."""

    def conv(name, value):
        return reference.conv(value, *weights[name])

    filters = h.shape[-1]
    gates = conv("x_to_gates", x)
    z_x, r_x, n_x, f_x = (
        gates[..., i * filters : (i + 1) * filters] for i in range(4)
    )
    flow = conv("features_to_flow", leaky_relu(f_x + conv("h_to_features", h)))
    links = warp(h, -flow)
    links = np.concatenate(
        [links[..., i, :] for i in range(links.shape[3])], axis=-1
    )
    gates = conv("warped_to_gates", links)
    z_h, r_h, n_h = (
        gates[..., i * filters : (i + 1) * filters] for i in range(3)
    )
    z = reference.sigmoid(z_x + z_h)
    n = leaky_relu(n_x + reference.sigmoid(r_x + r_h) * n_h)
    return (1 - z) * n + z * h, flow


def random_cell(channels=2, **options):
    cell = TrajGRUCell(**{"filters": 3, "links": 2, **options})
    cell.build((2, *SIZE, channels))
    rng = np.random.default_rng(1)
    cell.set_weights([rng.normal(size=w.shape) for w in cell.weights])
    return cell


def weights_of(cell):
    return {
        name: getattr(cell, name).get_weights()
        for name in cell.checkpoint_names
    }


def maps(channels, seed):
    return np.random.default_rng(seed).normal(size=(2, *SIZE, channels))


@pytest.mark.parametrize("kernel_size", [1, 3, 4])
@pytest.mark.parametrize("channels", [2, 3])
def test_follows_its_equations(kernel_size, channels):
    cell = random_cell(channels, kernel_size=kernel_size)
    x, h = maps(channels, 2), maps(3, 3)
    expected, flow = expected_step(weights_of(cell), x, h)
    assert np.abs(flow).max() > 1
    output, states, aux = cell.step(
        ops.cast(x, "float32"), cell.State(ops.cast(h, "float32"))
    )
    assert tuple(aux) == cell.aux_names == ("flow",)
    for given, wanted in (
        (output, expected),
        (states.h, expected),
        (aux["flow"], flow),
    ):
        np.testing.assert_allclose(
            ops.convert_to_numpy(given), wanted, rtol=1e-4, atol=1e-4
        )


def test_conv_rnn_carries_the_state():
    layer = ConvRNN(random_cell(), return_sequences=True)
    frames = reference.clips(2, 4, SIZE, 2)
    given = ops.convert_to_numpy(layer(frames))
    weights = weights_of(layer.cell)
    h = np.zeros((2, *SIZE, 3))
    for t in range(4):
        h, _ = expected_step(weights, frames[:, t], h)
        np.testing.assert_allclose(given[:, t], h, rtol=1e-4, atol=1e-4)


def test_every_output_channel_of_every_weight_gets_a_gradient():
    model = keras.Sequential([ConvRNN(random_cell())])
    model.compile(keras.optimizers.SGD(1.0), loss="mean_squared_error")
    frames = reference.clips(2, 3, SIZE, 2)
    model.build(frames.shape)
    before = model.get_weights()
    model.train_on_batch(frames, np.zeros((2, *SIZE, 3), "float32"))
    assert len(before) == 8
    for weight, old in zip(model.weights, before, strict=True):
        change = np.abs(ops.convert_to_numpy(weight) - old)
        assert change.reshape(-1, change.shape[-1]).any(axis=0).all(), (
            weight.path
        )


def test_traces_on_symbolic_tensors():
    cell = random_cell()
    x = keras.KerasTensor((2, *SIZE, 2))
    h, states, aux = cell.step(x, cell.State(keras.KerasTensor((2, *SIZE, 3))))
    assert h.shape == states.h.shape == (2, *SIZE, 3)
    assert aux["flow"].shape == (2, *SIZE, 4)


def test_mixed_precision_stays_near_full_precision():
    full = random_cell()
    mixed = random_cell(dtype="mixed_bfloat16")
    for weight in full.weights:
        weight.assign(0.3 * weight)
    mixed.set_weights(full.get_weights())
    x, h = (ops.cast(maps(n, n), "float32") for n in (2, 3))
    expected, _ = full(x, [h])
    given, (state,) = mixed(x, [h])
    assert keras.backend.standardize_dtype(given.dtype) == "bfloat16"
    assert keras.backend.standardize_dtype(state.dtype) == "float32"
    np.testing.assert_allclose(
        ops.convert_to_numpy(ops.cast(given, "float32")),
        ops.convert_to_numpy(expected),
        atol=0.1,
    )


@pytest.mark.parametrize("links", [0, -1, 2.0, True, None])
def test_refuses_bad_links(links):
    with pytest.raises(ValueError, match="links.*Received: links="):
        TrajGRUCell(3, links=links)


def test_config_round_trip():
    cell = TrajGRUCell(3, 5, links=4, name="one", dtype="bfloat16")
    twin = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(cell)
    )
    assert type(twin) is TrajGRUCell
    assert twin.get_config() == cell.get_config()
    assert (twin.filters, twin.kernel_size, twin.links) == (3, 5, 4)
