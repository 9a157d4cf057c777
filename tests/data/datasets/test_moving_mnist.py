import hashlib

import numpy as np
import pytest

from msrnn_keras.data import MovingMNIST, moving_digits, verify_test_set
from msrnn_keras.data.datasets import moving_mnist
from msrnn_keras.data.datasets.digits import SPLITS, sample_digits
from msrnn_keras.data.datasets.moving_mnist import draw_clips, trajectory

DIGITS = np.random.default_rng(1).integers(1, 256, (8, 6, 6)).astype("uint8")


def make(split="train", **kwargs):
    kwargs = {"num_clips": 5, "batch_size": 2, "context": 3} | kwargs
    kwargs = {"image_shape": (12, 10), "horizon": 2} | kwargs
    return MovingMNIST(split, **({"digits": DIGITS} | kwargs))


def test_digits_reflect_and_are_drawn_at_whole_pixels():
    down, right = trajectory((0.5, 0.25), (0.25, -0.5), 6).T
    assert down.tolist() == [0.5, 0.75, 1.0, 0.75, 0.5, 0.25]
    assert right.tolist() == [0.25, 0.25, 0.75, 0.75, 0.25, 0.25]
    digit = np.full((1, 1, 2, 3), 9, "uint8")
    # Free range: 4 rows and 5 columns.
    clips = draw_clips(digit, [[(0, 0)]], [[(0.25, 0.5)]], 3, (6, 8))
    expected = np.zeros((3, 6, 8))
    expected[0, 0:2, 0:3] = 9
    expected[1, 1:3, 2:5] = 9  # 2.5 columns are rounded to 2
    expected[2, 2:4, 5:8] = 9
    np.testing.assert_array_equal(clips, expected[None, ..., None])
    # Overlap shows the brighter pixel.
    digits = np.array([[[[10, 200]], [[90, 30]]]], "uint8")
    start, velocity = [[(0, 0), (0, 1)]], [[(0, 0), (0, -0.5)]]
    clips = draw_clips(digits, start, velocity, 3, (1, 4))
    expected = [[10, 200, 90, 30], [10, 200, 30, 0], [90, 200, 0, 0]]
    np.testing.assert_array_equal(clips[0, :, 0, :, 0], expected)


def test_starts_digits_and_directions_are_uniform():
    # One bright pixel in a large frame shows both the position and the digit.
    digits = np.arange(1, 5, dtype="uint8").reshape(4, 1, 1)
    clips = moving_digits(digits, 2000, 2, (101, 101), num_digits=1, speed=0.2)
    clip, time, row, column, _ = np.nonzero(clips)
    chosen = np.bincount(clips[clip, time, row, column, 0][time == 0])
    assert np.all(np.abs(chosen[1:] - 500) < 100)
    position = np.stack([row, column], axis=-1).reshape(2000, 2, 2)
    rows, columns = position[:, 0, 0], position[:, 0, 1]
    for quarter in (rows < 50, rows > 50, columns < 50, columns > 50):
        assert abs(quarter.mean() - 0.5) < 0.05
    # Away from the borders, digits move 20 pixels in any direction.
    inner = np.all((position[:, 0] > 20) & (position[:, 0] < 80), axis=-1)
    moved = (position[:, 1] - position[:, 0])[inner]
    np.testing.assert_allclose(np.hypot(*moved.T), 20, atol=1.5)
    octants = np.floor(np.arctan2(*moved.T) / (np.pi / 4)).astype(int)
    share = np.bincount(octants + 4, minlength=8) / len(moved)
    np.testing.assert_allclose(share[:8], 1 / 8, atol=0.04)


@pytest.mark.parametrize("teacher_forcing", [False, True])
def test_batches_are_the_clips(teacher_forcing):
    dataset = make("test", teacher_forcing=teacher_forcing)
    clips = dataset.clips(0, 5) / 255
    assert [len(x) for x, _ in dataset] == [2, 2, 1]
    x, y = (np.concatenate(part) for part in zip(*dataset, strict=True))
    assert x.dtype == y.dtype == "float32"
    past = clips[:, :4] if teacher_forcing else clips[:, :3]
    np.testing.assert_allclose(x, past, rtol=1e-6)
    np.testing.assert_allclose(y, clips[:, 3:], rtol=1e-6)
    for whole, batched in zip(dataset.arrays(), (x, y), strict=True):
        np.testing.assert_array_equal(whole, batched)


@pytest.mark.parametrize("split", SPLITS)
def test_clips_do_not_depend_on_their_number(split):
    dataset = make(split, num_clips=9, batch_size=3)
    np.testing.assert_array_equal(dataset.clips(1, 4), make(split).clips(1, 4))
    np.testing.assert_array_equal(dataset[0][1][:2], make(split)[0][1])


