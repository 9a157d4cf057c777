import pickle

import numpy as np
import pytest

from msrnn_keras.data import ArraySource, Crops, MinMax, crops
from msrnn_keras.data.lazy_frames import LazyFrames

pytestmark = pytest.mark.backend_free

SIZES = {"context": 2, "horizon": 1}


def numbered(frames=6, height=8, width=10):
    """Return a source whose every pixel has another value."""
    count = frames * height * width
    values = np.arange(1, count + 1).reshape(frames, height, width, 1)
    return ArraySource(values / count)


def numbers(clip, source):
    return np.rint(clip[..., 0] * source.frames.size).astype(int)


def test_probabilities_are_those_of_the_formula():
    rng = np.random.default_rng(0)
    frames = rng.random((7, 8, 9, 1)) ** 4
    frames[:, :3, :5] = np.nan
    frames[4] = 0
    source = ArraySource(frames, [(0, 4), (4, 7)])
    other = ArraySource(rng.random((3, 4, 4, 1)))
    crops = Crops([source, other], **SIZES, image_shape=(4, 4), dry=0.2)
    expected = {}
    for index, x in enumerate((frames, other.frames)):
        for start in (0, 1, 4) if index == 0 else (0,):
            for top in range(x.shape[1] - 3):
                for left in range(x.shape[2] - 3):
                    part = x[start : start + 3, top : top + 4, left : left + 4]
                    if np.isnan(part).mean() <= 0.5:
                        place = (index, start, top, left)
                        expected[place] = np.nansum(part**2) / part.size
    assert list(map(tuple, crops._candidates.tolist())) == list(expected)
    weights = np.array(list(expected.values()))
    wanted = 0.8 * weights / weights.sum() + 0.2 / len(weights)
    np.testing.assert_allclose(crops.probabilities, wanted, rtol=1e-6)


def test_crops_are_drawn_with_their_probabilities():
    frames = np.zeros((3, 4, 40, 1))
    frames[:, :, 20:24] = 1
    options = {"image_shape": (4, 4), "augment": False, "num_clips": 4000}
    for dry, wet in ((0, 1.0), (1, 7 / 37), (0.5, 0.5 + 3.5 / 37)):
        crops = Crops(ArraySource(frames), **SIZES, **options, dry=dry)
        wet_crops = [crops.clip(i, 0).any() for i in range(4000)]
        assert np.mean(wet_crops) == pytest.approx(wet, abs=0.03)


def test_crops_are_parts_of_the_frames_within_a_segment():
    source = numbered()
    source.segments = [(0, 3), (3, 6)]
    options = {"image_shape": (4, 5), "augment": False, "num_clips": 300}
    crops = Crops(source, **SIZES, **options)
    found = set()
    for number in range(crops.num_clips):
        clip = numbers(crops.clip(number, 0), source)
        start, top, left = np.unravel_index(clip[0, 0, 0] - 1, (6, 8, 10))
        part = source.frames[start : start + 3, top : top + 4, left : left + 5]
        np.testing.assert_array_equal(clip, numbers(part, source))
        found.add((int(start), int(top), int(left)))
    assert {start for start, _, _ in found} == {0, 3}
    assert {top for _, top, _ in found} == set(range(5))
    assert {left for _, _, left in found} == set(range(6))


@pytest.mark.parametrize("shape, count", [((4, 4), 8), ((4, 6), 4)])
def test_crops_are_turned_and_mirrored(shape, count):
    source = numbered(3, *shape)
    crops = Crops(source, **SIZES, image_shape=shape, num_clips=100)
    found = {numbers(crops.clip(i, 0), source).tobytes() for i in range(100)}
    turns = range(4) if shape[0] == shape[1] else (0, 2)
    turned = [np.rot90(source.frames, k, (1, 2)) for k in turns]
    turned += [x[:, :, ::-1] for x in turned]
    assert found == {numbers(x, source).tobytes() for x in turned}
    assert len(found) == count


