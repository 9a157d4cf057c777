"""Covariates and noise, from training to streams."""

import keras
import numpy as np
import pytest

import msrnn_keras
import zoo
from msrnn_keras.data import ArraySource, Clips
from msrnn_keras.evaluation import evaluate
from msrnn_keras.losses import AlmostFairCRPS, FrameL1L2Loss
from msrnn_keras.metrics import CRPS, SpreadSkillRatio
from msrnn_keras.models.flow import has_flow, model_flow
from msrnn_keras.models.step_inputs import StepInputs
from msrnn_keras.models.transfer import initialize_weights
from msrnn_keras.report import evaluation_report

SIZES = {
    "image_shape": (16, 16, 1),
    "context": 4,
    "horizon": 3,
    "filters": 2,
    "scales": (1, 2, 1),
}
RANDOM = np.random.default_rng(0)
PAST = RANDOM.random((2, 4, 10, 14, 1), dtype="float32")
FUTURE = RANDOM.random((2, 3, 10, 14, 1), dtype="float32")
KNOWN = RANDOM.random((2, 6, 10, 14, 2), dtype="float32")


class MeanError(keras.losses.Loss):
    """Absolute error of all members."""

    takes_members = True

    def call(self, y_true, y_pred):
        axes = tuple(range(1, len(y_pred.shape)))
        return keras.ops.mean(keras.ops.abs(y_pred - y_true[:, None]), axes)


def make(name="convlstm", **options):
    """Return a model whose forecasts depend on its inputs."""
    keras.utils.set_random_seed(0)
    return msrnn_keras.create(name, **{**SIZES, "patch_size": 2, **options})


# The coarsest layer is the first, or one that is passed a memory.
@pytest.mark.parametrize(
    ("name", "scales"), [("convlstm", (1,)), ("predrnn", (1, 2, 1))]
)
def test_forecast_members_are_those_of_their_seed(name, scales):
    model = make(name, scales=scales, noise=True, covariates=2)
    given = {"covariates": KNOWN}
    three = model.forecast(PAST, members=3, **given)
    assert three.shape == (2, 3, 3, 10, 14, 1)
    assert (np.ptp(three, axis=1) > 0).mean() > 0.9
    # Neither the number of members nor the batches matter.
    five = model.forecast(PAST, members=5, batch_size=3, **given)
    np.testing.assert_allclose(five[:, :3], three, atol=1e-6)
    one = model.forecast(PAST, **given)
    np.testing.assert_allclose(one, three[:, 0], atol=1e-6)
    np.testing.assert_allclose(model.predict((PAST, KNOWN)), one, atol=1e-6)
    every = model.predict_all((PAST, KNOWN))
    np.testing.assert_allclose(every[:, 3:], one, atol=1e-6)
    other = model.forecast(PAST, members=3, seed=1, **given)
    assert not np.allclose(other, three, atol=1e-6)
    changed = model.forecast(PAST, members=3, covariates=1 - KNOWN)
    assert not np.allclose(changed, three, atol=1e-6)


@pytest.mark.parametrize("window", [None, 4])
def test_streams_equal_forecasts(window, tmp_path):
    model = make(noise=True, covariates=2)
    expected = model.forecast(PAST, members=2, seed=7, covariates=KNOWN)
    stream = model.stream(window, members=2, seed=7)
    for step in range(4):
        stream.update(PAST[:, step], covariates=KNOWN[:, step])
    for _ in range(2):  # a forecast changes nothing
        future = stream.forecast(3, KNOWN[:, 4:])
        np.testing.assert_allclose(future, expected, atol=1e-6)
    stream.save(tmp_path / "stream")
    loaded = model.load_stream(tmp_path / "stream")
    np.testing.assert_array_equal(loaded.forecast(3, KNOWN[:, 4:]), future)
    single = model.stream(window, members=2, seed=7)
    for step in range(4):
        single.update(PAST[0, step], covariates=KNOWN[0, step])
    np.testing.assert_allclose(
        single.forecast(3, KNOWN[0, 4:]), expected[0], atol=1e-6
    )


def test_static_covariates_hold_at_every_step():
    model = make(covariates=2)
    static = KNOWN[0, 0]
    repeated = np.broadcast_to(static, KNOWN.shape)
    expected = model.forecast(PAST, covariates=repeated)
    np.testing.assert_array_equal(
        model.forecast(PAST, covariates=static), expected
    )
    np.testing.assert_array_equal(model.predict((PAST, static)), expected)
    graph = keras.ops.convert_to_numpy(model((PAST, repeated)))
    np.testing.assert_allclose(graph, expected, atol=1e-5)


