"""Optimizer, learning rate and scheduled sampling of a recipe."""

import dataclasses
import math

import keras
import pytest

from msrnn_keras.training import optimization
from msrnn_keras.training.recipe import Training

TRAINING = Training(
    batch_size=2,
    epochs=3,
    steps_per_epoch=4,
    learning_rate=0.01,
    warmup_steps=2,
    sampling_steps=6,
    validation_clips=2,
)


def changed(**changes):
    return dataclasses.replace(TRAINING, **changes)


def number(value):
    return float(keras.ops.convert_to_numpy(value))


@pytest.mark.parametrize(
    "schedule, rates",
    [
        ("cosine", {0: 0, 1: 0.005, 2: 0.01, 7: 0.005, 12: 0, 20: 0}),
        ("one-cycle", {0: 0.0004, 1: 0.0052, 2: 0.01, 7: 0.00500002, 12: 4e-8}),
        ("constant", {0: 0, 1: 0.005, 2: 0.01, 7: 0.01, 12: 0.01, 20: 0.01}),
    ],
)
def test_learning_rate(schedule, rates):
    rate = optimization.learning_rate(changed(schedule=schedule))
    for step, expected in rates.items():
        assert number(rate(step)) == pytest.approx(expected, abs=1e-8)
    cold = changed(schedule=schedule, warmup_steps=0)
    first = number(optimization.learning_rate(cold)(0))
    assert first == pytest.approx(0.01)


def test_constant_rate_with_decay():
    training = changed(schedule="constant", decay_steps=4)
    rate = optimization.learning_rate(training)
    expected = {1: 0.005, 2: 0.01, 8: 0.01, 9: 0.0075, 11: 0.0025, 12: 0, 20: 0}
    for step, value in expected.items():
        assert number(rate(step)) == pytest.approx(value, abs=1e-8)
    copy = type(rate).from_config(rate.get_config())
    assert number(copy(9)) == number(rate(9))
    # Without a decay it does not depend on the epochs.
    rates = [
        optimization.learning_rate(changed(schedule="constant", epochs=epochs))
        for epochs in (1, 100)
    ]
    assert rates[0].get_config() == rates[1].get_config()


def test_default_optimizer_is_plain_adam():
    config = optimization.optimizer(TRAINING).get_config()
    plain = keras.optimizers.Adam().get_config()
    for config_of in (config, plain):
        config_of.pop("learning_rate")
        config_of.pop("name")
    assert config == plain


def test_optimizer_options():
    training = changed(
        optimizer="adamw", weight_decay=0.1, clipnorm=2.0, ema=0.9
    )
    optimizer = optimization.optimizer(training)
    assert isinstance(optimizer, keras.optimizers.AdamW)
    config = optimizer.get_config()
    assert (config["weight_decay"], config["clipnorm"]) == (0.1, 2.0)
    assert (config["use_ema"], config["ema_momentum"]) == (True, 0.9)
    optimizer = optimization.optimizer(changed(global_clipnorm=3.0))
    assert optimizer.get_config()["global_clipnorm"] == 3.0


def test_sampling():
    horizon = optimization.sampling(TRAINING).rates(3)[1]
    assert number(horizon) == pytest.approx(0.5)
    reverse = optimization.sampling(changed(sampling="reverse"))
    context, horizon = map(number, reverse.rates(3))
    assert context == pytest.approx(1 - 0.5 * math.exp(-2.5))
    assert horizon == pytest.approx(0.25)
    none = changed(sampling="none", sampling_steps=None)
    assert optimization.sampling(none) is None


@pytest.mark.parametrize(
    "changes, received",
    [
        ({"optimizer": "sgd"}, "optimizer='sgd'"),
        ({"sampling": "always"}, "sampling='always'"),
        ({"sampling": "none"}, "sampling='none', sampling_steps=6"),
        ({"optimizer": "adamw"}, "optimizer='adamw', weight_decay=None"),
        ({"weight_decay": 0.1}, "optimizer='adam', weight_decay=0.1"),
        ({"clipnorm": 1.0, "global_clipnorm": 2.0}, "clipnorm=1.0, .*=2.0"),
        ({"decay_steps": 2}, "decay_steps=2, schedule='cosine'"),
        ({"decay_steps": 11, "schedule": "constant"}, "decay_steps=11, .*"),
        ({"ema": 1.0}, "ema=1.0"),
        ({"ema": 0}, "ema=0"),
        ({"precision": "float33"}, "precision='float33'"),
    ],
)
def test_contradictory_settings_are_refused(changes, received):
    optimization.check(TRAINING)
    with pytest.raises(ValueError, match=f"Received: {received}$"):
        optimization.check(changed(**changes))
