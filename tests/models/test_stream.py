import datetime

import keras
import numpy as np
import pytest

import msrnn_keras
from tests.reference import clips, tiny

FRAMES = clips(batch=2, length=5)
NOON = np.datetime64("2024-05-01T12:00")
FIVE = np.timedelta64(5, "m")


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


# === Windows ===


@pytest.mark.parametrize("window", [1, 3, 9])
def test_a_window_forecasts_from_the_newest_frames(model, window):
    stream = model.stream(window)
    buffer = np.empty_like(FRAMES[:, 0])
    for t in range(FRAMES.shape[1]):
        buffer[...] = FRAMES[:, t]  # written over, as a receiver does
        stream.update(buffer)
        first = max(0, t + 1 - window)
        expected = model.forecast(FRAMES[:, first : t + 1], horizon=2)
        for _ in range(2):
            np.testing.assert_array_equal(stream.forecast(2), expected)
    assert len(stream) == FRAMES.shape[1]


def test_a_window_keeps_its_frames_alone(model):
    stream = model.stream(window=2)
    for t in range(5):
        stream.update(FRAMES[:, t])
    assert len(stream._frames) == 2 and stream._states is None


@keras.saving.register_keras_serializable(package="tests")
class CellOfMyOwn(msrnn_keras.ConvLSTMCell):
    pass


@pytest.mark.backend_free
@pytest.mark.parametrize(
    "cell, options, window",
    [
        ("motionrnn", {}, 4),
        ("preciplstm", {}, 4),
        ("predrnn++", {}, 4),
        ("convlstm", {}, None),
        ("mim", {}, None),
        ("convlstm", {"motion": True}, 4),
        (CellOfMyOwn, {}, None),
    ],
)
@pytest.mark.parametrize("scales", [(1, 1, 1), (1, 2, 1)])
def test_the_architecture_chooses_the_window(cell, options, window, scales):
    model = msrnn_keras.MSStack(
        cell, filters=4, context=4, scales=scales, **options
    )
    assert model.stream().window == window
    assert model.stream(None).window is None
    assert model.stream(7).window == 7


@pytest.mark.backend_free
@pytest.mark.parametrize("window", [0, -1, 2.5, True, "all"])
def test_refuses_what_is_no_window(model, window):
    with pytest.raises(ValueError, match="Received: window="):
        model.stream(window)


# === Times ===


def test_frames_come_in_order(model):
    stream = model.stream()
    for t in range(3):
        stream.update(FRAMES[:, t], NOON + t * FIVE)
    before = stream.forecast(2)
    for late in (NOON + FIVE, NOON + 2 * FIVE):
        with pytest.raises(ValueError, match="late or repeated") as error:
            stream.update(FRAMES[:, 3], late)
        assert "2024-05-01T12:10" in str(error.value)
        assert f"Received: time={late}" in str(error.value)
    np.testing.assert_array_equal(stream.forecast(2), before)
    stream.update(FRAMES[:, 3], NOON + 3 * FIVE)
    expected = model.forecast(FRAMES[:, :4], horizon=2)
    np.testing.assert_allclose(stream.forecast(2), expected, atol=1e-5)


@pytest.mark.parametrize("window", [None, 4])
@pytest.mark.parametrize("interval", [None, 300, FIVE])
def test_a_gap_restarts_the_stream(model, window, interval):
    stream = model.stream(window, interval)
    minutes = (0, 5, 10, 20, 25)
    for t, minute in enumerate(minutes):
        time = datetime.datetime(2024, 5, 1, 12, minute)
        stream.update(FRAMES[:, t], time)
    assert len(stream) == 2
    expected = model.forecast(FRAMES[:, 3:], horizon=2)
    np.testing.assert_allclose(stream.forecast(2), expected, atol=1e-5)


def test_a_gap_is_refused_if_chosen(model):
    stream = model.stream(gap="refuse")
    for t in range(3):
        stream.update(FRAMES[:, t], NOON + t * FIVE)
    before = stream.forecast(2)
    with pytest.raises(ValueError, match="missing.*T12:10.*time=.*T12:20"):
        stream.update(FRAMES[:, 4], NOON + 4 * FIVE)
    np.testing.assert_array_equal(stream.forecast(2), before)
    # The remedy: a frame for the gap.
    stream.update(FRAMES[:, 3], NOON + 3 * FIVE)
    stream.update(FRAMES[:, 4], NOON + 4 * FIVE)
    assert len(stream) == 5


