import numpy as np
import pytest
from PIL import Image

from msrnn_keras.files import (
    check_writable,
    read_clips,
    remove_unfinished,
    write_atomically,
    write_forecast,
)
from tests.runs import contents


@pytest.fixture
def clips():
    rng = np.random.default_rng(0)
    past = rng.random((2, 3, 9, 8, 1)).astype("float32")
    return past, rng.random((2, 4, 9, 8, 1)).astype("float32")


# === Writing ===


def test_a_file_is_written_under_its_own_ending(tmp_path):
    seen = []

    def write(path):
        seen.append(path)
        path.write_text("new")

    write_atomically(tmp_path / "a.weights.h5", write)
    assert contents(tmp_path) == {"a.weights.h5": b"new"}
    assert len(seen) == 1 and seen[0].name != "a.weights.h5"
    assert seen[0].name.endswith("a.weights.h5")
    assert seen[0].parent == tmp_path


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_failing_writer_leaves_the_old_file_alone(tmp_path, error):
    (tmp_path / "a.txt").write_text("old")

    def write(path):
        path.write_text("ne")
        raise error("disk full")

    with pytest.raises(error, match="disk full"):
        write_atomically(tmp_path / "a.txt", write)
    assert contents(tmp_path) == {"a.txt": b"old"}


def test_what_a_killed_writer_left_is_removed_and_nothing_else(tmp_path):
    keep = ("a.txt", "tmp-notes.txt", "tmp-of-mine-a.txt")
    for name in keep:
        (tmp_path / name).write_text("mine")
    used = []
    write_atomically(
        tmp_path / "a.txt", lambda path: used.append(path) or path.touch()
    )
    used[0].write_text("half of a fi")
    remove_unfinished(tmp_path)
    assert set(contents(tmp_path)) == set(keep)


# === Reading ===


@pytest.mark.parametrize("shape", [(3, 9, 8), (3, 9, 8, 2), (5, 3, 9, 8, 2)])
def test_every_rank_becomes_five(tmp_path, shape):
    frames = np.random.default_rng(0).random(shape)
    np.save(tmp_path / "a.npy", frames)
    read = read_clips(tmp_path / "a.npy")
    full = {3: (1, 3, 9, 8, 1), 4: (1, 3, 9, 8, 2), 5: shape}[len(shape)]
    assert read.shape == full and read.dtype == frames.dtype
    np.testing.assert_array_equal(read.reshape(shape), frames)


def test_bytes_are_scaled(tmp_path):
    frames = np.arange(256, dtype="uint8").reshape(4, 8, 8)
    np.save(tmp_path / "a.npy", frames)
    read = read_clips(str(tmp_path / "a.npy"))
    assert read.dtype == "float32" and read.max() == 1.0
    np.testing.assert_allclose(read.ravel() * 255, np.arange(256), atol=1e-4)


@pytest.mark.parametrize("names", [("x",), ("frames",), ("x", "frames")])
def test_the_array_in_an_npz_file(tmp_path, clips, names):
    arrays = {name: clips[0] + i for i, name in enumerate(names)}
    np.savez(tmp_path / "a.npz", **arrays)
    read = read_clips(tmp_path / "a.npz")
    np.testing.assert_array_equal(read, arrays[names[-1]])


def refuse_to_read(path, error, message):
    with pytest.raises(error, match=f"(?s){message}.*Received: .*{path.name}"):
        read_clips(path)


def test_no_file(tmp_path):
    refuse_to_read(tmp_path / "a.npy", FileNotFoundError, "no such file")
    refuse_to_read(tmp_path, FileNotFoundError, "no such file")


@pytest.mark.parametrize("shape", [(9, 8), (1, 1, 3, 9, 8, 1), (0, 3, 9, 8, 1)])
def test_other_shapes_are_refused(tmp_path, shape):
    np.save(tmp_path / "a.npy", np.zeros(shape))
    refuse_to_read(tmp_path / "a.npy", ValueError, "must be")


@pytest.mark.parametrize("content", [b"", b"frames", b"PK\x03\x04 cut off"])
def test_other_files_are_refused(tmp_path, content):
    (tmp_path / "a.npz").write_bytes(content)
    refuse_to_read(tmp_path / "a.npz", ValueError, "cannot be read")


def test_a_file_cut_off_is_refused(tmp_path, clips):
    write_forecast(tmp_path / "whole.npz", *clips)
    whole = (tmp_path / "whole.npz").read_bytes()
    (tmp_path / "a.npz").write_bytes(whole[: len(whole) // 2])
    refuse_to_read(tmp_path / "a.npz", ValueError, "cannot be read")


def test_python_objects_are_refused(tmp_path):
    np.save(tmp_path / "a.npy", np.array([{}]), allow_pickle=True)
    refuse_to_read(tmp_path / "a.npy", ValueError, "cannot be read")


@pytest.mark.parametrize("names", [("x", "y"), ()])
def test_an_npz_file_of_no_clear_array_is_refused(tmp_path, clips, names):
    np.savez(tmp_path / "a.npz", **{name: clips[0] for name in names})
    refuse_to_read(tmp_path / "a.npz", ValueError, "must hold one array")


# === Forecasts ===


@pytest.mark.parametrize("ending", [".npy", ".npz"])
def test_a_forecast_is_read_back_as_it_was_written(tmp_path, clips, ending):
    path = tmp_path / f"a{ending}"
    write_forecast(path, *clips)
    np.testing.assert_array_equal(read_clips(path), clips[1])
    assert list(contents(tmp_path)) == [path.name]


def test_a_picture_is_one(tmp_path, clips):
    write_forecast(tmp_path / "a.png", *clips)
    with Image.open(tmp_path / "a.png") as image:
        assert image.format == "PNG"
        assert len(np.unique(np.asarray(image))) > 50
    assert list(contents(tmp_path)) == ["a.png"]


def test_an_animation_shows_past_and_forecast(tmp_path, clips):
    write_forecast(tmp_path / "a.gif", *clips)
    with Image.open(tmp_path / "a.gif") as image:
        assert image.format == "GIF"
        assert image.n_frames == 3 + 4
    assert list(contents(tmp_path)) == ["a.gif"]


@pytest.mark.parametrize("name", ["a.txt", "a", "a.npz.zip"])
def test_other_endings_are_refused(tmp_path, clips, name):
    for refuse in (check_writable, lambda path: write_forecast(path, *clips)):
        with pytest.raises(
            ValueError, match=f"one of .npz.*Received: .*{name}"
        ):
            refuse(tmp_path / name)
    assert contents(tmp_path) == {}


def test_a_missing_folder_is_refused(tmp_path, clips):
    for refuse in (check_writable, lambda path: write_forecast(path, *clips)):
        with pytest.raises(FileNotFoundError, match="Received: .*nowhere"):
            refuse(tmp_path / "nowhere" / "a.npz")
    check_writable(tmp_path / "a.npz")
