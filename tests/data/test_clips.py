import pickle
import threading

import numpy as np
import pytest

from msrnn_keras.data import ArraySource, Clips

pytestmark = pytest.mark.backend_free


def make(segments=((0, 9), (9, 13), (13, 40)), **kwargs):
    """Return clips of frames that show their index."""
    numbers = np.arange(40, dtype="uint8")[:, None, None, None]
    source = ArraySource(np.tile(numbers, (1, 3, 4, 2)), segments)
    return Clips(source, **({"context": 3, "horizon": 2} | kwargs))


def shown(frames):
    return np.rint(frames[..., 0, 0, 0] * 255).astype("int64")


def starts(clips):
    return np.concatenate([shown(x)[:, 0] for x, _ in clips]).tolist()


@pytest.mark.parametrize("stride", [1, 5, 30])
def test_no_clip_crosses_a_gap(stride):
    clips = make(stride=stride)
    expected = [*range(0, 5, stride), *range(13, 36, stride)]
    assert starts(clips) == expected
    for number, start in enumerate(expected):
        assert shown(clips.clip(number)).tolist() == [*range(start, start + 5)]


@pytest.mark.parametrize("teacher_forcing", [False, True])
def test_x_and_y(teacher_forcing):
    x, y = make(teacher_forcing=teacher_forcing, batch_size=2)[3]
    frames = 3 + teacher_forcing
    assert x.shape == (2, frames, 3, 4, 2) and y.shape == (2, 2, 3, 4, 2)
    assert x.dtype == y.dtype == "float32"
    first = [[14], [15]]
    np.testing.assert_array_equal(shown(x), first + np.arange(frames))
    np.testing.assert_array_equal(shown(y), first + np.arange(3, 5))
    clips = make(batch_size=6)
    assert len(clips) == 5
    assert [len(x) for x, _ in clips] == [6, 6, 6, 6, 4]
    columns = zip(*clips, strict=True)
    for whole, parts in zip(clips.arrays(), columns, strict=True):
        np.testing.assert_array_equal(whole, np.concatenate(parts))


def test_order_and_number_of_clips():
    def orders(seed):
        clips = make(shuffle=True, seed=seed)
        for _ in range(3):
            yield starts(clips)
            clips.on_epoch_end()

    first = list(orders(0))
    assert all(sorted(order) == starts(make()) for order in first)
    assert len({tuple(order) for order in [*first, *orders(1)]}) == 6
    assert list(orders(0)) == first
    resumed = make(shuffle=True)
    resumed.epoch = 2
    assert starts(resumed) == first[2]
    assert starts(pickle.loads(pickle.dumps(resumed))) == first[2]
    assert starts(make(num_clips=4)) == [0, 17, 26, 35]
    assert make(num_clips=1000).num_clips == 28
    assert make(num_clips=4, shuffle=True).arrays()[0].shape[0] == 4


def test_missing_pixels_and_parallel_reading():
    frames = np.full((8, 2, 2, 1), 0.5)
    frames[[1, 6], 0, 0] = np.nan
    x, y = Clips(ArraySource(frames), 4, 4)[0]
    assert np.isnan(x[0, 1, 0, 0, 0]) and np.isnan(y[0, 2, 0, 0, 0])
    assert np.isnan(x).sum() == np.isnan(y).sum() == 1
    together = threading.Barrier(3, timeout=60)

    class Slow(ArraySource):
        def read(self, start, stop):
            together.wait()
            return super().read(start, stop)

    source = Slow(np.zeros((8, 2, 2, 1), "float32"))
    x, _ = Clips(source, 3, 3, batch_size=3, workers=3)[0]
    assert x.shape == (3, 3, 2, 2, 1)


def test_bad_arguments():
    for kwargs, message in (
        ({"context": 0}, "Received: context=0$"),
        ({"horizon": 1.5}, "Received: horizon=1.5$"),
        ({"num_clips": 0}, "Received: num_clips=0$"),
        ({"seed": -1}, "Received: seed=-1$"),
        ({"workers": -1}, "Received: workers=-1$"),
        ({"use_multiprocessing": True}, "Received: use_multiprocessing=True$"),
        ({"context": 26}, "28 consecutive.*Received: 27 at most$"),
        ({"segments": []}, "5 consecutive.*Received: 0 at most$"),
    ):
        with pytest.raises(ValueError, match=message):
            make(**kwargs)
    for index in (-1, 2):
        with pytest.raises(IndexError, match=f"from 0 to 1.*index={index}$"):
            make()[index]
