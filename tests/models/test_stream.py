import datetime

import keras
import numpy as np
import pytest

import msrnn_keras
from tests.reference import assert_close, assert_equal, clips, short

FRAMES = clips(batch=2, length=5)
NOON = np.datetime64("2024-05-01T12:00")
HALF, FREE = "mixed_bfloat16", pytest.mark.backend_free
FIVE = np.timedelta64(5, "m")


@pytest.fixture(scope="module")
def model():
    return short()


def fed(stream, frames, *numbers):
    """The stream with all frames; `numbers` give their times in intervals."""
    times = [NOON + n * FIVE for n in numbers] or [None] * frames.shape[1]
    for t, time in enumerate(times):
        stream.update(frames[:, t], time)
    return stream


def check_forecast(stream, model, frames, atol=1e-5):
    expected = model.forecast(frames, horizon=3)
    for _ in range(2):
        assert_close(stream.forecast(3), expected, atol=atol)


def test_equals_the_forecast_of_all_frames_so_far(model):
    one, other = model.stream(), model.stream()
    for t in range(5):
        one.update(FRAMES[:, t])
        other.update(FRAMES[1, t])  # single frames; no state is shared
        if t in (0, 4):
            check_forecast(one, model, FRAMES[:, : t + 1])
            expected = model.forecast(FRAMES[1:, : t + 1], horizon=1)[0]
            assert_close(other.forecast(1), expected, atol=1e-5)


@pytest.mark.parametrize(
    "name, options, atol",
    [
        pytest.param("ms-convlstm", {"dtype": HALF}, 0.02, marks=FREE),
        ("ms-motionrnn", {"filters": 4}, 1e-5),
    ],
)
def test_odd_sizes_number_formats_and_memories(name, options, atol):
    model, frames = short(name, **options), clips(1, 2, (9, 11))
    stream = fed(model.stream(window=None), frames)
    assert stream.forecast(3).dtype == "float32"
    check_forecast(stream, model, frames, atol)


def test_refuses_what_does_not_fit(model):
    stream = model.stream()
    with pytest.raises(RuntimeError, match=r"update\(frame\).*Received: 0"):
        stream.forecast(1)
    for frame, error, message in (
        (FRAMES[0, 0, ..., 0], ValueError, r"Received: shape=\(16, 16\)"),
        (FRAMES[0, 0].astype("uint8"), TypeError, "Received: dtype=uint8"),
        (np.full((16, 16, 1), np.nan), ValueError, "NaN.*Received: 256 NaN"),
    ):
        with pytest.raises(error, match=message):
            stream.update(frame)
    # none of them has entered
    stream.update(FRAMES[0, 0])
    with pytest.raises(ValueError, match="same shape.*Received: "):
        stream.update(FRAMES[:, 0])
    with pytest.raises(ValueError, match="Received: horizon=0"):
        stream.forecast(0)
    expected = model.forecast(FRAMES[:1, :1], horizon=1)[0]
    assert_close(stream.forecast(1), expected, atol=1e-5)


@pytest.mark.parametrize("window", [3, 9])
def test_a_window_forecasts_from_the_newest_frames_alone(model, window):
    stream = model.stream(window)
    buffer = np.empty_like(FRAMES[:, 0])
    for t in range(5):
        buffer[...] = FRAMES[:, t]  # overwritten, as by a receiver
        stream.update(buffer)
        first = max(0, t + 1 - window)
        check_forecast(stream, model, FRAMES[:, first : t + 1], atol=0)
    assert len(stream) == 5
    assert len(stream._frames) == min(window, 5) and stream._states is None


@keras.saving.register_keras_serializable(package="tests")
class OwnCell(msrnn_keras.ConvLSTMCell):
    pass


@pytest.mark.backend_free
@pytest.mark.parametrize(
    "cell, window",
    [
        ("motionrnn", 4),
        ("preciplstm", 4),
        ("predrnn++", 4),
        ("convlstm", None),
        (OwnCell, None),
    ],
)
def test_the_architecture_chooses_the_window(cell, window):
    options = {"filters": 4, "context": 4, "scales": (1, 2, 1)}
    model = msrnn_keras.MSStack(cell, **options)
    assert model.stream().window == window
    assert model.stream(None).window is None
    assert model.stream(7).window == 7
    moving = msrnn_keras.MSStack("convlstm", motion=True, **options)
    assert moving.stream().window == 4


@pytest.mark.backend_free
@pytest.mark.parametrize(
    "name, values",
    [
        ("window", [0, -1, 2.5, True, "all"]),
        ("interval", [0, np.nan, np.inf, True, "300", [300], 1e-9]),
        ("interval", [np.timedelta64(5)]),
        ("gap", ["fill"]),
    ],
)
def test_refuses_arguments(model, name, values):
    for value in values:
        with pytest.raises(ValueError, match=f"Received: {name}="):
            model.stream(**{name: value})


@pytest.mark.backend_free
def test_frames_come_in_order(model):
    stream = fed(model.stream(gap="refuse"), FRAMES, 0, 1, 2)
    before = stream.forecast(2)
    for number, message in (
        (1, "late or repeated.*T12:10.*Received: time=2024-05-01T12:05"),
        (2, "late or repeated.*T12:10.*Received: time=2024-05-01T12:10"),
        (4, "missing.*T12:10.*time=.*T12:20"),
    ):
        with pytest.raises(ValueError, match=message):
            stream.update(FRAMES[:, 3], NOON + number * FIVE)
    assert_equal(stream.forecast(2), before)
    # The remedy: a frame for the gap.
    stream.update(FRAMES[:, 3], NOON + 3 * FIVE)
    stream.update(FRAMES[:, 4], NOON + 4 * FIVE)
    assert len(stream) == 5
    check_forecast(stream, model, FRAMES)


