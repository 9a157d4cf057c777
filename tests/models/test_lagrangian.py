import keras
import numpy as np
import pytest

import msrnn_keras
from msrnn_keras import Lagrangian, MSStack, evaluation, probability_match
from msrnn_keras.baselines import OpticalFlow, SmoothedFlow
from msrnn_keras.data import Clips, from_arrays
from msrnn_keras.losses import FrameL1L2Loss
from msrnn_keras.metrics import CRPS
from msrnn_keras.utils.motion import advect, motion_field, to_moving_frame
from tests.reference import assert_close, assert_equal, randomize, short
from tests.utils.test_motion import blobs

SIZES = {"image_shape": (48, 48, 1), "context": 4, "horizon": 3}
CLIP = blobs(10)[None]
PAST, FUTURE = CLIP[:, :4], CLIP[:, 4:7]
FLOW = OpticalFlow(4, 3, flow_frames=4)


def stack(**options):
    options = {"missing": "mask", "residual": True, **SIZES, **options}
    return short(filters=1, scales=(1,), **options)


def trained(**options):
    """A model whose forecast is not persistence in the moving frame."""
    return Lagrangian(randomize(stack(), 0.1), **options)


def test_untrained_it_is_the_optical_flow_of_any_size_and_horizon():
    model = Lagrangian(stack())
    assert_close(model.predict(PAST, verbose=0), FLOW.predict(PAST), atol=1e-6)
    odd = np.concatenate([PAST, PAST[:, ::-1]])[:, :, :45, 3:]
    given = model.forecast(odd, horizon=6)
    assert given.shape == (2, 6, 45, 45, 1) and given.dtype == "float32"
    assert_close(given, FLOW.forecast(odd, horizon=6), atol=1e-6)
    assert_close(
        model.forecast(CLIP[:, :7]), FLOW.forecast(CLIP[:, :7]), atol=1e-6
    )
    error = np.abs(given[0, :3, 14:-14, 14:-14] - FUTURE[0, :, 14:31, 17:-14])
    assert error.mean() < 0.02


@pytest.mark.backend_free
def test_growth_learned_where_all_stands_still_moves_with_the_rain():
    """A step that adds 0.1 to each pixel, at the places of the flow."""
    model = Lagrangian(stack())
    *others, bias = model.get_weights()
    model.set_weights([*others, np.full_like(bias, 0.1)])
    given = model.forecast(PAST, horizon=2)
    moved = Lagrangian(stack(), fill=None).forecast(PAST, horizon=2)
    grown = np.nan_to_num(moved + np.reshape([0.1, 0.2], (1, 2, 1, 1, 1)))
    assert_close(given, grown, atol=1e-5)
    assert_equal(given[0, :, 0, 0], 0)  # inflow


@pytest.mark.parametrize(
    "kind", ["stack", pytest.param("simvp", marks=pytest.mark.backend_free)]
)
def test_it_is_the_wrapped_model_between_two_moves(kind):
    if kind == "stack":
        wrapped = randomize(stack(), 0.1)
    else:
        sizes = {"filters": 2, "translator_filters": 4, "translator_blocks": 2}
        options = {"spatial_layers": 2, "missing": "mask", **SIZES}
        wrapped = msrnn_keras.create("simvp-v2", **sizes, **options)
    model = Lagrangian(wrapped, fill=None)
    moved = to_moving_frame(PAST[0], 4)[None]
    field = motion_field(PAST[0, ..., 0])
    inside = wrapped.predict(moved, verbose=0)
    still = np.zeros((1, 2, 48, 48))
    given = model.forecast(PAST, fields=field[None])
    assert_close(given, model.predict(PAST, verbose=0), atol=1e-6)
    unmoved = model.forecast(PAST, fields=still)
    assert_close(unmoved, wrapped.predict(PAST, verbose=0), atol=1e-6)
    ahead = advect(inside[0], field, (1, 2, 3))
    assert_close(model.forecast(PAST)[0], ahead, atol=1e-6)
    assert np.abs(given[0, 1] - inside[0, 1])[14:-14, 14:-14].max() > 0.01


@pytest.mark.backend_free
def test_missing_pixels_stay_missing_or_are_filled():
    past = PAST.copy()
    past[:, :, 20:30, 10:20] = np.nan
    model = Lagrangian(stack(), fill=None)
    given = model.forecast(past)
    for step in range(3):
        hole = np.argwhere(np.isnan(given[0, step, 12:, 12:, 0])) + 12
        assert abs(hole.min(0) - [21 + step, 12 + 2 * step]).max() <= 2
        assert abs(hole.max(0) - [30 + step, 21 + 2 * step]).max() <= 2
    filled = trained(fill=0.75).forecast(past)
    assert_equal(filled[np.isnan(given)], 0.75)
    assert np.isfinite(filled).all()
    broken = trained()
    broken.set_weights([x * np.nan for x in broken.get_weights()])
    with pytest.raises(ValueError, match="not finite.*Received: NaN"):
        broken.forecast(past)
    gone = PAST.copy()
    gone[:, -1] = np.nan  # everything would be unknown
    with pytest.raises(ValueError, match="at least one pixel.*Received"):
        model.forecast(gone)


