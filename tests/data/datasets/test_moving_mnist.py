import hashlib

import keras
import numpy as np
import pytest

from msrnn_keras.data import MovingMNIST, moving_digits, verify_test_set
from msrnn_keras.data.datasets import moving_mnist
from msrnn_keras.data.datasets.digits import SPLITS, sample_digits
from msrnn_keras.data.datasets.moving_mnist import (
    clips_sha256,
    draw_clips,
    trajectory,
)

DIGITS = np.random.default_rng(1).integers(1, 256, (8, 6, 6)).astype("uint8")


def make(split="train", **kwargs):
    kwargs = {"num_clips": 5, "batch_size": 2, "context": 3} | kwargs
    kwargs = {"image_shape": (12, 10), "horizon": 2} | kwargs
    return MovingMNIST(split, **({"digits": DIGITS} | kwargs))


def test_trajectory_reflects_at_both_borders():
    result = trajectory((0.5, 0.25), (0.25, -0.5), 6)
    down = [0.5, 0.75, 1.0, 0.75, 0.5, 0.25]
    right = [0.25, 0.25, 0.75, 0.75, 0.25, 0.25]
    np.testing.assert_array_equal(result, np.stack([down, right], axis=-1))


def test_positions_are_rounded_to_pixels():
    digit = np.full((1, 1, 2, 3), 9, "uint8")
    # Free range: 4 rows and 5 columns.
    clips = draw_clips(digit, [[(0, 0)]], [[(0.25, 0.5)]], 3, (6, 8))
    expected = np.zeros((3, 6, 8))
    expected[0, 0:2, 0:3] = 9
    expected[1, 1:3, 2:5] = 9  # 2.5 columns are rounded to 2
    expected[2, 2:4, 5:8] = 9
    np.testing.assert_array_equal(clips, expected[None, ..., None])


def test_overlap_shows_the_brighter_pixel():
    digits = np.array([[[[10, 200]], [[90, 30]]]], "uint8")
    start, velocity = [[(0, 0), (0, 1)]], [[(0, 0), (0, -0.5)]]
    clips = draw_clips(digits, start, velocity, 3, (1, 4))
    expected = [[10, 200, 90, 30], [10, 200, 30, 0], [90, 200, 0, 0]]
    np.testing.assert_array_equal(clips[0, :, 0, :, 0], expected)


def test_same_motion_as_tensorflow_datasets():
    pytest.importorskip("tensorflow_datasets")
    from tensorflow_datasets.video import moving_sequence

    rng = np.random.default_rng(3)
    start = rng.random((4, 2, 2)).astype("float32")
    velocity = rng.uniform(-0.15, 0.15, start.shape).astype("float32")
    digits = sample_digits("test")[:8].reshape(4, 2, 28, 28)
    clips = draw_clips(digits, start, velocity, 30, (64, 72))
    for clip, *pairs in zip(clips, digits, start, velocity, strict=True):
        expected = [
            moving_sequence.image_as_moving_sequence(
                digit[..., None],
                sequence_length=30,
                output_size=(64, 72),
                start_position=one_start,
                velocity=one_velocity,
            ).image_sequence.numpy()
            for digit, one_start, one_velocity in zip(*pairs, strict=True)
        ]
        np.testing.assert_array_equal(clip, np.max(expected, axis=0))


def test_clips_are_the_same_on_every_machine():
    clips = moving_digits(sample_digits("test"), 20, seed=0)
    sha256 = "f72afda59adb8ce57b2ec4d0699575576c3476399a43a1b81a261e6bb5acf6d6"
    assert hashlib.sha256(clips.tobytes()).hexdigest() == sha256


def test_clips_depend_on_the_seed_and_not_on_their_number():
    clips = moving_digits(DIGITS, 9, image_shape=(12, 10), seed=4)
    part = moving_digits(DIGITS, 3, image_shape=(12, 10), seed=4, first=5)
    np.testing.assert_array_equal(part, clips[5:8])
    others = moving_digits(DIGITS, 9, image_shape=(12, 10), seed=1)
    assert len({clip.tobytes() for clip in [*clips, *others]}) == 18


def test_starts_digits_and_directions_are_uniform():
    # One bright pixel in a large frame shows both the position and the digit.
    digits = np.arange(1, 5, dtype="uint8").reshape(4, 1, 1)
    clips = moving_digits(digits, 2000, 2, (101, 101), num_digits=1, speed=0.2)
    clip, time, row, column, _ = np.nonzero(clips)
    assert len(clip) == 4000
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


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"num_clips": -1}, "`num_clips`.*Received: num_clips=-1$"),
        ({"num_digits": 0}, "`num_digits`.*Received: num_digits=0$"),
        ({"seed": None}, "`seed`.*Received: seed=None$"),
        ({"speed": float("nan")}, "`speed`.*Received: speed=nan$"),
        ({"image_shape": (5, 9)}, r"6x6 pixels.*image_shape=\(5, 9\)$"),
        ({"image_shape": (9, 9, 1)}, "without channels. Received: .*1\\)$"),
        ({"image_shape": (9.5, 9)}, "integer.*Received: image_shape=9.5$"),
        ({"digits": np.zeros((3, 6, 6))}, "uint8.*Received: float64 of shape"),
        ({"digits": np.zeros((6, 6), "uint8")}, r"rank 3.*shape \(6, 6\)$"),
        ({"digits": np.zeros((0, 6, 6), "uint8")}, "at least one.*Received"),
    ],
)
def test_bad_arguments(kwargs, message):
    with pytest.raises(ValueError, match=message):
        moving_digits(**({"digits": DIGITS, "num_clips": 1} | kwargs))


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
    assert y.max() > 0.5
    for whole, batched in zip(dataset.arrays(), (x, y), strict=True):
        np.testing.assert_array_equal(whole, batched)