def test_clips_depend_on_seed_and_epoch():
    clips = moving_digits(sample_digits("test"), 20, seed=0)
    sha256 = "f72afda59adb8ce57b2ec4d0699575576c3476399a43a1b81a261e6bb5acf6d6"
    assert hashlib.sha256(clips.tobytes()).hexdigest() == sha256
    clips = moving_digits(DIGITS, 9, image_shape=(12, 10), seed=4)
    part = moving_digits(DIGITS, 3, image_shape=(12, 10), seed=4, first=5)
    np.testing.assert_array_equal(part, clips[5:8])
    others = moving_digits(DIGITS, 9, image_shape=(12, 10), seed=1)
    assert len({clip.tobytes() for clip in [*clips, *others]}) == 18
    dataset = make("train")
    epochs = []
    for _ in range(3):
        epochs.append(dataset.clips(0, 5))
        dataset.on_epoch_end()
    assert len({clip.tobytes() for epoch in epochs for clip in epoch}) == 15
    resumed = make("train")
    resumed.epoch = 2
    np.testing.assert_array_equal(resumed.clips(0, 5), epochs[2])
    for split in ("validation", "test"):  # these stay the same
        dataset = make(split)
        before = dataset.clips(0, 5)
        dataset.on_epoch_end()
        np.testing.assert_array_equal(dataset.clips(0, 5), before)
    # Splits and seeds share no clip.
    sets = [make(split, seed=seed) for split in SPLITS for seed in (0, 1)]
    clips = {clip.tobytes() for s in sets for clip in s.clips(0, 5)}
    assert len(clips) == 30


def test_each_split_uses_its_own_digits(tmp_path):
    x_train = np.full((60_000, 28, 28), 50, "uint8")
    x_train[55_000:] = 100
    x_test = np.full((10_000, 28, 28), 150, "uint8")
    path = tmp_path / "mnist.npz"
    np.savez(path, x_train=x_train, x_test=x_test)
    expected = zip(SPLITS, (50, 100, 150), (10_000, 1000, 10_000), strict=True)
    for split, shade, num_clips in expected:
        dataset = MovingMNIST(split, path=path)
        assert dataset.num_clips == num_clips
        assert set(np.unique(dataset.clips(0, 3))) == {0, shade}


def test_bad_arguments():
    for kwargs, message in (
        ({"seed": None}, "`seed`.*Received: seed=None$"),
        ({"speed": float("nan")}, "`speed`.*Received: speed=nan$"),
        ({"image_shape": (5, 9)}, r"6x6 pixels.*image_shape=\(5, 9\)$"),
        ({"image_shape": (9, 9, 1)}, "without channels. Received: .*1\\)$"),
        ({"image_shape": (9.5, 9)}, "integer.*Received: image_shape=9.5$"),
        ({"digits": np.zeros((3, 6, 6))}, "uint8.*Received: float64 of shape"),
        ({"digits": np.zeros((6, 6), "uint8")}, r"rank 3.*shape \(6, 6\)$"),
        ({"digits": np.zeros((0, 6, 6), "uint8")}, "at least one.*Received"),
        ({"split": "val"}, "Received: split='val'$"),
        ({"num_clips": 0}, "Received: num_clips=0$"),
        ({"horizon": 2.5}, "Received: horizon=2.5$"),
        ({"path": "mnist.npz"}, "not both. Received: .*mnist.npz$"),
    ):
        with pytest.raises(ValueError, match=message):
            make(**kwargs)
    dataset = make()
    with pytest.raises(ValueError, match="Received: start=2, stop=6$"):
        dataset.clips(2, 6)
    with pytest.raises(IndexError, match="Received: index=3$"):
        dataset[3]


def test_verify_accepts_the_same_clips_only(monkeypatch):
    dataset = MovingMNIST("test", 20, digits=sample_digits("test"))
    with pytest.raises(ValueError, match="not the fixed.* 20 clips from 500"):
        verify_test_set(dataset)
    monkeypatch.setattr(moving_mnist, "CLIPS_AT_ONCE", 2)
    expected = hashlib.sha256(make("test").clips(0, 5).tobytes()).hexdigest()
    monkeypatch.setattr(moving_mnist, "TEST_SHA256", expected)
    verify_test_set(make("test", batch_size=4, context=4, horizon=1))
    for other in ({"seed": 1}, {"num_clips": 4}, {"context": 4}):
        with pytest.raises(ValueError, match="not the fixed"):
            verify_test_set(make("test", **other))