@pytest.mark.backend_free
def test_a_given_interval_knows_of_a_gap_after_the_first_frame(model):
    stream = model.stream(interval=datetime.timedelta(minutes=5))
    stream.update(FRAMES[:, 0], NOON).update(FRAMES[:, 1], NOON + 2 * FIVE)
    assert len(stream) == 1
    learned = model.stream()
    learned.update(FRAMES[:, 0], NOON).update(FRAMES[:, 1], NOON + 2 * FIVE)
    with pytest.raises(ValueError, match="early.*600 s.*interval=.*Received"):
        learned.update(FRAMES[:, 2], NOON + 3 * FIVE)


@pytest.mark.backend_free
def test_times_may_jitter_and_have_zones(model):
    stream = model.stream(interval=300)
    zone = datetime.timezone(datetime.timedelta(hours=2))
    stream.update(FRAMES[:, 0], datetime.datetime(2024, 5, 1, 14, tzinfo=zone))
    stream.update(FRAMES[:, 1], np.datetime64("2024-05-01T12:07:00", "ns"))
    stream.update(FRAMES[:, 2], np.array("2024-05-01T12:10", "M8[s]"))
    assert len(stream) == 3


@pytest.mark.backend_free
def test_all_frames_have_times_or_none(model):
    stream = model.stream().update(FRAMES[:, 0])
    with pytest.raises(ValueError, match="of none.*Received: time=2024"):
        stream.update(FRAMES[:, 1], NOON)
    stream = model.stream().update(FRAMES[:, 0], NOON)
    with pytest.raises(ValueError, match="of none.*Received: time=None"):
        stream.update(FRAMES[:, 1])
    with pytest.raises(ValueError, match="needs the time.*Received: time=None"):
        model.stream(interval=300).update(FRAMES[:, 0])


@pytest.mark.backend_free
@pytest.mark.parametrize(
    "time, error",
    [
        (1714564800, TypeError),
        (5.0, TypeError),
        ("2024-05-01", TypeError),
        (np.array([NOON]), TypeError),
        (np.datetime64("NaT"), ValueError),
    ],
)
def test_refuses_what_is_no_time(model, time, error):
    with pytest.raises(error, match="`time` must be.*Received: time="):
        model.stream().update(FRAMES[:, 0], time)


@pytest.mark.backend_free
@pytest.mark.parametrize(
    "interval",
    [0, -5, np.nan, np.inf, True, "300", [300], np.timedelta64(5), 1e-9],
)
def test_refuses_what_is_no_interval(model, interval):
    with pytest.raises(ValueError, match="Received: interval="):
        model.stream(interval=interval)


@pytest.mark.backend_free
def test_refuses_what_a_gap_does_not_do(model):
    with pytest.raises(ValueError, match="Received: gap='fill'"):
        model.stream(gap="fill")


# === Files ===


@pytest.mark.parametrize("window", [None, 3])
@pytest.mark.parametrize(
    "name, dtype",
    [("ms-convlstm", "float32"), ("ms-motionrnn", "mixed_bfloat16")],
)
def test_goes_on_from_a_file(name, dtype, window, tmp_path):
    options = {"filters": 4, "dtype": dtype, "scales": (1, 2, 1)}
    model = tiny(name, **options)
    stream = model.stream(window, interval=300, gap="refuse")
    for t in range(4):
        stream.update(FRAMES[:, t], NOON + t * FIVE)
    stream.save(tmp_path / "stream.npz")
    again = tiny(name, **options).load_stream(tmp_path / "stream.npz")
    assert (again.window, len(again)) == (window, 4)
    np.testing.assert_array_equal(again.forecast(3), stream.forecast(3))
    with pytest.raises(ValueError, match="missing.*T12:15.*Received"):
        again.update(FRAMES[:, 4], NOON + 9 * FIVE)
    for one in (stream, again):
        one.update(FRAMES[:, 4], NOON + 4 * FIVE)
    np.testing.assert_array_equal(again.forecast(3), stream.forecast(3))


def test_goes_on_without_times_and_batch(model, tmp_path):
    stream = model.stream()
    for t in range(3):
        stream.update(FRAMES[0, t])
    stream.save(tmp_path / "stream")
    again = model.load_stream(tmp_path / "stream").update(FRAMES[0, 3])
    expected = model.forecast(FRAMES[:1, :4], horizon=2)[0]
    np.testing.assert_allclose(again.forecast(2), expected, atol=1e-5)


def test_a_file_is_of_one_model(model, tmp_path):
    path = tmp_path / "stream.npz"
    model.stream().update(FRAMES[:, 0]).save(path)
    tiny(name="ms-convlstm", horizon=9, sampling=None).load_stream(path)
    for other, what in (
        (tiny(seed=8), "the weights"),
        (tiny(skips="fc"), "skips"),
        (tiny("ms-convgru"), "cell"),
        (tiny(dtype="mixed_bfloat16"), "dtype"),
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
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "other.npz",
        "text.npz",
    ]
