import functools
import importlib

import keras
import numpy as np
import pytest
from keras import ops

from msrnn_keras import ConvLSTMCell, ConvRNN, losses
from msrnn_keras.layers.warp import Warp
from tests.descriptors import BY_NAME, MULTI_SCALE, each, every_cell
from tests.reference import assert_close, assert_equal, clips, numpy

MIXED = {"mixed_bfloat16": "bfloat16", "mixed_float16": "float16"}
CLIPS = clips(batch=2, length=3, size=(8, 8))
PAST, FUTURE = CLIPS[:, :2], CLIPS[:, 2:]
HALF_STATES = {"h", "x"}  # they only feed convolutions
# These states are recomputed in each step from half-precision maps.
ALSO_HALF = {"CausalLSTMCell": {"m"}, "MIMCell": {"c"}}
# The output is the state.
GATED_RECURRENT = ("ConvGRUCell", "TrajGRUCell")

every_policy = pytest.mark.parametrize("policy", MIXED)


@pytest.fixture
def global_policy(policy):
    """Set the policy of all layers made in a test, inner ones too."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    yield policy
    keras.config.set_dtype_policy(before)


def small(name, **options):
    return BY_NAME[name].small(**{"horizon": 1, **options})


def types_of(tensors):
    return [keras.backend.standardize_dtype(x.dtype) for x in tensors]


def float32(x):
    return numpy(ops.cast(x, "float32"))


@every_policy
@every_cell
def test_types_of_a_cells_states(descriptor, policy, global_policy):
    half, cell = MIXED[policy], descriptor.make()
    few = HALF_STATES | ALSO_HALF.get(type(cell).__name__, set())
    if type(getattr(cell, "cell", cell)).__name__ in GATED_RECURRENT:
        few = set()
    expected = [half if s in few else "float32" for s in cell.State._fields]
    shapes = [(1, *shape) for shape in cell.state_shapes((4, 4))]
    symbols = list(map(keras.KerasTensor, shapes, expected))
    output, states = cell(keras.KerasTensor((1, 4, 4, 3)), symbols)
    assert cell.state_dtypes == expected
    assert types_of([output, *states]) == [half, *expected]


@each(MULTI_SCALE, everywhere=("ms-motionrnn",))
def test_types_of_a_step(descriptor):
    # The types of a cell are tested with both policies above.
    policy = "mixed_bfloat16"
    model = small(descriptor.name, dtype=policy)
    cell = model.get_layer("rollout").rnn.cell
    states = cell.get_initial_state(1, (8, 8))
    assert types_of(states) == cell.state_dtypes
    assert types_of(states[1:]) == types_of(model.step.inputs[1:])
    assert types_of(model.step.outputs) == types_of(model.step.inputs)
    output, states = cell(ops.ones((1, 8, 8, 2)), states)
    assert types_of([output]) == ["float32"]
    assert types_of(states) == cell.state_dtypes


@every_policy
def test_small_additions_to_a_state_are_not_lost(policy):
    cell = ConvLSTMCell(1, dtype=policy)
    layer = ConvRNN(cell, return_state=True, dtype="float32")
    frames, ones = np.zeros((1, 60, 4, 4, 1)), np.ones((1, 4, 4, 1))
    layer.build(frames.shape)
    for weight in cell.weights:
        weight.assign(np.zeros(weight.shape))
    # Forget nothing, let half in, of 0.0004.
    cell.x_to_gates.bias.assign([0, 20, 4e-4, 0])
    _, _, c = layer(frames, initial_state=[0 * ones, ones])
    # 1 + 0.0002 is 1 in half precision.
    assert_close(float32(c), 1 + 60 * 2e-4, atol=1e-4)


@every_policy
def test_predictions_and_distances_are_not_rounded(policy):
    model = small("ms-predrnn-v2", dtype=policy)
    for values in (
        model.predict(PAST, verbose=0),
        model.forecast(PAST),
        model.decoupling_distances(PAST),
    ):
        assert values.dtype == "float32"
        rounded = float32(ops.cast(values, MIXED[policy]))
        assert not np.array_equal(values, rounded)


@pytest.mark.backend_free
@pytest.mark.parametrize("remat", [None, "layer", "step"])
def test_the_head_is_not_rounded(remat):
    model = small(
        "ms-convlstm", context=1, horizon=1, remat=remat, dtype="mixed_bfloat16"
    )
    head = model.get_layer("rollout").rnn.cell.wiring.head
    head.bias.assign([0.0])
    before = numpy(model(PAST[:, :1], training=True))
    head.kernel.assign(head.kernel * (1 + 2**-11))  # bfloat16 has 8 bits
    after = numpy(model(PAST[:, :1], training=True))
    assert_close(after / before, 1 + 2**-11, rtol=1e-4)


def test_warp_reads_precise_offsets():
    x = np.zeros((1, 4, 4, 1), "float32")
    x[:, :, 3] = 1
    offsets = np.zeros((1, 4, 4, 2), "float32")
    offsets[..., 0] = 2 + 2**-7  # 2 in bfloat16
    y = Warp(dtype="mixed_bfloat16")(x, offsets)
    assert types_of([y]) == ["bfloat16"]
    assert_close(float32(y)[0, 1, 0], 2**-7)


def train(model, epochs, scale=2.0**5, **compile_options):
    optimizer = keras.optimizers.Adam(0.03)
    if model.dtype_policy.name == "mixed_float16":
        # Keras starts at 2**15 and skips the steps that overflow.
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer, scale)
    model.compile(optimizer, loss=losses.FrameL1L2Loss(), **compile_options)
    history = model.fit(PAST, FUTURE, epochs=epochs, verbose=0)
    return history.history["loss"]


@each(MULTI_SCALE, everywhere=("ms-predrnn",))
def test_a_training_step_is_finite(descriptor):
    policy = "mixed_float16"  # it has the smaller range
    if keras.backend.backend() == "torch" and "motion" in descriptor.name:
        policy = "mixed_bfloat16"  # PyTorch lacks a float16 gradient on CPUs.
        bfloat16 = importlib.import_module("torch").ops.mkldnn
        if not bfloat16._is_mkldnn_bf16_supported():
            pytest.skip("PyTorch lacks the bfloat16 gradient on this CPU")
    model = small(descriptor.name, dtype=policy)
    before = model.get_weights()
    # Tracing this many takes long on TensorFlow.
    eager = keras.backend.backend() == "tensorflow"
    loss = train(model, epochs=1, run_eagerly=eager)
    assert np.isfinite(loss).all()
    after = model.get_weights()
    assert all(np.isfinite(weight).all() for weight in after)
    assert any((a != b).any() for a, b in zip(before, after, strict=True))


@functools.cache
def trained(dtype, remat=None):
    options = {"dtype": dtype, "remat": remat, "scales": (1, 1)}
    return train(small("ms-convlstm", **options), epochs=8)


@pytest.mark.parametrize(
    "policy",
    [
        "mixed_bfloat16",
        pytest.param("mixed_float16", marks=pytest.mark.backend_free),
    ],
)
def test_trains_as_well_as_float32(policy):
    expected, given = trained("float32"), trained(policy)
    assert expected[-1] < 0.8 * expected[0]
    assert_close(given, expected, rtol=0.1)


@pytest.mark.backend_free
@pytest.mark.parametrize("remat", ["layer", "step"])
def test_rematerialized_training_is_the_same(remat):
    given = trained("mixed_bfloat16", remat)
    assert_close(given[:2], trained("mixed_bfloat16")[:2], rtol=0.01)


@pytest.mark.backend_free
def test_an_overflow_in_float16_changes_no_weight():
    model = small("ms-convlstm", dtype="mixed_float16")
    model.compile("adam", loss=losses.FrameL1L2Loss())
    assert isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer)
    before = model.get_weights()
    train(model, epochs=1, scale=1e30)
    assert_equal(before, model.get_weights())
    scale = float(numpy(model.optimizer.dynamic_scale))
    assert scale == pytest.approx(5e29)
