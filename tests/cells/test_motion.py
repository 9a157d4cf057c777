import collections

import keras
import numpy as np
import pytest
from keras import ops

from msrnn_keras import ConvLSTMCell, ConvRNN
from msrnn_keras.cells.motion import MotionCell
from msrnn_keras.cells.st_lstm import STLSTMCell
from msrnn_keras.cells.trajgru import TrajGRUCell
from tests import reference
from tests.layers.test_warp import warp

SIZE = (8, 6)
HALF = (4, 3)


def shrink(x, kernel, bias):
    """A 2×2 convolution with stride 2, without padding."""
    out = np.zeros((len(x), *HALF, kernel.shape[-1]))
    for row, column in np.ndindex(HALF):
        block = x[:, 2 * row : 2 * row + 2, 2 * column : 2 * column + 2]
        out[:, row, column] = np.tensordot(block, kernel, 3)
    return out + bias


def enlarge(x, kernel, bias):
    """A transposed 4×4 convolution, stride 2, cropped by one pixel."""
    height, width = (2 * n for n in HALF)
    out = np.zeros((len(x), height + 2, width + 2, kernel.shape[2]))
    for row, column in np.ndindex(HALF):
        # The kernel is (row, column, output, input).
        block = np.einsum("bi,hwoi->bhwo", x[:, row, column], kernel)
        out[:, 2 * row : 2 * row + 4, 2 * column : 2 * column + 4] += block
    return out[:, 1:-1, 1:-1] + bias


def expected_step(cell, x, hidden, gate, motion, trend, limit=16384):
    """The output, motion and trend, given what the inner cell gives."""

    def dense(name, *values):
        kernel, bias = getattr(cell, name).get_weights()
        return np.concatenate(values, axis=-1) @ kernel[0, 0] + bias

    e = shrink(hidden, *cell.encode.get_weights())
    gates = reference.sigmoid(dense("motion_gates", e, motion))
    a, r = gates[..., :18], gates[..., 18:]
    z = np.tanh(dense("candidate", e, r * motion))
    trend = trend + 0.5 * (motion - trend)
    motion = np.clip(a * z + (1 - a) * motion + trend, -limit, limit)
    mask = reference.sigmoid(dense("mask", e))
    moved = warp(e, motion)
    channels = [
        mask[..., i] * moved[..., i, c]
        for c in range(e.shape[-1])
        for i in range(9)
    ]
    merged = dense("merge", np.stack(channels, axis=-1))
    dec = enlarge(merged, *cell.decode.get_weights())
    g = reference.sigmoid(dense("fuse", dec, hidden))
    if x.shape[-1] != hidden.shape[-1]:
        (kernel,) = cell.x_to_highway.get_weights()
        x = x @ kernel[0, 0]
    return g * hidden + (1 - g) * dec + (1 - gate) * x, motion, trend


def random_cell(channels=8, inner=ConvLSTMCell, motion_limit=None, **kwargs):
    limit = {} if motion_limit is None else {"motion_limit": motion_limit}
    cell = MotionCell(inner(8, **kwargs), **limit, **kwargs)
    cell.build((2, *SIZE, channels))
    rng = np.random.default_rng(1)
    cell.set_weights([0.5 * rng.normal(size=w.shape) for w in cell.weights])
    return cell


def random_inputs(cell, channels):
    rng = np.random.default_rng(2)
    shapes = [(*SIZE, channels), *cell.state_shapes(SIZE)]
    x, *states = (
        ops.cast(2 * rng.normal(size=(2, *shape)), "float32")
        for shape in shapes
    )
    return x, cell.State(*states)


def numpy(values):
    return [ops.convert_to_numpy(value) for value in values]


@pytest.mark.parametrize("inner", [ConvLSTMCell, STLSTMCell])
@pytest.mark.parametrize("channels", [8, 3])
def test_follows_its_equations(inner, channels):
    cell = random_cell(channels, inner)
    x, states = random_inputs(cell, channels)
    before, (motion, trend) = cell.split(states)
    hidden, after, inner_aux = cell.cell.step(x, before)
    gate = inner_aux["output_gate"]
    expected = expected_step(cell, *numpy((x, hidden, gate, motion, trend)))
    output, new, aux = cell.step(x, states)
    assert tuple(aux) == cell.aux_names == (*inner.aux_names, "flow")
    for name, given in zip(
        ("output", "motion", "trend", "h", "flow"),
        numpy((output, new.motion, new.trend, new.h, aux["flow"])),
        strict=True,
    ):
        wanted = {
            "output": expected[0],
            "h": expected[0],
            "motion": expected[1],
            "flow": expected[1],
            "trend": expected[2],
        }[name]
        np.testing.assert_allclose(given, wanted, atol=1e-4, err_msg=name)
    for name in set(after._fields) - {"h"}:
        np.testing.assert_array_equal(
            *numpy((getattr(new, name), getattr(after, name)))
        )
    for name in inner.aux_names:
        np.testing.assert_array_equal(*numpy((aux[name], inner_aux[name])))


