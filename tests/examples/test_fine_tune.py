import keras
import numpy as np
import pytest

import zoo
from examples import fine_tune
from msrnn_keras import MSStack, data, transfer_weights
from tests.reference import numpy, tiny

# Short clips on small frames, of three digits: seconds, and still a gain.
CLIPS = {"context": 4, "horizon": 10, "image_shape": (48, 48)}


@pytest.fixture
def small(monkeypatch):
    """The preset for those clips."""
    load = zoo.load

    def load_small(*names, weights=True, **options):
        trained = load(*names, **options)
        config = {**trained.get_config(), "context": 4, "horizon": 10}
        model = MSStack.from_config(config)
        if weights:
            transfer_weights(trained, model)
        return model

    monkeypatch.setattr(zoo, "load", load_small)
    monkeypatch.setattr(fine_tune, "SHIFT", {**fine_tune.SHIFT, **CLIPS})
    monkeypatch.setattr(fine_tune, "BATCH", 4)
    monkeypatch.setattr(fine_tune, "TEST_CLIPS", 4)


@pytest.mark.skipif(
    keras.backend.backend() != "torch", reason="compiles longer than it runs"
)
def test_tuning_beats_the_preset_and_the_same_steps_from_scratch(small):
    _, scores = fine_tune.tune_shifted(steps=4)
    mse = {name: score["forecast"]["mse"] for name, score in scores.items()}
    assert list(mse) == ["preset", "fine-tuned", "from scratch", "all black"]
    assert mse["fine-tuned"] < 0.9 * mse["preset"]
    assert mse["fine-tuned"] < 0.9 * mse["from scratch"]


def test_what_fits_is_kept_and_the_rest_is_named():
    trained = tiny(filters=20, scales=(1, 2, 1), patch_size=2)
    model, scratch, kept, fresh = fine_tune.reshape(trained)
    assert sorted(fresh) == ["embed/kernel", "head/bias", "head/kernel"]
    assert sorted(kept + fresh) == sorted(w.path for w in model.weights)
    old = {weight.path: numpy(weight) for weight in trained.weights}
    new = {weight.path: numpy(weight) for weight in model.weights}
    for path in kept:
        np.testing.assert_array_equal(new[path], old[path])
    assert model.image_shape == scratch.image_shape == (48, 80, 3)
    assert (model.context, model.horizon) == (6, 12)


@pytest.mark.backend_free
def test_colors_are_one_digit_each():
    clips = fine_tune.Colors("test", 9)
    past, future = clips[1]
    assert len(clips) == 2
    assert past.shape == (1, 6, 48, 80, 3)
    assert future.shape == (1, 12, 48, 80, 3)
    for channel in range(3):
        one_digit = {"image_shape": (48, 80), "num_digits": 1, "seed": channel}
        digits = data.sample_digits("test")
        expected = data.MovingMNIST(
            "test", 9, context=6, horizon=12, digits=digits, **one_digit
        ).arrays()
        for given, one in zip((past, future), expected, strict=True):
            np.testing.assert_array_equal(given[..., channel], one[8:, ..., 0])


@pytest.mark.backend_free
def test_the_shifted_digits_are_three_and_faster():
    clips = fine_tune.shifted("train", 64)
    assert (clips.num_digits, clips.speed, len(clips)) == (3, 0.15, 8)
    usual = data.MovingMNIST(
        "train", 64, digits=data.sample_digits("train")
    ).arrays()
    ratio = clips.arrays()[0].mean() / usual[0].mean()
    assert 1.3 < ratio < 1.6  # three digits for two, where they overlap less


@pytest.mark.backend_free
def test_the_rate_rises_and_falls():
    schedule = fine_tune.learning_rate(steps=3)
    rates = [float(numpy(schedule(step))) for step in range(4)]
    np.testing.assert_allclose(rates, [1e-4, 1e-3, 5e-4, 0], atol=1e-9)