@pytest.mark.backend_free
def test_matched_has_the_values_of_the_flow():
    model = trained()
    mean = model.forecast(PAST)
    matched = model.forecast(PAST, matched=True)
    assert np.abs(matched - mean).max() > 0.01
    flow = Lagrangian(stack(), fill=None).forecast(PAST)
    known = np.isfinite(flow)
    for step in range(3):
        values = matched[0, step][known[0, step]]
        assert_close(
            np.sort(values), np.sort(flow[0, step][known[0, step]]), atol=1e-6
        )
    assert_equal(matched[~known], 0)
    always = Lagrangian(model.model, matched=True)
    assert_equal(always.predict(PAST, verbose=0), matched)
    assert_equal(always.forecast(PAST, matched=False), mean)
    unmatched = np.where(known, mean, np.nan)
    assert_close(
        np.nan_to_num(probability_match(unmatched, flow)), matched, atol=1e-6
    )


@pytest.mark.backend_free
def test_blend_is_a_share_of_the_smoothed_flow():
    options = {"blur": 0.5, "factor": 0.8}
    smooth = SmoothedFlow(4, 3, flow_frames=4, **options).predict(PAST)
    given = trained(blend=1.0, **options).predict(PAST, verbose=0)
    assert_close(given, smooth, atol=1e-6)
    half = trained(blend=0.5, **options).predict(PAST, verbose=0)
    mean = trained().predict(PAST, verbose=0)
    assert_close(half, (mean + smooth) / 2, atol=1e-6)


@pytest.mark.backend_free
def test_stream_evaluation_and_trained_weights(tmp_path):
    model = trained()
    stream = model.stream()
    for frame in CLIP[0, :6]:
        stream.update(frame)
    expected = model.forecast(CLIP[:, 2:6], horizon=5, matched=False)[0]
    assert_equal(stream.forecast(5), expected)
    stream.save(tmp_path / "stream.npz")
    twin = Lagrangian(stack())
    model.model.save_weights(tmp_path / "m.weights.h5")
    twin.load_weights(tmp_path / "m.weights.h5")
    assert_close(
        twin.load_stream(tmp_path / "stream.npz").forecast(5), expected
    )
    with pytest.raises(ValueError, match="differ in fill. Load that"):
        trained(fill=0.5).load_stream(tmp_path / "stream.npz")
    scores = evaluation.evaluate(Lagrangian(stack()), (PAST, FUTURE))
    flow = evaluation.evaluate(FLOW, (PAST, FUTURE))
    for name, value in scores["forecast"].items():
        assert value == pytest.approx(flow["forecast"][name], rel=1e-3)


def test_save_load_and_preset(tmp_path):
    options = {"fill": 0.5, "matched": True, "blend": 0.25, "blur": 0.1}
    model = trained(factor=0.9, **options)
    model.value_range = (-0.5, 1.5)
    expected = model.predict(PAST, verbose=0)
    model.save(tmp_path / "m.keras")
    twin = keras.saving.load_model(tmp_path / "m.keras")
    assert type(twin) is Lagrangian and type(twin.model) is MSStack
    assert twin.get_config() == model.get_config()
    assert twin.value_range == (-0.5, 1.5)
    assert_equal(twin.predict(PAST, verbose=0), expected)
    model.save_to_preset(tmp_path / "preset")
    loaded = Lagrangian.from_preset(tmp_path / "preset")
    assert_equal(loaded.predict(PAST, verbose=0), expected)
    changed = {"horizon": 5, "matched": False, "fill": None, "blend": 0.0}
    loaded = Lagrangian.from_preset(tmp_path / "preset", **changed)
    assert loaded.horizon == loaded.model.horizon == 5
    given = trained(fill=None).forecast(PAST, horizon=5)
    assert_close(loaded.predict(PAST, verbose=0), given, atol=1e-6)
    with pytest.raises(ValueError, match="`context` cannot be replaced"):
        Lagrangian.from_preset(tmp_path / "preset", context=5)
    with pytest.raises(ValueError, match="must be of the class MSStack"):
        MSStack.from_preset(tmp_path / "preset")