@pytest.mark.parametrize(
    ("window", "interval"), [(None, None), (4, 300), (4, FIVE)]
)
def test_a_gap_restarts_the_stream(model, window, interval):
    stream = fed(model.stream(window, interval), FRAMES, 0, 1, 2, 4, 5)
    assert len(stream) == 2
    check_forecast(stream, model, FRAMES[:, 3:])


@pytest.mark.backend_free
def test_a_given_interval_knows_of_a_gap_after_the_first_frame(model):
    stream = model.stream(interval=datetime.timedelta(minutes=5))
    assert len(fed(stream, FRAMES, 0, 2)) == 1
    learned = fed(model.stream(), FRAMES, 0, 2)
    with pytest.raises(ValueError, match="early.*600 s.*interval=.*Received"):
        learned.update(FRAMES[:, 2], NOON + 3 * FIVE)


@pytest.mark.backend_free
def test_times_may_jitter_and_have_zones(model):
    stream = model.stream(interval=300)
    zone = datetime.timezone(datetime.timedelta(hours=2))
    stream.update(FRAMES[:, 0], datetime.datetime(2024, 5, 1, 14, tzinfo=zone))
    stream.update(FRAMES[:, 1], np.datetime64("2024-05-01T12:07:00", "ns"))
    stream.update(FRAMES[:, 2], np.array("2024-05-01T12:10", "M8[s]"))
    stream.update(FRAMES[:, 3], datetime.datetime(2024, 5, 1, 12, 15))
    assert len(stream) == 4


@pytest.mark.backend_free
def test_refuses_what_is_no_time(model):
    for time, error in (
        (1714564800, TypeError),
        ("2024-05-01", TypeError),
        (np.array([NOON]), TypeError),
        (np.datetime64("NaT"), ValueError),
    ):
        with pytest.raises(error, match="`time` must be.*Received: time="):
            model.stream().update(FRAMES[:, 0], time)
    # All frames have times, or none.
    for first, second in ((None, NOON), (NOON, None)):
        stream = model.stream().update(FRAMES[:, 0], first)
        with pytest.raises(ValueError, match="of none.*Received: time="):
            stream.update(FRAMES[:, 1], second)
    with pytest.raises(ValueError, match="needs the time.*Received: time=None"):
        model.stream(interval=300).update(FRAMES[:, 0])


@pytest.mark.parametrize(
    "name, dtype, window",
    [
        ("ms-convlstm", "float32", 3),
        ("ms-motionrnn", "mixed_bfloat16", None),
    ],
)
def test_goes_on_from_a_file(name, dtype, window, tmp_path):
    options = {"filters": 4, "dtype": dtype, "scales": (1, 2, 1)}
    stream = short(name, **options).stream(window, interval=300, gap="refuse")
    fed(stream, FRAMES, 0, 1, 2, 3).save(tmp_path / "stream.npz")
    again = short(name, **options).load_stream(tmp_path / "stream.npz")
    assert (again.window, len(again)) == (window, 4)
    assert_equal(again.forecast(3), stream.forecast(3))
    with pytest.raises(ValueError, match="missing.*T12:15.*Received"):
        again.update(FRAMES[:, 4], NOON + 9 * FIVE)
    for one in (stream, again):
        one.update(FRAMES[:, 4], NOON + 4 * FIVE)
    assert_equal(again.forecast(3), stream.forecast(3))


@pytest.mark.backend_free
def test_a_file_is_of_one_model(model, tmp_path):
    path = tmp_path / "stream"
    model.stream().update(FRAMES[0, 0]).save(path)
    again = short(horizon=9).load_stream(path).update(FRAMES[0, 1])
    expected = model.forecast(FRAMES[:1, :2], horizon=2)[0]
    assert_close(again.forecast(2), expected, atol=1e-5)
    for other, what in (
        (short(seed=8), "the weights"),
        (short(skips="fc"), "skips"),
        (short("ms-convgru"), "cell"),
        (short(dtype="mixed_bfloat16"), "dtype"),
    ):
        with pytest.raises(ValueError, match=f"differ in {what}.*Received"):
            other.load_stream(path)


@pytest.mark.backend_free
def test_refuses_what_is_no_file_of_a_stream(model, tmp_path):
    with pytest.raises(RuntimeError, match="update.*Received: 0 frames"):
        model.stream().save(tmp_path / "stream.npz")
    with pytest.raises(FileNotFoundError, match="Received: "):
        model.stream().update(FRAMES[:, 0]).save(tmp_path / "no" / "s.npz")
    with pytest.raises(FileNotFoundError, match="Received: "):
        model.load_stream(tmp_path / "stream.npz")
    (tmp_path / "text.npz").write_text("no archive")
    np.savez(tmp_path / "other.npz", frames=FRAMES)
    for name in ("text.npz", "other.npz"):
        with pytest.raises(ValueError, match="as a stream.*Received: "):
            model.load_stream(tmp_path / name)
    left = sorted(path.name for path in tmp_path.iterdir())
    assert left == ["other.npz", "text.npz"]
