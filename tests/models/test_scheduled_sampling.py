import keras
import pytest

from msrnn_keras import ScheduledSampling
from tests.reference import assert_close


def rates(sampling, step):
    return tuple(float(rate) for rate in sampling.rates(step))


def test_linear_falls_from_one_to_zero():
    sampling = ScheduledSampling.linear(100)
    given = [rates(sampling, step) for step in (0, 25, 100, 1000)]
    assert given == [(1.0, 1.0), (1.0, 0.75), (1.0, 0.0), (1.0, 0.0)]


def test_reverse_is_that_of_the_publication():
    sampling = ScheduledSampling.reverse(300)
    given = [rates(sampling, step) for step in (0, 99, 100, 150, 199, 200, 300)]
    # exp(-(50 / 300) 15) = 0.0821, exp(-(99 / 300) 15) = 0.00708
    middle = [(1 - 0.5 * 0.082085, 0.25), (1 - 0.5 * 0.007083, 0.005)]
    expected = [*3 * [(0.5, 0.5)], *middle, *2 * [(1.0, 0.0)]]
    assert_close(given, expected, atol=1e-4)


def test_rates_may_be_any_schedule():
    assert rates(ScheduledSampling(), 5) == (1.0, 0.0)
    schedule = keras.optimizers.schedules.PiecewiseConstantDecay(
        [3], [0.5, 1.0]
    )
    sampling = ScheduledSampling(context_rate=schedule, horizon_rate=0.25)
    assert rates(sampling, 2) == (0.5, 0.25)
    assert rates(sampling, 9) == (1.0, 0.25)


def test_config_round_trip():
    decay = keras.optimizers.schedules.CosineDecay(1.0, 10)
    for one in (ScheduledSampling.reverse(300), ScheduledSampling(0.5, decay)):
        config = keras.saving.serialize_keras_object(one)
        twin = keras.saving.deserialize_keras_object(config)
        assert isinstance(twin, ScheduledSampling)
        assert twin.get_config() == one.get_config()
        assert rates(twin, 150) == rates(one, 150)


@pytest.mark.backend_free
def test_refuses_what_is_no_rate():
    for name in ("context_rate", "horizon_rate"):
        for value in (-0.1, 1.1, "1", None, True):
            with pytest.raises(ValueError, match=f"`{name}`.*ved: {name}="):
                ScheduledSampling(**{name: value})
    with pytest.raises(ValueError, match="Received: steps=0"):
        ScheduledSampling.reverse(0)
