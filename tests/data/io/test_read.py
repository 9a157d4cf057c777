import numpy as np
import pytest

from msrnn_keras.data import MinMax, RainRate
from msrnn_keras.data.io.read import read_recordings
from tests.recordings import (
    rain,
    squares,
    times_of,
    write_avi,
    write_images,
    write_netcdf,
    write_odim,
)

pytestmark = pytest.mark.backend_free

# === Arrays ===


@pytest.mark.parametrize("shape", [(3, 9, 8), (3, 9, 8, 2), (5, 3, 9, 8, 2)])
def test_an_array_is_a_clip_or_several(tmp_path, shape):
    frames = np.random.default_rng(0).random(shape)
    np.save(tmp_path / "a.npy", frames)
    read = read_recordings(tmp_path / "a.npy")
    pixels = np.stack([clip.pixels(0, 3) for clip in read])
    full = {3: (1, 3, 9, 8, 1), 4: (1, 3, 9, 8, 2), 5: shape}[len(shape)]
    assert pixels.shape == full
    np.testing.assert_allclose(pixels.reshape(shape), frames, rtol=1e-6)


def test_bytes_are_scaled(tmp_path):
    frames = np.arange(256, dtype="uint8").reshape(4, 8, 8)
    np.save(tmp_path / "a.npy", frames)
    (read,) = read_recordings(str(tmp_path / "a.npy"))
    pixels = read.pixels(0, 4).ravel()
    np.testing.assert_allclose(pixels * 255, np.arange(256), atol=1e-4)


@pytest.mark.parametrize("names", [("x",), ("frames",), ("x", "frames")])
def test_the_array_in_an_npz_file(tmp_path, names):
    arrays = {name: np.full((2, 4, 4), i / 4) for i, name in enumerate(names)}
    np.savez(tmp_path / "a.npz", **arrays)
    (read,) = read_recordings(tmp_path / "a.npz")
    np.testing.assert_array_equal(read.frames[..., 0], arrays[names[-1]])
    assert read.interval is None


def test_times_in_an_npz_file(tmp_path):
    arrays = {"frames": np.zeros((3, 4, 4)), "times": times_of(3)}
    np.savez(tmp_path / "a.npz", **arrays)
    (read,) = read_recordings(tmp_path / "a.npz")
    assert read.interval == 300


def test_times_in_an_npz_file_need_a_unit(tmp_path):
    times = times_of(3).astype("datetime64[s]")
    arrays = {"frames": np.zeros((3, 4, 4)), "times": times.astype("int64")}
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(ValueError, match="Convert numbers.*Received: .*int64"):
        read_recordings(tmp_path / "a.npz")
    text = np.char.add(np.datetime_as_string(times), "Z")
    np.savez(tmp_path / "a.npz", **arrays | {"times": text})
    (read,) = read_recordings(tmp_path / "a.npz")
    np.testing.assert_array_equal(read.times, times)


def test_times_are_those_of_each_clip(tmp_path):
    times = times_of(4)[[0, 1, 3]]
    arrays = {"frames": np.zeros((2, 3, 4, 4, 1)), "times": times}
    np.savez(tmp_path / "a.npz", **arrays)
    for read in read_recordings(tmp_path / "a.npz", interval=300):
        assert read.segments == [(0, 2), (2, 3)]


def test_an_interval_splits_the_frames(tmp_path):
    pytest.importorskip("netCDF4")
    times = times_of(6)[[0, 1, 4, 5]]
    path = write_netcdf(tmp_path / "a.nc", rain(), times=times)
    (read,) = read_recordings(path, interval=300)
    assert read.segments == [(0, 2), (2, 4)]
    with pytest.raises(ValueError, match="Received: interval=0"):
        read_recordings(path, interval=0)


def test_values_are_scaled_and_filled(tmp_path):
    frames = np.array([10.0, 25.0, np.nan]).reshape(3, 1, 1)
    np.save(tmp_path / "a.npy", frames)
    options = {"scaling": MinMax(0, 50), "fill": 5}
    (read,) = read_recordings(tmp_path / "a.npy", **options)
    np.testing.assert_allclose(read.pixels(0, 3).ravel(), [0.2, 0.5, 0.1])
    (read,) = read_recordings(tmp_path / "a.npy", scaling=MinMax(0, 50))
    assert np.isnan(read.pixels(2, 3)).all()


# === Other forms ===


