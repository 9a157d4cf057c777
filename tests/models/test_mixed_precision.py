"""Mixed precision: what stays float32, and that it trains."""

import functools
import importlib

import keras
import numpy as np
import pytest
from keras import ops

from msrnn_keras import ConvLSTMCell, ConvRNN, losses
from msrnn_keras.layers.warp import Warp
from tests import reference
from tests.descriptors import ARCHITECTURES, CELLS
from tests.reference import clips, numpy

MIXED = {"mixed_bfloat16": "bfloat16", "mixed_float16": "float16"}
MULTI_SCALE = [d for d in ARCHITECTURES if d.name.startswith("ms-")]
CLIPS = clips(batch=2, length=3, size=(8, 8))
PAST, FUTURE = CLIPS[:, :2], CLIPS[:, 2:]
HALF_STATES = {"h", "x"}  # they only feed convolutions
# These states are recomputed in each step from half-precision maps.
ALSO_HALF = {"CausalLSTMCell": {"m"}, "MIMCell": {"c"}}
# The output is the state.
GATED_RECURRENT = ("ConvGRUCell", "TrajGRUCell")

every_policy = pytest.mark.parametrize("policy", MIXED)
every_cell = pytest.mark.parametrize(
    "descriptor", CELLS, ids=[d.cell.__name__ for d in CELLS]
)
some_architectures = pytest.mark.parametrize(
    "descriptor",
    [
        pytest.param(
            descriptor,
            id=descriptor.name,
            marks=[]
            if descriptor.name in ("ms-convlstm", "ms-predrnn")
            else pytest.mark.backend_free,
        )
        for descriptor in MULTI_SCALE
    ],
)
every_architecture = pytest.mark.parametrize(
    "descriptor", MULTI_SCALE, ids=[d.name for d in MULTI_SCALE]
)


