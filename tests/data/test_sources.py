import numpy as np
import pytest

from msrnn_keras.data import ArraySource, from_arrays
from msrnn_keras.data.sources import segments_of

pytestmark = pytest.mark.backend_free

START = np.datetime64("2020-02-29T23:50", "s")


def minutes(*values):
    return START + 60 * np.array(values, "int64")


def test_a_source_says_what_it_holds():
    source = ArraySource(np.zeros((1200, 2, 3, 1), "uint8"))
    assert repr(source) == "<ArraySource: 1,200 frames of 2×3×1>"
    recording = from_arrays(
        np.zeros((4, 8, 9)), interval=300, times=minutes(0, 5, 20, 25)
    )
    assert repr(recording) == (
        "<Recording: 4 frames of 8×9×1, 2020-02-29T23:50:00 to "
        "2020-03-01T00:15:00, every 300 s, 2 segments>"
    )


def test_arrays_become_pixels_on_demand(tmp_path):
    frames = np.arange(24, dtype="uint8").reshape(4, 2, 3, 1)
    source = ArraySource(frames)
    assert source.image_shape == (2, 3, 1)
    assert source.segments == [(0, 4)] and len(source) == 4
    np.testing.assert_array_equal(source.read(1, 3), frames[1:3])
    assert source.read(1, 3).dtype == "float32"
    np.testing.assert_allclose(source.pixels(1, 3), frames[1:3] / 255)
    floats = ArraySource(frames / 23)
    np.testing.assert_allclose(floats.pixels(0, 4), frames / 23, rtol=1e-6)
    frames = np.lib.format.open_memmap(
        tmp_path / "a.npy", "w+", "uint8", (1000, 8, 8, 1)
    )
    frames[700] = 9
    source = from_arrays(np.load(tmp_path / "a.npy", mmap_mode="r"))
    assert isinstance(source.frames, np.memmap)
    frames[700] = 8
    assert source.read(700, 701).sum() == 8 * 64


def test_segments_and_bad_arguments():
    for times, expected in (
        ((), []),
        ((0,), [(0, 1)]),
        ((0, 5, 10), [(0, 3)]),
        ((0, 5, 15, 20), [(0, 2), (2, 4)]),
        ((0, 10, 20), [(0, 1), (1, 2), (2, 3)]),
        ((0, 4, 9, 14), [(0, 1), (1, 4)]),  # a shorter step is a gap too
    ):
        assert segments_of(minutes(*times), 300) == expected
    times = START.astype("datetime64[ms]") + np.array([0, 40, 80, 160])
    assert segments_of(times, 1 / 25) == [(0, 3), (3, 4)]
    for kwargs, message in (
        ({"frames": np.zeros((3, 4, 4))}, r"Received: shape=\(3, 4, 4\)$"),
        ({"frames": np.zeros((0, 4, 4, 1))}, r"shape=\(0, 4, 4, 1\)$"),
        ({"frames": [[[[1]]]]}, "Received: dtype=int64$"),
        ({"segments": [(0, 4)]}, r"3 frames. Received: segments=\(0, 4\)$"),
        ({"segments": [(2, 2)]}, r"3 frames. Received: segments=\(2, 2\)$"),
        ({"times": minutes(0, 5)}, "Received: 2 times for 3 frames$"),
    ):
        with pytest.raises(ValueError, match=message):
            ArraySource(**({"frames": np.zeros((3, 4, 4, 1))} | kwargs))
