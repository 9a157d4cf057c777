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


def read_npz(path, **arrays):
    np.savez(path / "a.npz", **arrays)
    (recording,) = read_recordings(path / "a.npz")
    return recording


@pytest.mark.parametrize("shape", [(3, 9, 8), (3, 9, 8, 2), (5, 3, 9, 8, 2)])
def test_an_array_has_one_or_several_clips(tmp_path, shape):
    frames = np.random.default_rng(0).random(shape)
    np.save(tmp_path / "a.npy", frames)
    read = read_recordings(tmp_path / "a.npy")
    pixels = np.stack([clip.pixels(0, 3) for clip in read])
    full = {3: (1, 3, 9, 8, 1), 4: (1, 3, 9, 8, 2), 5: shape}[len(shape)]
    assert pixels.shape == full
    np.testing.assert_allclose(pixels.reshape(shape), frames, rtol=1e-6)


def test_frames_times_and_scaling_of_arrays(tmp_path):
    frames, times = np.zeros((3, 4, 4)), times_of(3).astype("datetime64[s]")
    for arrays in ({"x": frames}, {"x": frames + 1, "frames": frames}):
        read = read_npz(tmp_path, **arrays)
        np.testing.assert_array_equal(read.frames[..., 0], frames)
        assert read.interval is None
    assert read_npz(tmp_path, frames=frames, times=times).interval == 300
    with pytest.raises(ValueError, match="Convert numbers.*Received: .*int64"):
        read_npz(tmp_path, frames=frames, times=times.astype("int64"))
    text = np.char.add(np.datetime_as_string(times), "Z")
    read = read_npz(tmp_path, frames=frames, times=text)
    np.testing.assert_array_equal(read.times, times)
    # Times apply to every clip.
    times = times_of(4)[[0, 1, 3]]
    arrays = {"frames": np.zeros((2, 3, 4, 4, 1)), "times": times}
    np.savez(tmp_path / "a.npz", **arrays)
    for read in read_recordings(tmp_path / "a.npz", interval=300):
        assert read.segments == [(0, 2), (2, 3)]
    frames = np.array([10.0, 25.0, np.nan]).reshape(3, 1, 1)
    np.save(tmp_path / "a.npy", frames)
    options = {"scaling": MinMax(0, 50), "fill": 5}
    (read,) = read_recordings(tmp_path / "a.npy", **options)
    np.testing.assert_allclose(read.pixels(0, 3).ravel(), [0.2, 0.5, 0.1])
    (read,) = read_recordings(tmp_path / "a.npy", scaling=MinMax(0, 50))
    assert np.isnan(read.pixels(2, 3)).all()


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
    times = times_of(6)[[0, 1, 4, 5]]
    path = write_netcdf(tmp_path / "a.nc", rain(), times=times)
    (read,) = read_recordings(path, variable="rain", interval=300)
    assert read.scaling == RainRate() and read.segments == [(0, 2), (2, 4)]
    options = {"scaling": MinMax(0, 10), "fill": 10, "interval": 300}
    (read,) = read_recordings(path, **options)
    np.testing.assert_allclose(read.pixels(0, 4)[:, -1, -2:], 1)
    with pytest.raises(ValueError, match="Received: interval=0"):
        read_recordings(path, interval=0)


def test_radar_files(tmp_path):
    pytest.importorskip("pysteps")
    for minute, count in ((0, 10), (5, 20)):
        path = tmp_path / f"202006011200{minute:02}.h5"
        write_odim(path, np.full((4, 4), count, "uint8"), "DBZH")
    options = {"importer": "odim_hdf5", "qty": "DBZH", "pattern": None}
    for files, expected in ((tmp_path, [1, 2]), (tmp_path / "*05.h5", [2])):
        (read,) = read_recordings(files, **options)
        np.testing.assert_allclose(read.frames[:, 0, 0, 0], expected)


def assert_refused(path, error, message, **options):
    with pytest.raises(error, match=f"(?s){message}.*Received: .*{path.name}"):
        read_recordings(path, **options)


def test_refused_files_and_options(tmp_path):
    for name in ("a.npy", "a.mp4", "a.txt"):
        assert_refused(tmp_path / name, FileNotFoundError, "no such file")
    for name in ("a.h5", "a"):
        (tmp_path / name).write_text("frames")
        assert_refused(tmp_path / name, ValueError, "one of .npy.*importer")
    for name, option in (
        ("a.npy", {"gray": True}),
        ("a.npz", {"variable": "rain"}),
        ("a.mp4", {"scaling": MinMax()}),
        ("a.nc", {"pattern": "%Y"}),
    ):
        message = f"`{min(option)}` is not for"
        assert_refused(tmp_path / name, ValueError, message, **option)
    for shape in ((9, 8), (1, 1, 3, 9, 8, 1), (0, 3, 9, 8, 1)):
        np.save(tmp_path / "a.npy", np.zeros(shape))
        with pytest.raises(ValueError, match="Received: shape="):
            read_recordings(tmp_path / "a.npy")
    path = tmp_path / "a.npz"
    np.savez(path, frames=np.random.default_rng(0).random((3, 9, 8)))
    whole = path.read_bytes()
    half = whole[: len(whole) // 2]
    for content in (b"", b"frames", b"PK\x03\x04 cut off", half):
        path.write_bytes(content)
        assert_refused(path, ValueError, "cannot be read")
    np.save(tmp_path / "a.npy", np.array([{}]), allow_pickle=True)
    assert_refused(tmp_path / "a.npy", ValueError, "cannot be read")
    for names in (("x", "y"), ()):
        np.savez(path, **{name: np.zeros(3) for name in names})
        assert_refused(path, ValueError, "must contain one array")