def test_the_wrapped_model_learns_growth_and_decay_in_the_moving_frame():
    fading = CLIP * np.reshape(0.85 ** np.arange(10), (1, 10, 1, 1, 1))
    fading = fading.astype("float32")
    past, future = fading[:, :4], fading[:, 4:7]
    model = Lagrangian(stack(warmup=False))
    model.compile(keras.optimizers.Adam(0.03), FrameL1L2Loss())
    data = {"validation_data": (past, future)}
    logs = model.fit(past, future, epochs=40, verbose=0, **data).history
    moved = to_moving_frame(fading[0, :7], 4)[None]
    inside = model.model.evaluate(moved[:, :4], moved[:, 4:], verbose=0)
    assert_close(logs["val_loss"][-1], inside, rtol=1e-4)
    assert logs["loss"][-1] < 0.5 * logs["loss"][0]
    inside = (slice(None), slice(None), slice(14, -14), slice(14, -14))
    errors = [
        np.square(
            (x.predict(fading[:, :4], verbose=0) - fading[:, 4:7])[inside]
        )
        for x in (model, FLOW)
    ]
    assert errors[0].mean() < 0.3 * errors[1].mean()


@pytest.mark.backend_free
def test_a_data_set_in_the_moving_frame_is_not_moved_again(monkeypatch):
    moved = to_moving_frame(CLIP[0, :7], 4)
    source = from_arrays(moved)
    clips = Clips(source, 4, 3, batch_size=1)
    clips.moving = True
    losses = []
    for x, y in ((CLIP[:, :4], CLIP[:, 4:7]), (clips, None)):
        model = Lagrangian(stack(warmup=False))
        model.compile("sgd", loss="mse")
        data = {"validation_data": clips if y is None else (x, y)}
        history = model.fit(x, y, verbose=0, shuffle=False, **data).history
        losses.append((history["loss"], history["val_loss"]))
    assert_close(*losses, rtol=1e-5)
    clips.moving = False
    for x, data in ((clips, None), (moved[None], clips)):
        with pytest.raises(TypeError, match="moving=True.*Received: Clips"):
            model.fit(x, None if x is clips else x, validation_data=data)


@pytest.mark.backend_free
def test_what_would_skip_the_motion_is_refused():
    model = Lagrangian(stack())
    model.compile("sgd", loss="mse")
    for x, y, error, text in (
        (PAST, None, TypeError, "NoneType"),
        (CLIP[:, :6], FUTURE, ValueError, "Received: 6 frames"),
        (PAST, FUTURE[:, :2], ValueError, "`y` must have the shape"),
        (PAST, FUTURE * np.inf, ValueError, "y"),
    ):
        with pytest.raises(error, match=text):
            model.fit(x, y)
    with pytest.raises(TypeError, match="sample_weight"):
        model.fit(PAST, FUTURE, sample_weight=np.ones(1))
    for method in (
        lambda: model(PAST),
        lambda: model(keras.Input((4, 48, 48, 1))),
        lambda: model.evaluate(PAST, FUTURE),
        lambda: model.train_on_batch(PAST, FUTURE),
        lambda: model.test_on_batch(PAST, FUTURE),
    ):
        with pytest.raises(NotImplementedError, match="model.model.*Received"):
            method()
    with pytest.raises(NotImplementedError, match="Received: Lagrangian"):
        model.predict_all(PAST)
    with pytest.raises(TypeError, match="Received: x of type generator"):
        model.predict(x for x in [PAST])
    with pytest.raises(TypeError, match="Received: steps=2"):
        model.predict(PAST, steps=2)
    with pytest.raises(ValueError, match="at least 4 frames"):
        model.forecast(PAST[:, :3])


@pytest.mark.backend_free
def test_bad_arguments():
    model = stack()
    for wrong, message in (
        (model.step, "`Forecaster`.*Received: model="),
        (Lagrangian(model), "not `Lagrangian` itself"),
        (stack(missing=None), "missing='mask'. Received: missing=None"),
    ):
        with pytest.raises(ValueError, match=message):
            Lagrangian(wrong)
    for options in ({"blend": 1.5}, {"blur": -1}, {"fill": np.nan}):
        with pytest.raises(ValueError, match="Received: .*"):
            Lagrangian(model, **options)
    for fields in (np.zeros((1, 2, 8, 8)), np.full((1, 2, 48, 48), np.inf)):
        with pytest.raises(ValueError, match="`fields` must be finite"):
            Lagrangian(model).forecast(PAST, fields=fields)


@pytest.mark.backend_free
def test_export_names_the_network(tmp_path):
    with pytest.raises(NotImplementedError, match=r"`model\.model\.export"):
        trained().export(tmp_path / "x")
    assert not list(tmp_path.iterdir())


@pytest.mark.backend_free
def test_an_ensemble_along_the_motion_is_scored():
    model = Lagrangian(randomize(stack(noise=True), 0.1))
    scores = evaluation.evaluate(model, (PAST, FUTURE), members=3)
    members = model.forecast(PAST, members=3, seed=0)
    metric = CRPS()
    metric.update_state(FUTURE, np.clip(members, 0, 1))
    crps = float(metric.result())
    assert scores["forecast"]["crps"] == pytest.approx(crps, rel=1e-5)