@pytest.fixture
def global_policy(policy):
    """Set the policy of all layers made in a test, inner ones too."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    yield policy
    keras.config.set_dtype_policy(before)


def small(name, **options):
    """Three layers of four filters."""
    sizes = {"scales": (1, 2, 1), "context": 2, "horizon": 1, "filters": 4}
    return reference.tiny(name, **{**sizes, **options})


def types_of(tensors):
    return [keras.backend.standardize_dtype(x.dtype) for x in tensors]


def float32(x):
    return numpy(ops.cast(x, "float32"))


# === States ===


def expected_types(descriptor, half):
    cell = descriptor.make()
    name = type(getattr(cell, "cell", cell)).__name__
    few = HALF_STATES | ALSO_HALF.get(type(cell).__name__, set())
    if name in GATED_RECURRENT:
        few = set()
    return [half if s in few else "float32" for s in cell.State._fields]


@every_policy
@every_cell
def test_types_of_a_cells_states(descriptor, policy, global_policy):
    half = MIXED[policy]
    expected = expected_types(descriptor, half)
    cell = descriptor.make()
    x = clips(1, 1, (4, 4), 3)[0]
    states = cell.get_initial_state(1, (4, 4))
    assert types_of(states) == cell.state_dtypes == expected
    for _ in range(2):
        output, states = cell(x, states)
        assert types_of([output]) == [half]
        assert types_of(states) == expected
    symbols = [keras.KerasTensor(s.shape, s.dtype) for s in states]
    output, states = cell(keras.KerasTensor(x.shape), symbols)
    assert types_of([output, *states]) == [half, *expected]


@every_cell
@pytest.mark.parametrize("policy", ["bfloat16", "float32"])
def test_one_type_for_all_in_other_policies(descriptor, policy, global_policy):
    cell = descriptor.make()
    states = cell.get_initial_state(1, (4, 4))
    output, states = cell(clips(1, 1, (4, 4), 3)[0], states)
    assert set(types_of([output, *states])) == {policy}


@every_architecture
def test_types_of_a_step(descriptor):
    # The types of a cell are tested with both policies above.
    policy = "mixed_bfloat16"
    model = small(descriptor.name, dtype=policy, **descriptor.options)
    cell = model.get_layer("rollout").rnn.cell
    states = cell.get_initial_state(1, (8, 8))
    assert types_of(states) == cell.state_dtypes
    assert types_of(states[1:]) == types_of(model.step.inputs[1:])
    assert types_of(model.step.outputs) == types_of(model.step.inputs)
    output, states = cell(ops.ones((1, 8, 8, 2)), states)
    assert types_of([output]) == ["float32"]
    assert types_of(states) == cell.state_dtypes
    assert {"float32"} < set(cell.state_dtypes[1:]) | {MIXED[policy]}


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
    np.testing.assert_allclose(float32(c), 1 + 60 * 2e-4, atol=1e-4)


# === What leaves the network ===


def is_rounded(x, half):
    return np.array_equal(x, float32(ops.cast(x, half)))


@every_policy
def test_predictions_and_distances_are_not_rounded(policy):
    model = small("ms-predrnn-v2", dtype=policy)
    for values in (
        model.predict(PAST, verbose=0),
        model.forecast(PAST),
        model.decoupling_distances(PAST),
    ):
        assert values.dtype == "float32"
        assert not is_rounded(values, MIXED[policy])


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
    np.testing.assert_allclose(after / before, 1 + 2**-11, rtol=1e-4)


def test_warp_reads_precise_offsets():
    x = np.zeros((1, 4, 4, 1), "float32")
    x[:, :, 3] = 1
    offsets = np.zeros((1, 4, 4, 2), "float32")
    offsets[..., 0] = 2 + 2**-7  # 2 in bfloat16
    y = Warp(dtype="mixed_bfloat16")(x, offsets)
    assert types_of([y]) == ["bfloat16"]
    np.testing.assert_allclose(float32(y)[0, 1, 0], 2**-7)


def test_float32_is_what_the_equations_say_to_the_last_bit():
    cell = ConvLSTMCell(3)
    x, h, c = (ops.array(clips(1, 1, (4, 4), 3, seed=n)[0]) for n in range(3))
    cell.build(x.shape)
    output, (new_h, new_c) = cell(x, [h, c])
    gates = cell.x_to_gates(x) + cell.h_to_gates(h)
    i, f, g, o = ops.split(gates, 4, axis=-1)
    c = ops.sigmoid(f) * c + ops.sigmoid(i) * ops.tanh(g)
    h = ops.sigmoid(o) * ops.tanh(c)
    for given, expected in ((output, h), (new_h, h), (new_c, c)):
        np.testing.assert_array_equal(numpy(given), numpy(expected))


# === Training ===


def train(model, epochs, scale=2.0**5, **compile_options):
    """Train and return the loss of each epoch."""
    optimizer = keras.optimizers.Adam(0.03)
    if model.dtype_policy.name == "mixed_float16":
        # Keras starts at 2**15 and skips the steps that overflow.
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer, scale)
    model.compile(optimizer, loss=losses.FrameL1L2Loss(), **compile_options)
    history = model.fit(PAST, FUTURE, epochs=epochs, verbose=0)
    return history.history["loss"]


@functools.cache
def losses_of(name, dtype):
    return train(small(name, dtype=dtype, filters=2), epochs=12)


@some_architectures
def test_a_training_step_is_finite(descriptor):
    policy = "mixed_float16"  # it has the smaller range
    if keras.backend.backend() == "torch" and "motion" in descriptor.name:
        policy = "mixed_bfloat16"  # PyTorch lacks a float16 gradient on CPUs.
        bfloat16 = importlib.import_module("torch").ops.mkldnn
        if not bfloat16._is_mkldnn_bf16_supported():
            pytest.skip("PyTorch lacks the bfloat16 gradient on this CPU")
    model = small(descriptor.name, dtype=policy, **descriptor.options)
    before = model.get_weights()
    # Tracing this many takes long on TensorFlow.
    eager = keras.backend.backend() == "tensorflow"
    loss = train(model, epochs=1, run_eagerly=eager)
    assert np.isfinite(loss).all()
    after = model.get_weights()
    assert all(np.isfinite(weight).all() for weight in after)
    assert any((a != b).any() for a, b in zip(before, after, strict=True))


@every_policy
@pytest.mark.parametrize(
    "name",
    [
        "ms-convlstm",
        *(
            pytest.param(name, marks=pytest.mark.backend_free)
            for name in ("ms-predrnn", "ms-trajgru")
        ),
    ],
)
def test_trains_as_well_as_float32(name, policy):
    expected, given = losses_of(name, "float32"), losses_of(name, policy)
    assert expected[-1] < 0.8 * expected[0]
    np.testing.assert_allclose(given, expected, rtol=0.1)


@pytest.mark.parametrize(
    "policy",
    [
        "mixed_bfloat16",
        pytest.param("mixed_float16", marks=pytest.mark.backend_free),
    ],
)
@pytest.mark.parametrize("remat", ["layer", "step"])
def test_rematerialized_training_is_the_same(remat, policy):
    plain, again = (
        train(
            small("ms-convlstm", dtype=policy, remat=kind, filters=2),
            epochs=2,
        )
        for kind in (None, remat)
    )
    np.testing.assert_allclose(again, plain, rtol=0.01)


def test_an_overflow_in_float16_changes_no_weight():
    model = small("ms-convlstm", dtype="mixed_float16")
    before = model.get_weights()
    train(model, epochs=1, scale=1e30)
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    scale = float(numpy(model.optimizer.dynamic_scale))
    np.testing.assert_allclose(scale, 5e29, rtol=1e-6)


def test_float16_scales_the_loss_by_itself():
    model = small("ms-convlstm", dtype="mixed_float16")
    model.compile("adam", loss=losses.FrameL1L2Loss())
    assert isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer)
