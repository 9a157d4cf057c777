import numpy as np
import pytest

from msrnn_keras.data import ArraySource, MinMax, Source, segments_of

pytestmark = pytest.mark.backend_free

START = np.datetime64("2020-02-29T23:50", "s")


def minutes(*values):
    return START + 60 * np.array(values, "int64")


def test_bytes_and_floats_become_pixels():
    frames = np.arange(24, dtype="uint8").reshape(4, 2, 3, 1)
    source = ArraySource(frames)
    assert source.image_shape == (2, 3, 1)
    assert source.segments == [(0, 4)] and len(source) == 4
    np.testing.assert_array_equal(source.read(1, 3), frames[1:3])
    assert source.read(1, 3).dtype == "float32"
    np.testing.assert_allclose(source.pixels(1, 3), frames[1:3] / 255)
    floats = ArraySource(frames / 23)
    np.testing.assert_allclose(floats.pixels(0, 4), frames / 23, rtol=1e-6)


def test_missing_values_stay_missing_when_scaled():
    frames = np.full((3, 2, 2, 1), 30.0)
    frames[1, 0, 0] = np.nan
    pixels = ArraySource(frames, scaling=MinMax(-10, 60)).pixels(0, 3)
    assert pixels.dtype == "float32"
    np.testing.assert_array_equal(np.isnan(pixels), np.isnan(frames))
    np.testing.assert_allclose(pixels[0], 40 / 70)


def test_only_what_is_asked_for_is_read(tmp_path):
    frames = np.lib.format.open_memmap(
        tmp_path / "a.npy", "w+", "uint8", (1000, 8, 8, 1)
    )
    source = ArraySource(np.load(tmp_path / "a.npy", mmap_mode="r"))
    frames[700] = 9
    assert source.read(700, 701).sum() == 9 * 64


def test_times_and_segments_are_kept():
    times = minutes(0, 5, 10)
    source = ArraySource(
        np.zeros((3, 4, 4, 1)), [(0, 1), (1, 3)], interval=300, times=times
    )
    assert source.interval == 300
    assert source.segments == [(0, 1), (1, 3)]
    np.testing.assert_array_equal(source.times, times)


def test_a_source_must_define_how_to_read():
    with pytest.raises(TypeError, match="read"):
        Source()


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"frames": np.zeros((3, 4, 4))}, r"Received: shape=\(3, 4, 4\)$"),
        ({"frames": np.zeros((0, 4, 4, 1))}, r"shape=\(0, 4, 4, 1\)$"),
        ({"frames": np.zeros((3, 4, 4, 1), int)}, "Received: dtype=int64$"),
        ({"frames": [[[[1]]]]}, "Received: dtype=int64$"),
        ({"segments": [(0, 4)]}, r"Received: \(0, 4\) for 3 frames$"),
        ({"segments": [(2, 2)]}, r"Received: \(2, 2\) for 3 frames$"),
        ({"times": minutes(0, 5)}, "Received: 2 times for 3 frames$"),
    ],
)
def test_bad_arguments(kwargs, message):
    with pytest.raises(ValueError, match=message):
        ArraySource(**({"frames": np.zeros((3, 4, 4, 1))} | kwargs))


# Rows of frames without a gap.


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ((), []),
        ((0,), [(0, 1)]),
        ((0, 5, 10), [(0, 3)]),
        ((0, 5, 15, 20), [(0, 2), (2, 4)]),
        ((0, 10, 20), [(0, 1), (1, 2), (2, 3)]),
        ((0, 4, 9, 14), [(0, 1), (1, 4)]),  # too early is a gap as well
    ],
)
def test_segments_of(times, expected):
    times = minutes(*times)
    assert segments_of(times, 300) == expected


def test_intervals_of_less_than_a_second():
    times = START.astype("datetime64[ms]") + np.array([0, 40, 80, 160])
    assert segments_of(times, 1 / 25) == [(0, 3), (3, 4)]


@pytest.mark.parametrize("times", [(0, 5, 5), (0, 10, 5)])
def test_times_must_rise(times):
    with pytest.raises(ValueError, match="Received: frame 2 is not after"):
        segments_of(minutes(*times), 300)
    with pytest.raises(ValueError, match="Received: none for frame 1$"):
        segments_of(np.array(["2020", "NaT"], "datetime64[s]"), 300)