def test_videos_and_folders_of_images(tmp_path):
    pytest.importorskip("av")
    names = [f"{index}.png" for index in range(6)]
    folder = write_images(tmp_path / "images", squares(), names)
    for path in (folder, write_avi(tmp_path / "a.avi", squares())):
        (read,) = read_recordings(path, size=(8, 10), gray=True)
        assert read.frames.shape == (6, 8, 10, 1)
        (read,) = read_recordings(path, size=None, gray=False, variable=None)
        np.testing.assert_array_equal(read.frames, squares())


def test_netcdf(tmp_path):
    pytest.importorskip("netCDF4")
    path = write_netcdf(tmp_path / "a.nc", rain())
    (read,) = read_recordings(path, variable="rain")
    assert read.scaling == RainRate()
    (read,) = read_recordings(path, scaling=MinMax(0, 10), fill=10)
    np.testing.assert_allclose(read.pixels(0, 4)[:, -1, -2:], 1)


def test_radar_files(tmp_path):
    pytest.importorskip("pysteps")
    for minute, count in ((0, 10), (5, 20)):
        path = tmp_path / f"202006011200{minute:02}.h5"
        write_odim(path, np.full((4, 4), count, "uint8"), "DBZH")
    options = {"importer": "odim_hdf5", "qty": "DBZH", "pattern": None}
    (read,) = read_recordings(tmp_path, **options)
    np.testing.assert_allclose(read.frames[:, 0, 0, 0], [1, 2])
    (read,) = read_recordings(tmp_path / "*05.h5", **options)
    np.testing.assert_allclose(read.frames[:, 0, 0, 0], [2])


# === What is refused ===


def refuse_to_read(path, error, message, **options):
    with pytest.raises(error, match=f"(?s){message}.*Received: .*{path.name}"):
        read_recordings(path, **options)


@pytest.mark.parametrize("name", ["a.npy", "a.mp4", "a.nc", "a.txt", "a"])
def test_no_file(tmp_path, name):
    if name == "a.nc":
        pytest.importorskip("xarray")
    refuse_to_read(tmp_path / name, FileNotFoundError, "no such file")


def test_other_endings_are_refused(tmp_path):
    for name in ("a.txt", "a.h5", "a"):
        (tmp_path / name).write_text("frames")
        refuse_to_read(tmp_path / name, ValueError, "one of .npy.*importer")


@pytest.mark.parametrize(
    "name, options",
    [
        ("a.npy", {"gray": True}),
        ("a.npz", {"variable": "rain"}),
        ("a.mp4", {"scaling": MinMax()}),
        ("a.nc", {"size": (8, 8)}),
        ("a.nc", {"pattern": "%Y"}),
    ],
)
def test_options_of_another_form_are_refused(tmp_path, name, options):
    (option,) = options
    message = f"`{option}` is not for"
    refuse_to_read(tmp_path / name, ValueError, message, **options)


@pytest.mark.parametrize("shape", [(9, 8), (1, 1, 3, 9, 8, 1), (0, 3, 9, 8, 1)])
def test_other_shapes_are_refused(tmp_path, shape):
    np.save(tmp_path / "a.npy", np.zeros(shape))
    with pytest.raises(ValueError, match="Received: shape="):
        read_recordings(tmp_path / "a.npy")


@pytest.mark.parametrize("content", [b"", b"frames", b"PK\x03\x04 cut off"])
def test_other_files_are_refused(tmp_path, content):
    (tmp_path / "a.npz").write_bytes(content)
    refuse_to_read(tmp_path / "a.npz", ValueError, "cannot be read")


def test_a_file_cut_off_is_refused(tmp_path):
    frames = np.random.default_rng(0).random((3, 9, 8))
    np.savez(tmp_path / "whole.npz", frames=frames)
    whole = (tmp_path / "whole.npz").read_bytes()
    (tmp_path / "a.npz").write_bytes(whole[: len(whole) // 2])
    refuse_to_read(tmp_path / "a.npz", ValueError, "cannot be read")


def test_python_objects_are_refused(tmp_path):
    np.save(tmp_path / "a.npy", np.array([{}]), allow_pickle=True)
    refuse_to_read(tmp_path / "a.npy", ValueError, "cannot be read")


@pytest.mark.parametrize("names", [("x", "y"), ()])
def test_an_npz_file_of_no_clear_array_is_refused(tmp_path, names):
    np.savez(tmp_path / "a.npz", **{name: np.zeros(3) for name in names})
    refuse_to_read(tmp_path / "a.npz", ValueError, "must hold one array")
