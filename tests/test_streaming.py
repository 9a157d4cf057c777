import numpy as np
import pytest

from tests.reference import clips, tiny

FRAMES = clips(batch=2, length=5)


@pytest.fixture(scope="module")
def model():
    return tiny()


def test_equals_the_forecast_of_all_frames_so_far(model):
    stream = model.stream()
    for t in range(FRAMES.shape[1]):
        stream.update(FRAMES[:, t])
        if t in (0, 4):
            expected = model.forecast(FRAMES[:, : t + 1], horizon=3)
            # asking twice changes nothing
            for _ in range(2):
                given = stream.forecast(3)
                np.testing.assert_allclose(given, expected, atol=1e-5)


def test_single_frames_need_no_batch_dimension(model):
    stream = model.stream()
    for frame in FRAMES[1]:
        stream.update(frame)
    expected = model.forecast(FRAMES[1:2], horizon=2)[0]
    np.testing.assert_allclose(stream.forecast(2), expected, atol=1e-5)


def test_streams_do_not_share_states(model):
    one, other = model.stream(), model.stream()
    other.update(FRAMES[1, 0])
    one.update(FRAMES[0, 0])
    other.update(FRAMES[1, 1])
    expected = model.forecast(FRAMES[1:2, :2], horizon=1)[0]
    np.testing.assert_allclose(other.forecast(1), expected, atol=1e-5)


def test_odd_sizes_and_mixed_precision():
    model = tiny(dtype="mixed_bfloat16")
    frames = clips(1, 2, (9, 11))
    stream = model.stream()
    for t in range(2):
        stream.update(frames[:, t])
    given = stream.forecast(3)
    assert given.dtype == "float32"
    np.testing.assert_allclose(
        given, model.forecast(frames, horizon=3), atol=0.02
    )


def test_refuses_what_does_not_fit(model):
    stream = model.stream()
    with pytest.raises(RuntimeError, match=r"update\(frame\).*Received: 0"):
        stream.forecast(1)
    with pytest.raises(ValueError, match="Received: shape=\\(16, 16\\)"):
        stream.update(FRAMES[0, 0, ..., 0])
    with pytest.raises(TypeError, match="Received: dtype=uint8"):
        stream.update(FRAMES[0, 0].astype("uint8"))
    with pytest.raises(ValueError, match="1 channel.*Received: "):
        stream.update(np.zeros((16, 16, 2)))
    with pytest.raises(ValueError, match="NaN.*Received: 256 NaN"):
        stream.update(np.full((16, 16, 1), np.nan))
    # none of them has entered
    stream.update(FRAMES[0, 0])
    with pytest.raises(ValueError, match="same shape.*Received: "):
        stream.update(FRAMES[:, 0])
    with pytest.raises(ValueError, match="Received: horizon=0"):
        stream.forecast(0)
    expected = model.forecast(FRAMES[:1, :1], horizon=1)[0]
    np.testing.assert_allclose(stream.forecast(1), expected, atol=1e-5)


@pytest.mark.parametrize("name", ["ms-predrnn-v2", "ms-motionrnn"])
def test_stacks_with_a_memory_and_states_of_other_sizes(name):
    model = tiny(name, filters=4)
    frames = clips(1, 2, (9, 11))
    stream = model.stream()
    for t in range(2):
        stream.update(frames[0, t])
    np.testing.assert_allclose(
        stream.forecast(3), model.forecast(frames, horizon=3)[0], atol=1e-5
    )
