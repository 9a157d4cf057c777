import numpy as np
import pytest

import zoo
from examples import fine_tune
from msrnn_keras import MSStack, data, transfer_weights
from tests.reference import numpy, tiny

# Short clips on small frames, of three digits: seconds, and still a gain.
CLIPS, SIDES = {"context": 3, "horizon": 5}, (32, 32)

pytestmark = pytest.mark.backend_free


def test_tuning_beats_the_preset_and_the_same_steps_from_scratch(monkeypatch):
    trained = zoo.load("ms-convlstm/mnist/small")

    def load_small(name, weights=True):
        config = {**trained.get_config(), **CLIPS, "image_shape": (*SIDES, 1)}
        model = MSStack.from_config(config)
        if weights:
            transfer_weights(trained, model)
        return model

    monkeypatch.setattr(zoo, "load", load_small)
    shift = {**fine_tune.SHIFT, **CLIPS, "image_shape": SIDES}
    monkeypatch.setattr(fine_tune, "SHIFT", shift)
    monkeypatch.setattr(fine_tune, "BATCH", 4)
    monkeypatch.setattr(fine_tune, "TEST_CLIPS", 4)
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
    assert model.image_shape == scratch.image_shape == (48, 80, 3)
    assert (model.context, model.horizon) == (6, 12)


def test_colors_are_one_digit_each_and_the_shifted_digits_three():
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
    clips = fine_tune.shifted("train", 64)
    assert (clips.num_digits, clips.speed, len(clips)) == (3, 0.15, 8)


def test_the_rate_rises_and_falls():
    schedule = fine_tune.learning_rate(steps=3)
    rates = [float(numpy(schedule(step))) for step in range(4)]
    np.testing.assert_allclose(rates, [1e-4, 1e-3, 5e-4, 0], atol=1e-9)