def test_crops_depend_on_seed_epoch_and_number_alone():
    def make(batch_size=4, **kwargs):
        options = {"image_shape": (4, 4), "num_clips": 10} | kwargs
        return Crops(numbered(), **SIZES, batch_size=batch_size, **options)

    crops = make()
    first = crops.arrays()
    assert first[0].shape == (10, 2, 4, 4, 1)
    assert first[1].shape == (10, 1, 4, 4, 1)
    assert [len(x) for x, _ in crops] == [4, 4, 2]
    np.testing.assert_array_equal(first[0], make(3, workers=3).arrays()[0])
    copy = pickle.loads(pickle.dumps(crops))
    crops.on_epoch_end()
    second = crops.arrays()[0]
    assert not np.array_equal(first[0], second)
    copy.epoch = 1
    np.testing.assert_array_equal(copy.arrays()[0], second)
    assert not np.array_equal(first[0], make(seed=1).arrays()[0])
    fixed = make(fixed=True)
    fixed.epoch = 5
    np.testing.assert_array_equal(fixed.arrays()[0], first[0])
    assert make(teacher_forcing=True)[0][0].shape == (4, 2, 4, 4, 1)


def test_scaling_and_short_sources():
    frames = np.full((3, 4, 4, 1), 30.0)
    source = ArraySource(frames, scaling=MinMax(0, 60, "dBZ"))
    short = ArraySource(frames[:2], scaling=source.scaling)
    crops = Crops([short, source], **SIZES, image_shape=(4, 4), num_clips=1)
    assert (crops[0][0] == 0.5).all() and crops.scaling == source.scaling
    assert (crops.inverse(crops[0][0]) == 30).all()
    dry = Crops(ArraySource(0 * frames), **SIZES, image_shape=(4, 4))
    np.testing.assert_allclose(dry.probabilities, 1)


def test_bad_arguments():
    source = numbered()
    scaled = ArraySource(source.frames, scaling=MinMax(0, 2))
    missing = ArraySource(np.full((6, 8, 10, 1), np.nan))
    for sources, kwargs, message in (
        (source, {"image_shape": (9, 4)}, r"\(9, 4\) for frames of \(8, 10, 1"),
        (source, {"image_shape": (4, 4, 1)}, r"Received: .*\(4, 4, 1\)$"),
        (source, {"image_shape": (4, 0)}, "Received: image_shape=0$"),
        (source, {"dry": 1.1}, "Received: dry=1.1$"),
        (source, {"num_clips": 0}, "Received: num_clips=0$"),
        (source, {"horizon": 5}, "7 consecutive.* in 1 sources$"),
        (missing, {}, "half of its pixels valid. Received: no such crop"),
        ([source, scaled], {}, "Received: .*'high': 2.0.*'high': 1.0"),
    ):
        with pytest.raises(ValueError, match=message):
            Crops(sources, **{**SIZES, "image_shape": (4, 4), **kwargs})
    with pytest.raises(TypeError, match="Received: 3"):
        Crops(3, **SIZES)


def test_a_part_of_a_large_file_is_weighed(monkeypatch):
    frames = np.zeros((60, 16, 24, 1), "float32")
    frames[20:40, :8, 16:] = 0.5
    read = []

    def part(*parts):
        read.append(parts[0].start)
        return frames[parts]

    source = ArraySource(LazyFrames(part, frames.shape), [(0, 30), (30, 60)])
    options = {"image_shape": (8, 8), "dry": 0, "augment": False}
    whole = Crops(source, **SIZES, **options)
    assert read == [*range(60)]
    assert len(whole._candidates) == len({*map(tuple, whole._candidates)})
    monkeypatch.setattr(crops, "SMALL", 0)
    monkeypatch.setattr(crops, "MOST_READ", frames.size // 5)
    read.clear()
    few = Crops(source, **SIZES, **options, num_clips=200)
    assert read == [*range(0, 60, 5)]
    assert len(few._candidates) == len(whole._candidates) * 12 // 56
    starts = []
    for number in range(200):
        read.clear()
        clip = few.clip(number, 0)
        starts += read
        assert clip.shape == (3, 8, 8, 1)
    assert len(set(starts)) > 15  # also between the frames that were weighed
    assert all(start + 3 <= 30 or start >= 30 for start in starts)
    assert {*starts} <= {*range(15, 45)}
    for part in (few, whole):
        rows = part._candidates[np.argmax(part.probabilities)]
        assert 15 <= rows[1] < 40 and rows[2:].tolist() == [0, 16]
