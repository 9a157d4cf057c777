import numpy as np
import pytest

from msrnn_keras.data import NAMES, MovingMNIST, load
from msrnn_keras.data.datasets.digits import SPLITS

PUBLISHED = {
    "mnist": (10, 10, (64, 64)),
    "mnist-official": (10, 10, (64, 64, 1)),
    "taxibj": (4, 4, (32, 32, 2)),
    "kth": (10, 20, (128, 128, 1)),
    "kth-msrnn": (10, 10, (88, 88, 1)),
    "germany": (5, 5, (128, 128, 1)),
    "radar": (6, 12, (16, 14, 1)),  # whole frames of the small test files
    "recordings": (6, 12, (8, 12, 1)),  # of the fixture
    "sevir": (13, 12, (384, 384, 1)),
}


@pytest.fixture
def options(request, name, tmp_path, cache):
    if name == "mnist":
        return {"digits": np.ones((9, 28, 28), "uint8"), "num_clips": 3}
    if name == "mnist-official":
        clips = np.zeros((20, 3, 64, 64), "uint8")
        np.save(tmp_path / "mnist_test_seq.npy", clips)
        return {"path": tmp_path}
    if name == "recordings":
        frames = np.random.default_rng(0).random((240, 8, 12), "float32")
        np.save(tmp_path / "frames.npy", frames)
        return {"path": tmp_path / "frames.npy", "num_clips": 3}
    path = request.getfixturevalue("kth" if name == "kth-msrnn" else name)
    options = {"path": path, "num_clips": 3}
    no_cache = ("taxibj", "radar", "sevir")
    return options if name in no_cache else options | {"cache": cache}


@pytest.mark.parametrize("name", NAMES)
def test_one_interface(name, options):
    assert NAMES == tuple(PUBLISHED)
    dataset = load(name, "test", batch_size=2, **options)
    context, horizon, shape = PUBLISHED[name]
    assert (dataset.context, dataset.horizon) == (context, horizon)
    assert tuple(dataset.image_shape) == shape
    assert dataset.num_clips == 3
    x, y = dataset.arrays()
    image = (*shape, 1)[:3]
    assert x.shape == (3, context, *image)
    assert y.shape == (3, horizon, *image)
    assert x.dtype == y.dtype == "float32"
    assert 0 <= np.nanmin(y) <= np.nanmax(y) <= 1
    values = dataset.inverse(y)
    np.testing.assert_allclose(dataset.scaling(values), y, atol=1e-5)
    split = "test" if name == "mnist-official" else "train"
    options |= {"context": 3, "horizon": 2, "batch_size": 2}
    if name in ("radar", "recordings"):
        options["image_shape"] = (8, 12)
    x, y = load(name, split, teacher_forcing=True, **options)[0]
    assert x.shape[:2] == (2, 4) and y.shape[:2] == (2, 2)
    np.testing.assert_array_equal(x[:, 3], y[:, 0])


def test_defaults_and_options(taxibj):
    sets = {s: load("taxibj", s, path=taxibj, seed=4) for s in SPLITS}
    assert [sets[s].shuffle for s in SPLITS] == [True, False, False]
    assert [sets[s].stride for s in SPLITS] == [1, 1, 1]
    dataset = load("taxibj", "train", path=taxibj, shuffle=False, stride=3)
    assert not dataset.shuffle and dataset.stride == 3
    digits = np.full((9, 5, 5), 7, "uint8")
    options = {"digits": digits, "seed": 2, "num_clips": 4, "horizon": 3}
    dataset = load("MNIST", "train", speed=0.2, workers=2, **options)
    assert dataset.threads == 2
    expected = MovingMNIST("train", speed=0.2, **options)
    np.testing.assert_array_equal(dataset[0][1], expected[0][1])
    gray = dataset.inverse(dataset[0][1])
    assert set(np.unique(gray).round(4)) == {0, 7}


def test_bad_arguments():
    for name, kwargs, message in (
        ("taxi", {}, "data set; the nearest are: taxibj. Received: 'taxi'$"),
        ("taxibj", {"split": "val"}, "Received: split='val'$"),
        ("taxibj", {"cache": "."}, "'taxibj'; the opt.*: .* Received: cache$"),
        ("mnist", {"stride": 2}, "Received: stride=2, shuffle=None$"),
        ("mnist", {"split": "test", "shuffle": True}, "shuffle=True$"),
        ("mnist", {"batch_size": 0}, "Received: batch_size=0$"),
    ):
        with pytest.raises(ValueError, match=message):
            load(name, **({"split": "train"} | kwargs))
