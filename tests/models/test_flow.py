import numpy as np
import pytest

import msrnn_keras
from msrnn_keras.baselines import Persistence
from msrnn_keras.models.flow import has_flow, model_flow
from tests.reference import assert_close, assert_equal

SCALES = (1, 2, 1)
OFFSETS = np.linspace(-1.0, 2.0, 18)


def create(name, scales=SCALES, **options):
    sizes = {"image_shape": (8, 12, 1), "context": 2, "horizon": 1}
    settings = {"filters": 4, "scales": scales, **sizes, **options}
    return msrnn_keras.create(name, **settings)


def frames(time=2, height=8, width=12):
    rng = np.random.default_rng(0)
    return rng.random((time, height, width, 1)).astype("float32")


def cells(model):
    return model._stepper.cell.wiring.cells


def only_bias(layer, bias):
    kernel, _ = layer.weights
    layer.set_weights([np.zeros(kernel.shape), np.asarray(bias, "float32")])


@pytest.mark.backend_free
def test_trajgru_gives_its_links_in_pixels_of_the_frame():
    model = create("trajgru", scales=(2,), links=2, patch_size=2)
    (cell,) = cells(model)
    only_bias(cell.features_to_flow, [1.0, 2.0, -3.0, 0.5])
    (flow,) = model_flow(model, frames()).values()
    assert flow.shape == (2, 2, 3, 2)
    links = 4 * np.array([[1.0, 2.0], [-3.0, 0.5]])[:, None, None]
    assert_close(flow, np.broadcast_to(links, flow.shape))


@pytest.fixture(scope="module")
def moving():
    """Layers at scales 1 and 2 with MotionGRU, of known offsets."""
    model = create("convlstm", motion=True)
    for cell in cells(model)[:2]:
        only_bias(cell.candidate, OFFSETS)
        only_bias(cell.motion_gates, np.zeros(36))
    return model


@pytest.mark.backend_free
def test_motionrnn_gives_the_mean_offset_turned_round(moving):
    # Φ after one, two and three steps, by hand: z/2, z, 13z/8.
    for time, factor in ((1, 0.5), (2, 1.0), (3, 1.625)):
        flows = model_flow(moving, frames(time))
        assert list(flows) == ["layer_0", "layer_1"]
        mean = factor * np.tanh(OFFSETS).reshape(9, 2).mean(axis=0)
        for flow, size in zip(flows.values(), (2, 4), strict=True):
            assert flow.shape == (1, 8 // size, 12 // size, 2)
            expected = np.broadcast_to(-size * mean, flow.shape)
            assert_close(flow, expected, rtol=1e-5)


@pytest.mark.backend_free
def test_odd_sizes_are_cropped_and_the_model_stays_as_it_was(moving):
    before = moving.forecast(frames()[None])
    flows = model_flow(moving, frames(1, 5, 9))
    shapes = [flow.shape for flow in flows.values()]
    assert shapes == [(1, 3, 5, 2), (1, 2, 3, 2)]
    assert all("step" not in vars(cell) for cell in cells(moving))
    assert_equal(moving.forecast(frames()[None]), before)


@pytest.mark.backend_free
def test_who_has_a_flow_and_what_is_refused(moving):
    assert has_flow(moving)
    for model in (create("convlstm", (1,)), Persistence(2, 1)):
        assert not has_flow(model)
        with pytest.raises(ValueError, match="trajgru, motionrnn .* Received"):
            model_flow(model, frames())
    for bad, message in (
        (frames()[None], r"Received: shape \(1, 2, 8, 12, 1\)"),
        (frames() * np.nan, "NaN"),
        (frames().repeat(3, axis=-1), "Received"),
    ):
        with pytest.raises(ValueError, match=message):
            model_flow(moving, bad)