def test_conv_rnn_carries_the_states():
    layer = ConvRNN(random_cell(3), return_sequences=True)
    frames = reference.clips(2, 4, SIZE, 3)
    given = ops.convert_to_numpy(layer(frames))
    cell = layer.cell
    shapes = cell.cell.state_shapes(SIZE)
    h, c = (np.zeros((2, *shape), "float32") for shape in shapes)
    motion, trend = (np.zeros((2, *HALF, 18), "float32") for _ in range(2))
    for t in range(4):
        x = frames[:, t]
        inner = (ops.convert_to_tensor(state) for state in (h, c))
        hidden, new, aux = cell.cell.step(x, cell.cell.State(*inner))
        hidden, gate, c = numpy((hidden, aux["output_gate"], new.c))
        h, motion, trend = (
            value.astype("float32")
            for value in expected_step(cell, x, hidden, gate, motion, trend)
        )
        np.testing.assert_allclose(given[:, t], h, atol=1e-4)


def test_states_are_the_inner_ones_then_motion_and_trend():
    cell = MotionCell(STLSTMCell(8))
    assert cell.State._fields == (*STLSTMCell.State._fields, "motion", "trend")
    assert cell.has_memory and not MotionCell(ConvLSTMCell(8)).has_memory
    assert cell.state_size == [8, 8, 8, 18, 18]
    assert cell.state_shapes(SIZE)[2:] == [(*SIZE, 8), *[(*HALF, 18)] * 2]
    assert cell.state_shapes((None, 6))[-1] == (None, 3, 18)
    assert cell.size_multiple == 2


def test_the_highway_has_weights_only_where_channels_differ():
    assert random_cell(8).x_to_highway is None
    assert random_cell(3).x_to_highway.kernel.shape == (1, 1, 3, 8)


def test_reference_names_name_every_layer_with_weights():
    cell = random_cell(8, STLSTMCell)
    named = set()
    for path in cell.checkpoint_names:
        layer = cell
        for part in path.split("."):
            layer = getattr(layer, part)
        named |= {id(weight) for weight in layer.weights}
    assert named == {id(weight) for weight in cell.weights}


@pytest.mark.parametrize("channels", [8, 3])
def test_every_output_channel_of_every_weight_gets_a_gradient(channels):
    model = keras.Sequential([ConvRNN(random_cell(channels))])
    model.compile(keras.optimizers.SGD(1.0), loss="mean_squared_error")
    frames = reference.clips(2, 3, SIZE, channels)
    model.build(frames.shape)
    before = model.get_weights()
    model.train_on_batch(frames, np.zeros((2, *SIZE, 8), "float32"))
    assert len(before) == (18 if channels == 8 else 19)
    for weight, old in zip(model.weights, before, strict=True):
        change = np.abs(ops.convert_to_numpy(weight) - old)
        # Each output channel; a transposed kernel has them last but one.
        if "decode/kernel" in weight.path:
            change = change.swapaxes(2, 3)
        assert change.reshape(-1, change.shape[-1]).any(axis=0).all(), (
            weight.path
        )


def test_traces_on_symbolic_tensors():
    cell = random_cell(3)
    shapes = [(2, *SIZE, 3)] + [(2, *s) for s in cell.state_shapes(SIZE)]
    x, *states = (keras.KerasTensor(shape) for shape in shapes)
    output, new, aux = cell.step(x, cell.State(*states))
    assert output.shape == new.h.shape == (2, *SIZE, 8)
    assert new.motion.shape == aux["flow"].shape == (2, *HALF, 18)


def test_frames_of_any_size():
    inputs = keras.Input((None, None, None, 3))
    layer = ConvRNN(MotionCell(ConvLSTMCell(8)))
    model = keras.Model(inputs, layer(inputs))
    frames = reference.clips(2, 3, SIZE, 3)
    np.testing.assert_allclose(
        model.predict(frames, verbose=0),
        ops.convert_to_numpy(layer(frames)),
        atol=1e-5,
    )


def test_mixed_precision_stays_near_full_precision():
    full = random_cell(3)
    mixed = random_cell(3, dtype="mixed_bfloat16")
    for weight in full.weights:
        weight.assign(0.3 * weight)
    mixed.set_weights(full.get_weights())
    x, states = random_inputs(full, 3)
    expected, _ = full(x, list(states))
    given, new = mixed(x, list(states))
    types = {"h": "bfloat16"}  # All others add up over time.
    for name, state in zip(mixed.State._fields, new, strict=True):
        dtype = keras.backend.standardize_dtype(state.dtype)
        assert dtype == types.get(name, "float32")
    np.testing.assert_allclose(
        ops.convert_to_numpy(ops.cast(given, "float32")),
        ops.convert_to_numpy(expected),
        atol=0.1,
    )


