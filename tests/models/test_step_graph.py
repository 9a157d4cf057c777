import keras
import numpy as np
import pytest

from msrnn_keras import losses
from msrnn_keras.models.step_graph import Wiring, sources
from tests.descriptors import MULTI_SCALE, each
from tests.reference import INPUTS, assert_close, clips, tiny


@pytest.mark.backend_free
def test_layers_are_wired_as_published():
    for skips, expected in INPUTS[6].items():
        assert [sources(layer, 6, skips) for layer in range(1, 6)] == expected
    # Five layers mirror around the middle one.
    for skips, expected in (
        ("add", [[0], [1], [1, 2], [0, 3]]),
        ("unet3+", [[0], [1], [0, 1, 2], [0, 2, 3]]),
    ):
        assert [sources(layer, 5, skips) for layer in range(1, 5)] == expected


@pytest.mark.backend_free
def test_step_graph_shows_the_multi_scale_structure():
    step = tiny().step
    for i, size in enumerate((16, 8, 4, 4, 8, 16)):
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
    step = tiny(scales=(2, 4, 2)).step
    assert step.get_layer("layer_0").output[0].shape == (None, 8, 8, 2)
    assert step.get_layer("layer_1").output[0].shape == (None, 4, 4, 2)
    assert step.outputs[0].shape == (None, 16, 16, 1)
    # It can be drawn.
    pytest.importorskip("pydot")
    dot = keras.utils.model_to_dot(tiny().step, show_shapes=True).to_string()
    assert "skips_to_4" in dot or "Add" in dot
    assert "(None, 4, 4, 2)" in dot.replace("\\", "")


@pytest.mark.backend_free
def test_memory_runs_through_the_layers_without_skips():
    step = tiny("ms-predrnn", skips="fc").step
    assert [x.name for x in step.inputs[:4]] == ["frame", "m", "h_0", "c_0"]
    assert len(step.inputs) == len(step.outputs) == 2 + 6 * 2
    resampled = {layer.name for layer in step.layers if "_m_" in layer.name}
    ends = ("down_m_0_to_1", "down_m_1_to_2", "up_m_3_to_4", "up_m_4_to_5")
    assert resampled == set(ends)
    assert step.outputs[1].shape == step.inputs[1].shape == (None, 16, 16, 2)


# The first cell reads its input otherwise than by convolutions.
NOT_FOLDED = {"ms-preciplstm", "ms-modernn", "ms-cms-lstm"}
FOLDED = [d for d in MULTI_SCALE if d.name not in NOT_FOLDED]


def small(descriptor, **options):
    return descriptor.small(**{"scales": (1, 1), **options})


def is_folded(model):
    """Whether the embed gives ones and leaves its kernel to another layer."""
    embed = model.step.get_layer("embed")
    black = keras.ops.zeros((1, 1, 1, embed.kernel.shape[2]))
    return bool(keras.ops.any(embed(black) != 0))


@each(MULTI_SCALE, everywhere=("ms-mim",))
def test_the_embed_is_folded_where_the_first_cell_can(descriptor):
    assert is_folded(small(descriptor)) is (descriptor in FOLDED)


@pytest.mark.backend_free
@pytest.mark.parametrize(
    "options",
    [
        {"patch_size": 2},  # 4 channels enter, as many as filters
        {"scales": (2, 2)},  # pooled before the first layer
        {"filters": 2},  # as many channels as the frame and ones
    ],
)
def test_the_embed_is_not_folded_where_it_would_not_help(options):
    assert not is_folded(small(MULTI_SCALE[0], **options))


@each(FOLDED, everywhere=("ms-mim",))
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
