"""What only a MotionCell does; the shared checks are in test_cells.py."""

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
from tests.reference import assert_close, numpy

SIZE = (8, 6)
HALF = (4, 3)


@pytest.mark.backend_free
def test_states_are_the_inner_ones_then_motion_and_trend():
    cell = MotionCell(STLSTMCell(8))
    assert cell.State._fields == (*STLSTMCell.State._fields, "motion", "trend")
    assert cell.has_memory and not MotionCell(ConvLSTMCell(8)).has_memory
    assert cell.state_size == [8, 8, 8, 18, 18]
    assert cell.state_shapes(SIZE)[2:] == [(*SIZE, 8), *[(*HALF, 18)] * 2]
    assert cell.state_shapes((None, 6))[-1] == (None, 3, 18)
    assert cell.size_multiple == 2


@pytest.mark.parametrize("dtype", ["float32", "mixed_float16"])
def test_the_recurrence_stays_finite(dtype):
    """With a near 0, Φ grows by 1.707 times per step without a limit."""
    cell = MotionCell(ConvLSTMCell(8, dtype=dtype))
    cell.build((1, *SIZE, 8))
    kernel, bias = cell.motion_gates.get_weights()
    bias[:18] = -30
    cell.motion_gates.set_weights([0 * kernel, bias])
    layer = ConvRNN(cell, return_state=True, dtype=dtype)
    frames = reference.clips(1, 60, SIZE, 8)
    start = [
        np.ones((1, *shape), "float32") for shape in cell.state_shapes(SIZE)
    ]
    output, *states = layer(frames, initial_state=start)
    states = cell.State(*(numpy(ops.cast(s, "float32")) for s in states))
    assert all(np.isfinite(state).all() for state in states)
    assert_close(states.motion, 16384)
    assert_close(states.trend, 16384)


@pytest.mark.backend_free
def test_the_limit_is_a_positive_number_that_float16_can_sum_up():
    for limit in (0, -1.0, np.nan, np.inf, "8", True, None):
        with pytest.raises(ValueError, match="Received: motion_limit="):
            MotionCell(ConvLSTMCell(8), motion_limit=limit)
    MotionCell(ConvLSTMCell(8), motion_limit=50_000)
    with pytest.raises(ValueError, match="float16. Received: motion_limit=5"):
        MotionCell(ConvLSTMCell(8, dtype="mixed_float16"), motion_limit=50_000)


@pytest.mark.backend_free
@pytest.mark.parametrize(
    ("name", "options"), [("motionrnn", {}), ("ms-convlstm", {"motion": True})]
)
def test_a_stack_hands_the_limit_on(name, options, tmp_path):
    sizes = {"filters": 4, "scales": (1, 1, 1), **options}
    model = reference.tiny(name, motion_limit=32, **sizes)
    model.save(tmp_path / "model.keras")
    for twin in (model, keras.saving.load_model(tmp_path / "model.keras")):
        *moving, last = twin._stepper.cell.wiring.cells
        assert [cell.motion_limit for cell in moving] == [32.0, 32.0]
        assert not hasattr(last, "motion_limit")
    cell = reference.tiny(name, **sizes)._stepper.cell.wiring.cells[0]
    assert cell.motion_limit == 16384.0
    with pytest.raises(ValueError, match="no argument motion_limit"):
        reference.tiny(name, **{**sizes, "motion": False, "motion_limit": 32})
    # A config from before its later arguments loads.
    config = MotionCell(STLSTMCell(8)).get_config()
    del config["motion_limit"], config["kernel_regularizer"]
    assert MotionCell.from_config(config).motion_limit == 16384.0


@pytest.mark.backend_free
def test_refuses_maps_and_cells_without_what_it_needs():
    for size in ((7, 6), (8, 5), (None, 5)):
        with pytest.raises(ValueError, match=r"even.*Received: shape=\(2, "):
            MotionCell(ConvLSTMCell(8)).build((2, *size, 8))
    with pytest.raises(ValueError, match="Received: filters=6"):
        MotionCell(ConvLSTMCell(6))
    with pytest.raises(ValueError, match="output_gate.*Received: TrajGRUCell"):
        MotionCell(TrajGRUCell(8))

    class Other(ConvLSTMCell):
        State = collections.namedtuple("State", ("a", "c"))

    with pytest.raises(ValueError, match=r"state h.*Received: Other.*'a', 'c'"):
        MotionCell(Other(8))
