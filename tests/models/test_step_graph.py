import keras
import numpy as np
import pytest

from msrnn_keras import losses
from msrnn_keras.models.step_graph import Wiring, sources
from tests.descriptors import ARCHITECTURES
from tests.reference import INPUTS, assert_close, clips, tiny

BACKEND = keras.backend.backend()


@pytest.mark.parametrize("skips", INPUTS[6])
def test_layers_are_wired_as_published(skips):
    given = [sources(layer, 6, skips) for layer in range(1, 6)]
    assert given == INPUTS[6][skips]
    # Five layers mirror around the middle one.
    given = [sources(layer, 5, skips) for layer in range(1, 5)]
    if skips == "add":
        assert given == [[0], [1], [1, 2], [0, 3]]
    if skips == "unet3+":
        assert given == [[0], [1], [0, 1, 2], [0, 2, 3]]


def test_step_graph_shows_the_multi_scale_structure():
    step = tiny(image_shape=(16, 16, 1), filters=2).step
    sizes = (16, 8, 4, 4, 8, 16)
    for i, size in enumerate(sizes):
        layer = step.get_layer(f"layer_{i}")
        assert layer.output[0].shape[1:] == (size, size, 2)
    names = {layer.name for layer in step.layers}
    assert {"down_0_to_1", "down_1_to_2", "up_3_to_4", "up_4_to_5"} < names
    assert {"skips_to_4", "skips_to_5"} < names
    assert [x.name for x in step.inputs[:3]] == ["frame", "h_0", "c_0"]
    assert step.outputs[0].shape == (None, 16, 16, 1)
    names = [layer.name for layer in tiny("convlstm").step.layers]
    assert not [n for n in names if n.startswith(("up_", "down_", "skips_"))]
    # The scales of the first and the last layer may differ from 1.
    step = tiny(scales=(2, 4, 2), image_shape=(16, 16, 1)).step
    assert step.get_layer("layer_0").output[0].shape == (None, 8, 8, 2)
    assert step.get_layer("layer_1").output[0].shape == (None, 4, 4, 2)
    assert step.outputs[0].shape == (None, 16, 16, 1)


def test_step_graph_can_be_drawn():
    pytest.importorskip("pydot")
    dot = keras.utils.model_to_dot(tiny().step, show_shapes=True).to_string()
    assert "skips_to_4" in dot or "Add" in dot
    assert "(None, 4, 4, 2)" in dot.replace("\\", "")


def test_memory_runs_through_the_layers_without_skips():
    step = tiny("ms-predrnn", skips="fc").step
    assert [x.name for x in step.inputs[:4]] == ["frame", "m", "h_0", "c_0"]
    assert len(step.inputs) == len(step.outputs) == 2 + 6 * 2
    names = {layer.name for layer in step.layers}
    resampled = {name for name in names if "_m_" in name}
    assert resampled == {
        "down_m_0_to_1",
        "down_m_1_to_2",
        "up_m_3_to_4",
        "up_m_4_to_5",
    }
    assert step.outputs[1].shape == step.inputs[1].shape == (None, 16, 16, 2)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("mim", ["STLSTMCell", *5 * ["MIMCell"]]),
        (
            "motionrnn",
            ["MotionCell STLSTMCell", *4 * ["MotionCell MIMCell"], "MIMCell"],
        ),
        (
            "predrnn++",
            ["CausalLSTMCell", "GradientHighwayCell CausalLSTMCell"]
            + 4 * ["CausalLSTMCell"],
        ),
        ("predrnn-v2", 6 * ["DecoupledCell STLSTMCell"]),
    ],
)
def test_every_layer_has_the_cell_of_its_place(name, expected):
    cells = tiny(name, filters=4)._stepper.cell.wiring.cells
    names = [
        " ".join(type(x).__name__ for x in (c, getattr(c, "cell", None)) if x)
        for c in cells
    ]
    assert names == expected


# === The folded embed ===

# The first cell reads its input otherwise than by convolutions.
NOT_FOLDED = {"preciplstm", "modernn", "cms-lstm"}
FOLDED = [
    descriptor
    for descriptor in ARCHITECTURES
    if descriptor.name.startswith("ms-")
    and descriptor.name.removeprefix("ms-") not in NOT_FOLDED
    # Compiling takes long.
    and (BACKEND == "torch" or descriptor.name in ("ms-predrnn++", "ms-mim"))
]


def small(descriptor, **options):
    return descriptor.small(**{"scales": (1, 1), **options})


def is_folded(model):
    """Whether the embed gives ones and leaves its kernel to another layer."""
    embed = model.step.get_layer("embed")
    black = keras.ops.zeros((1, 1, 1, embed.kernel.shape[2]))
    return bool(keras.ops.any(embed(black) != 0))


@pytest.mark.parametrize("descriptor", ARCHITECTURES, ids=lambda x: x.name)
def test_the_embed_is_folded_where_the_first_cell_can(descriptor):
    can = descriptor.name.removeprefix("ms-") not in NOT_FOLDED
    assert is_folded(small(descriptor)) is can


@pytest.mark.parametrize(
    "options",
    [
        {"patch_size": 2},  # 4 channels enter, as many as filters
        {"scales": (2, 2)},  # pooled before the first layer
        {"filters": 2},  # as many channels as the frame and ones
    ],
)
def test_the_embed_is_not_folded_where_it_would_not_help(options):
    convlstm = ARCHITECTURES[0]
    assert is_folded(small(convlstm))
    assert not is_folded(small(convlstm, **options))


@pytest.mark.parametrize("descriptor", FOLDED, ids=lambda x: x.name)
def test_a_folded_embed_changes_nothing(descriptor, monkeypatch):
    frames, future = clips(length=3, size=(8, 8)), clips(length=2, size=(8, 8))
    folded = small(descriptor)
    monkeypatch.setattr(Wiring, "_fold_embed", lambda *_: None)
    plain = small(descriptor)
    assert not is_folded(plain)
    assert [w.path for w in plain.weights] == [w.path for w in folded.weights]
    rng = np.random.default_rng(1)
    weights = [0.3 * rng.normal(size=w.shape) for w in plain.weights]
    results = []
    for model in (folded, plain):
        model.set_weights(weights)  # biases too
        forecast = model.predict(frames[:, :2], verbose=0)
        model.compile(keras.optimizers.SGD(1e-3), loss=losses.FrameL1L2Loss())
        trained = [model.train_on_batch(frames, future) for _ in range(2)]
        results.append([forecast, *trained, *model.get_weights()])
    assert_close(*results, rtol=1e-4, atol=2e-5)