def test_fit_trains_members_and_weights_of_noise_and_covariates():
    model = make(noise=True, covariates=2, members=3)
    model.compile("adam", loss=MeanError())
    assert model((PAST, KNOWN)).shape == (2, 3, 3, 10, 14, 1)
    before = [keras.ops.convert_to_numpy(w) + 0 for w in model.weights]
    losses = model.fit((PAST, KNOWN), FUTURE, epochs=2, verbose=0)
    assert losses.history["loss"][1] < losses.history["loss"][0]
    now = map(keras.ops.convert_to_numpy, model.weights)
    rows = zip(model.weights, now, before, strict=True)
    moved = {w.path for w, new, old in rows if (new != old).any()}
    assert any("noise_mix" in path for path in moved)
    data = Clips(
        ArraySource(np.concatenate([PAST[0], FUTURE[0]])),
        context=4,
        horizon=3,
        covariates=RANDOM.random((7, 1, 14, 2), dtype="float32"),
    )
    if keras.backend.backend() == "tensorflow":
        data = data.as_tf_data()
    assert np.isfinite(model.evaluate(data, verbose=0))


def test_models_without_extras_have_the_same_config_and_weights():
    model, other = make(), make(noise=True)
    assert not {"noise", "members", "covariates"} & set(model.get_config())
    twin = type(other).from_config(other.get_config())
    assert twin.noise and twin.members == 2
    extra = {w.path for w in other.weights} - {w.path for w in model.weights}
    assert {path.split("/")[-2] for path in extra} == {"noise_mix"}
    np.testing.assert_array_equal(
        model.forecast(PAST, members=1)[:, 0], model.forecast(PAST)
    )


def test_clips_give_the_covariates_of_their_steps():
    frames = np.linspace(0, 1, 9, dtype="float32")
    frames = np.broadcast_to(frames[:, None, None, None], (9, 2, 2, 1))
    hours = np.arange(9, dtype="float32")[:, None, None, None]
    clips = Clips(ArraySource(frames), 2, 2, batch_size=4, covariates=hours)
    (x, known), y = clips[1]
    assert x.shape == (2, 2, 2, 2, 1) and y.shape == (2, 2, 2, 2, 1)
    np.testing.assert_array_equal(known[:, :, 1, 1, 0], [[4, 5, 6], [5, 6, 7]])
    np.testing.assert_allclose(x[:, :, 0, 0, 0] * 8, [[4, 5], [5, 6]])
    (_, whole), _ = clips.arrays()
    assert whole.shape == (6, 3, 2, 2, 1)
    static = Clips(ArraySource(frames), 2, 2, covariates=hours[0])
    assert not static[0][0][1].any()


def test_noise_is_white_and_of_its_key_alone():
    given = StepInputs(members=2, seed=3)
    samples = np.arange(400)
    (maps,) = given.at(0, samples, (4, 4))
    assert maps.shape == (400, 4, 4, 1)
    assert abs(maps.mean()) < 0.05 and abs(maps.std() - 1) < 0.05
    rows = maps.reshape(400, 16)
    assert np.abs(np.corrcoef(rows.T) - np.eye(16)).max() < 0.25
    (part,) = given.at(0, samples[7:9], (4, 4))
    np.testing.assert_array_equal(part, maps[7:9])
    (later,) = given.at(1, samples[:1], (4, 4))
    assert not np.allclose(later, maps[:1])


def moving_dots(count):
    """Return clips of a dot that the wind of each step moves by a pixel."""
    random = np.random.default_rng(count)
    frames = np.zeros((count, 3, 8, 8, 1), "float32")
    wind = random.integers(-1, 2, (count, 2, 2))
    place = random.integers(0, 8, (count, 2))
    for step in range(3):
        frames[np.arange(count), step, place[:, 0], place[:, 1]] = 1
        if step < 2:
            place = (place + wind[:, step]) % 8
    field = np.broadcast_to(wind[:, :, None, None], (count, 2, 8, 8, 2))
    return frames[:, :1], frames[:, 1:], field.astype("float32")


@pytest.mark.backend_free
def test_a_wind_field_halves_the_error_of_the_motion_that_it_decides():
    past, future, wind = moving_dots(256)
    unseen, truth, unseen_wind = moving_dots(64)
    errors = []  # without and with the wind
    for count in (0, 2):
        keras.utils.set_random_seed(0)
        model = msrnn_keras.create(
            "convlstm",
            image_shape=(8, 8, 1),
            context=1,
            horizon=2,
            filters=8,
            scales=(1,),
            covariates=count,
        )
        model.compile(keras.optimizers.Adam(0.03), FrameL1L2Loss(l1_weight=0.0))
        x = (past, wind) if count else past
        model.fit(x, future, batch_size=32, epochs=25, verbose=0)
        x = (unseen, unseen_wind) if count else unseen
        errors.append(np.square(model.predict(x, verbose=0) - truth).mean())
    assert errors[1] < errors[0] / 2


