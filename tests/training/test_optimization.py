import dataclasses
import math

import keras
import numpy as np
import pytest

from msrnn_keras.training import optimization
from msrnn_keras.training.recipe import Training

TRAINING = Training(
    **{"batch_size": 2, "epochs": 3, "steps_per_epoch": 4, "warmup_steps": 2},
    **{"learning_rate": 0.01, "sampling_steps": 6, "validation_clips": 2},
)


def changed(**changes):
    return dataclasses.replace(TRAINING, **changes)


def number(value):
    return float(keras.ops.convert_to_numpy(value))


@pytest.mark.parametrize(
    "schedule, rates",
    [
        ("cosine", {0: 0, 1: 0.005, 2: 0.01, 7: 0.005, 12: 0, 20: 0}),
        ("one-cycle", {0: 0.0004, 1: 0.01, 6: 0.00500002, 11: 4e-8, 20: 4e-8}),
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


def test_one_cycle_is_that_of_pytorch():
    training = Training(
        epochs=10, steps_per_epoch=100, learning_rate=1e-3, schedule="one-cycle"
    )
    cycle = optimization.learning_rate(training)
    for step, rate, momentum in (
        (0, 4e-5, 0.95),
        (299, 1e-3, 0.85),
        (650, 4.98e-4, 0.90),
        (999, 4e-9, 0.95),
    ):
        assert number(cycle(step)) == pytest.approx(rate, rel=1e-3)
        assert number(cycle.momentum(step)) == pytest.approx(momentum, abs=1e-3)


def test_the_momentum_of_one_cycle_varies_in_the_graph(tmp_path):
    training = Training(
        epochs=1, steps_per_epoch=8, learning_rate=0.1, schedule="one-cycle"
    )
    model = keras.Sequential([keras.layers.Dense(1, use_bias=False)])
    model.build((None, 1))
    model.compile(optimization.optimizer(training), loss="mse")
    weight = float(keras.ops.convert_to_numpy(model.weights[0])[0, 0])
    cycle, m, v = optimization.learning_rate(training), 0.0, 0.0
    for step in range(1, 7):
        gradient = 2 * (weight - 3)
        beta = number(cycle.momentum(step - 1))
        m = beta * m + (1 - beta) * gradient
        v = 0.999 * v + 0.001 * gradient**2
        scale = number(cycle(step - 1)) / (1 - beta**step)
        weight -= scale * m / (math.sqrt(v / (1 - 0.999**step)) + 1e-7)
        model.train_on_batch(np.ones((1, 1)), np.full((1, 1), 3.0))
        if step == 3:  # a resumed run goes on in the same way
            model.save(tmp_path / "m.keras")
            model = keras.saving.load_model(tmp_path / "m.keras")
            rate = optimization.learning_rate(training)
            model.optimizer.learning_rate = rate
        given = float(keras.ops.convert_to_numpy(model.weights[0])[0, 0])
        assert given == pytest.approx(weight, rel=1e-4)


def test_constant_rate_with_decay():
    training = changed(schedule="constant", decay_steps=4)
    rate = optimization.learning_rate(training)
    expected = {1: 0.005, 2: 0.01, 8: 0.01, 9: 0.0075, 11: 0.0025, 12: 0, 20: 0}
    for step, value in expected.items():
        assert number(rate(step)) == pytest.approx(value, abs=1e-8)
    copy = type(rate).from_config(rate.get_config())
    assert number(copy(9)) == number(rate(9))


def test_optimizer_and_sampling():
    config = optimization.optimizer(TRAINING).get_config()
    plain = keras.optimizers.Adam().get_config()
    own = ("learning_rate", "name")
    assert {**config, **{name: plain[name] for name in own}} == plain
    options = {"weight_decay": 0.1, "clipnorm": 2.0}
    training = changed(optimizer="adamw", **options, ema=0.9)
    optimizer = optimization.optimizer(training)
    assert isinstance(optimizer, keras.optimizers.AdamW)
    expected = {**options, "use_ema": True, "ema_momentum": 0.9}
    assert expected.items() <= optimizer.get_config().items()
    optimizer = optimization.optimizer(changed(global_clipnorm=3.0))
    assert optimizer.get_config()["global_clipnorm"] == 3.0
    horizon = optimization.sampling(TRAINING).rates(3)[1]
    assert number(horizon) == pytest.approx(0.5)
    reverse = optimization.sampling(changed(sampling="reverse"))
    context, horizon = map(number, reverse.rates(3))
    assert context == pytest.approx(1 - 0.5 * math.exp(-2.5))
    assert horizon == pytest.approx(0.25)
    none = changed(sampling="none", sampling_steps=None)
    assert optimization.sampling(none) is None


def test_contradictory_settings_are_refused():
    optimization.check(TRAINING)
    for changes, received in (
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
    ):
        with pytest.raises(ValueError, match=f"Received: {received}$"):
            optimization.check(changed(**changes))