@pytest.mark.parametrize("split", SPLITS)
def test_clips_do_not_depend_on_the_batch_size(split):
    whole = np.concatenate([y for _, y in make(split, batch_size=2)])
    other = np.concatenate([y for _, y in make(split, batch_size=3)])
    np.testing.assert_array_equal(whole, other)
    more = make(split, num_clips=9).clips(1, 4)
    np.testing.assert_array_equal(more, make(split).clips(1, 4))


def test_every_training_epoch_has_new_reproducible_clips():
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


def test_splits_and_seeds_share_no_clip():
    sets = [make(split, seed=seed) for split in SPLITS for seed in (0, 1)]
    clips = {clip.tobytes() for s in sets for clip in s.clips(0, 5)}
    assert len(clips) == 30


def test_each_split_uses_its_own_digits(tmp_path):
    x_train = np.full((60_000, 28, 28), 50, "uint8")
    x_train[55_000:] = 100
    x_test = np.full((10_000, 28, 28), 150, "uint8")
    path = tmp_path / "mnist.npz"
    np.savez(path, x_train=x_train, x_test=x_test)
    for split, shade in zip(SPLITS, (50, 100, 150), strict=True):
        clips = MovingMNIST(split, path=path).clips(0, 3)
        assert set(np.unique(clips)) == {0, shade}


def fit_means(dataset, **kwargs):
    """Return the mean of the targets that `fit` saw in each epoch."""
    model = keras.Sequential([keras.layers.Dense(1)])
    model.compile("sgd", loss=lambda y, prediction: y + 0 * prediction[:, :2])
    return model.fit(dataset, verbose=0, **kwargs).history["loss"]


def test_a_resumed_fit_sees_the_same_clips():
    whole = fit_means(make(num_clips=6), epochs=4)
    assert len(set(whole)) == 4
    resumed = make(num_clips=6)
    resumed.epoch = 2
    result = fit_means(resumed, initial_epoch=2, epochs=4)
    np.testing.assert_allclose(result, whole[2:], rtol=1e-5)
    # Keras advances the epoch before `fit`; a callback can set it instead.
    follow = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: setattr(resumed, "epoch", epoch)
    )
    options = {"initial_epoch": 1, "epochs": 5, "callbacks": [follow]}
    np.testing.assert_allclose(fit_means(resumed, **options), whole, rtol=1e-5)


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"split": "val"}, "Received: split='val'$"),
        ({"num_clips": 0}, "Received: num_clips=0$"),
        ({"horizon": 2.5}, "Received: horizon=2.5$"),
        ({"seed": -1}, "Received: seed=-1$"),
        ({"path": "mnist.npz"}, "not both. Received: .*mnist.npz$"),
    ],
)
def test_bad_data_set_arguments(kwargs, message):
    with pytest.raises(ValueError, match=message):
        make(**kwargs)


def test_clips_and_batches_out_of_range():
    dataset = make()
    with pytest.raises(ValueError, match="Received: start=2, stop=6$"):
        dataset.clips(2, 6)
    with pytest.raises(IndexError, match="Received: index=3$"):
        dataset[3]


def test_the_hash_is_of_the_clips_in_order(monkeypatch):
    monkeypatch.setattr(moving_mnist, "CLIPS_AT_ONCE", 2)
    dataset = make("test")
    expected = hashlib.sha256(dataset.clips(0, 5).tobytes()).hexdigest()
    assert clips_sha256(dataset) == expected


def test_verify_accepts_the_same_clips_only(monkeypatch):
    dataset = MovingMNIST("test", 20, digits=sample_digits("test"))
    with pytest.raises(ValueError, match="not the fixed.* 20 clips from 500"):
        verify_test_set(dataset)
    monkeypatch.setattr(moving_mnist, "TEST_SHA256", clips_sha256(make("test")))
    verify_test_set(make("test", batch_size=4, context=4, horizon=1))
    for other in ({"seed": 1}, {"num_clips": 4}, {"context": 4}):
        with pytest.raises(ValueError, match="not the fixed"):
            verify_test_set(make("test", **other))


def test_default_sizes():
    splits = {"train": 10_000, "validation": 1_000, "test": 10_000}
    for split, num_clips in splits.items():
        assert MovingMNIST(split, digits=DIGITS).num_clips == num_clips