@pytest.mark.backend_free
def test_members_learn_to_go_either_way():
    random = np.random.default_rng(0)
    frames = np.zeros((384, 2, 8, 8, 1), "float32")
    row, column = random.integers(0, 8, (2, 384))
    there = (column + random.choice([-1, 1], 384)) % 8
    for step, place in enumerate((column, there)):
        frames[np.arange(384), step, row, place] = 1
    model = make(
        image_shape=(8, 8, 1),
        context=1,
        horizon=1,
        filters=16,
        patch_size=1,
        scales=(1,),
        noise=True,
    )
    model.compile(keras.optimizers.Adam(0.01), AlmostFairCRPS())
    past, future = frames[:, :1], frames[:, 1:]
    model.fit(past[:256], future[:256], batch_size=32, epochs=40, verbose=0)
    given = (past[256:], future[256:])
    scores = evaluate(model, given, [CRPS(), SpreadSkillRatio()])["forecast"]
    # Zeros have 1; half a dot on either side has 1 too.
    assert scores["crps"] < 0.75
    assert 0.6 < scores["spread_skill_ratio"] < 1.2


def assert_refused(word, function, *args, **kwargs):
    with pytest.raises(ValueError) as info:
        function(*args, **kwargs)
    assert word in str(info.value) and "Received: " in str(info.value)


def test_wrong_arguments_are_refused():
    plain, both = make(), make(noise=True, covariates=2)
    known = {"covariates": KNOWN[0, 0]}
    assert_refused("no noise", plain.forecast, PAST, members=2)
    assert_refused("no covariates", plain.forecast, PAST, **known)
    assert_refused("no noise", plain.stream, members=2)
    assert_refused("(2, 6, 10, 14, 2)", both.forecast, PAST)
    for wrong in (KNOWN[:, :5], KNOWN[..., :1], KNOWN[:1], KNOWN[0]):
        assert_refused("here", both.forecast, PAST, covariates=wrong)
    hole = KNOWN[0, 0].copy()
    hole[0, 0, 0] = np.nan
    assert_refused("known", both.forecast, PAST, covariates=hole)
    assert_refused("both inputs", both.predict, PAST)
    assert_refused("seed", both.forecast, PAST, seed=-1, **known)
    for count in (0, 1.5, True):
        assert_refused("members", both.forecast, PAST, members=count, **known)
    assert_refused("members", make, members=1)
    assert_refused("covariates", make, covariates=-1)
    both.compile("adam", loss="mse")
    given = {"x": (PAST, KNOWN), "y": FUTURE}
    assert_refused("takes_members", both.fit, **given)
    both.compile("adam", loss=AlmostFairCRPS(), metrics=["mse"])
    assert_refused("takes_members", both.fit, **given)
    assert_refused("takes_members", both.evaluate, **given)
    assert_refused("covariates", both.stream().update, PAST[:, 0])
    assert_refused("its step", both.export, "x", verbose=False)
    report = evaluation_report
    assert_refused("frames alone", report, "x.html", both, (PAST, FUTURE), {})
    moving = make("motionrnn", filters=4, noise=True)
    assert_refused("without noise", model_flow, moving, PAST[0])
    assert not has_flow(moving) and has_flow(make("motionrnn", filters=4))
    source = ArraySource(PAST[0])
    assert_refused("(4, 10, 14", Clips, source, 1, 1, covariates=KNOWN[0])


def test_a_model_with_noise_starts_from_one_without():
    plain, noisy = make(), make(noise=True)
    for weight in plain.trainable_variables:
        weight.assign(weight + 0.1)
    fresh = [w for w in noisy.weights if "noise_mix" in w.path]
    before = [keras.ops.convert_to_numpy(w) + 0 for w in fresh]
    initialize_weights(plain, noisy)
    for old, new in zip(before, fresh, strict=True):
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(new), old)
        new.assign(0 * new)
    np.testing.assert_allclose(
        noisy.forecast(PAST), plain.forecast(PAST), atol=1e-6
    )
    with pytest.raises(ValueError, match="noise_mix"):
        initialize_weights(noisy, plain)


def test_a_preset_and_a_checkpoint_of_a_model_with_noise(tmp_path):
    model = make(noise=True, members=3)
    model.compile("adam", loss=AlmostFairCRPS(alpha=0.9))
    model.save_to_preset(tmp_path / "preset")
    loaded = zoo.load(tmp_path / "preset", members=2)
    assert loaded.members == 2 and loaded.loss.alpha == 0.9
    given = {"members": 2, "seed": 5}
    np.testing.assert_array_equal(
        loaded.forecast(PAST, **given), model.forecast(PAST, **given)
    )
    # A run that goes on draws the noise that an uncut one would draw.
    model.fit(PAST, FUTURE, verbose=0)
    model.save(tmp_path / "model.keras")
    resumed = keras.saving.load_model(tmp_path / "model.keras")
    model.fit(PAST, FUTURE, verbose=0)
    resumed.fit(PAST, FUTURE, verbose=0)
    for one, two in zip(model.weights, resumed.weights, strict=True):
        one, two = map(keras.ops.convert_to_numpy, (one, two))
        np.testing.assert_allclose(one, two, atol=1e-6)