def test_motion_stays_within_its_limit():
    cell = random_cell(8, motion_limit=1.5)
    x, states = random_inputs(cell, 8)
    hidden, _, aux = cell.cell.step(x, cell.split(states)[0])
    given = (hidden, aux["output_gate"], states.motion, states.trend)
    expected = expected_step(cell, *numpy((x, *given)), limit=1.5)
    output, new, _ = cell.step(x, states)
    assert np.isclose(np.abs(expected[1]), 1.5).mean() > 0.3
    for value, wanted in zip(
        numpy((output, new.motion, new.trend)), expected, strict=True
    ):
        np.testing.assert_allclose(value, wanted, atol=1e-4)


@pytest.mark.parametrize("dtype", ["float32", "mixed_float16"])
def test_the_recurrence_stays_finite(dtype):
    """With a near 0, Φ grows by 1.707 times a step where it has no limit."""
    cell = random_cell(8, dtype=dtype)
    kernel, bias = cell.motion_gates.get_weights()
    bias[:18] = -30
    cell.motion_gates.set_weights([0 * kernel, bias])
    layer = ConvRNN(cell, return_state=True, dtype=dtype)
    frames = reference.clips(1, 200, SIZE, 8)
    start = [
        np.ones((1, *shape), "float32") for shape in cell.state_shapes(SIZE)
    ]
    output, *states = layer(frames, initial_state=start)
    states = cell.State(*numpy(ops.cast(s, "float32") for s in states))
    assert all(np.isfinite(state).all() for state in states)
    np.testing.assert_allclose(states.motion, 16384)
    np.testing.assert_allclose(states.trend, 16384)


@pytest.mark.parametrize("limit", [0, -1.0, np.nan, np.inf, "8", True, None])
def test_refuses_a_limit_that_is_none(limit):
    with pytest.raises(ValueError, match="Received: motion_limit="):
        MotionCell(ConvLSTMCell(8), motion_limit=limit)


def test_refuses_a_limit_that_float16_cannot_sum_up():
    MotionCell(ConvLSTMCell(8), motion_limit=50_000)
    with pytest.raises(ValueError, match="float16. Received: motion_limit=5"):
        MotionCell(ConvLSTMCell(8, dtype="mixed_float16"), motion_limit=50_000)


@pytest.mark.parametrize(
    "name, options",
    [("motionrnn", {}), ("ms-convlstm", {"motion": True})],
)
def test_a_stack_hands_the_limit_on(name, options, tmp_path):
    sizes = {"filters": 4, "scales": (1, 1, 1), **options}
    model = reference.tiny(name, motion_limit=32, **sizes)
    model.save(tmp_path / "model.keras")
    for twin in (model, keras.saving.load_model(tmp_path / "model.keras")):
        *moving, last = twin._forecaster.cell.wiring.cells
        assert [cell.motion_limit for cell in moving] == [32.0, 32.0]
        assert not hasattr(last, "motion_limit")
    cell = reference.tiny(name, **sizes)._forecaster.cell.wiring.cells[0]
    assert cell.motion_limit == 16384.0


def test_a_stack_without_motion_has_no_limit():
    with pytest.raises(ValueError, match="no argument motion_limit"):
        reference.tiny("convlstm", motion_limit=32)
    with pytest.raises(ValueError, match="no argument motion_limit"):
        reference.tiny("motionrnn", motion=False, motion_limit=32)


@pytest.mark.parametrize("size", [(7, 6), (8, 5), (None, 5)])
def test_refuses_odd_maps(size):
    with pytest.raises(ValueError, match=r"even.*Received: shape=\(2, "):
        MotionCell(ConvLSTMCell(8)).build((2, *size, 8))


@pytest.mark.parametrize("filters", [1, 6])
def test_refuses_filters_that_4_does_not_divide(filters):
    with pytest.raises(ValueError, match=f"Received: filters={filters}"):
        MotionCell(ConvLSTMCell(filters))


def test_refuses_cells_without_what_it_needs():
    with pytest.raises(ValueError, match="output_gate.*Received: TrajGRUCell"):
        MotionCell(TrajGRUCell(8))

    class Other(ConvLSTMCell):
        State = collections.namedtuple("State", ("a", "c"))

    with pytest.raises(ValueError, match=r"state h.*Received: \('a', 'c'\)"):
        MotionCell(Other(8))


def test_config_round_trip():
    cell = MotionCell(
        STLSTMCell(8, 5), motion_limit=7, name="one", dtype="bfloat16"
    )
    twin = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(cell)
    )
    assert type(twin) is MotionCell and type(twin.cell) is STLSTMCell
    assert twin.get_config() == cell.get_config()
    assert (twin.filters, twin.kernel_size) == (8, 5)
    assert twin.motion_limit == 7.0


def test_a_config_from_before_the_limit_loads():
    config = MotionCell(STLSTMCell(8)).get_config()
    del config["motion_limit"]
    assert MotionCell.from_config(config).motion_limit == 16384.0
