import numpy as np
import pytest
from PIL import Image

from msrnn_keras.data import from_video
from tests.recordings import squares, write_animation, write_avi, write_images

NAMES = [f"frame{index}.png" for index in (1, 2, 10, 11, 100, 101)]


@pytest.fixture
def avi(tmp_path):
    return write_avi(tmp_path / "a.avi", squares())


@pytest.fixture
def gif(tmp_path):
    return write_animation(tmp_path / "a.gif", squares(), duration=200)


@pytest.fixture
def folder(tmp_path):
    write_images(tmp_path / "images", squares(), NAMES)
    (tmp_path / "images" / "notes.txt").write_text("not an image")
    return tmp_path / "images"


@pytest.mark.parametrize(
    ("name", "interval"), [("avi", 0.04), ("gif", 0.2), ("folder", None)]
)
def test_frames_are_read_exactly(request, name, interval):
    path = request.getfixturevalue(name)
    source = from_video(path)
    np.testing.assert_array_equal(source.frames, squares())
    assert source.interval == interval
    assert source.metadata == ({"fps": 1 / interval} if interval else {})
    np.testing.assert_allclose(source.pixels(0, 6), squares() / 255, 1e-6)
    source = from_video(path, start=2, count=3)
    np.testing.assert_array_equal(source.frames, squares()[2:5])
    source = from_video(path, start=4)
    np.testing.assert_array_equal(source.frames, squares()[4:])
    for options in ({"start": 6}, {"start": 4, "count": 3}):
        with pytest.raises(ValueError, match="Received: .* in "):
            from_video(path, **options)


@pytest.mark.parametrize("name", ["avi", "gif", "folder"])
def test_gray_is_luma_and_size_is_height_and_width(request, name):
    path = request.getfixturevalue(name)
    gray = from_video(path, gray=True)
    assert gray.image_shape == (16, 20, 1)
    luma = squares() @ np.array([0.299, 0.587, 0.114])
    np.testing.assert_allclose(gray.frames[..., 0], luma, atol=1)
    small = from_video(path, size=(8, 10))
    assert small.image_shape == (8, 10, 3)
    inner = small.frames[0, 3:5, 1:3]
    np.testing.assert_allclose(inner, squares()[0, 7:11:2, 3:7:2], atol=1)
    mean = squares().mean(axis=(1, 2))
    np.testing.assert_allclose(small.frames.mean(axis=(1, 2)), mean, atol=3)


@pytest.mark.parametrize("name", ["avi", "gif"])
@pytest.mark.parametrize("part", [0.0, 0.02, 0.95])
def test_a_cut_off_file_is_refused(request, name, part):
    path = request.getfixturevalue(name)
    content = path.read_bytes()
    path.write_bytes(content[: int(part * len(content))])
    with pytest.raises(ValueError, match=f"cannot be read.*Received: .*{name}"):
        from_video(path)


def test_images_of_several_sizes_and_a_cut_off_gif(folder, gif):
    Image.new("L", (30, 30), 255).save(folder / "frame102.png")
    with pytest.raises(ValueError, match="Received: .*16, 20.*30, 30"):
        from_video(folder)
    source = from_video(folder, size=(8, 8))
    assert source.frames.shape == (7, 8, 8, 3)
    assert (source.frames[-1] == 255).all()
    content = gif.read_bytes()
    gif.write_bytes(content[: content.rindex(b"\x21\xf9\x04")])
    with pytest.raises(ValueError, match="after frame 4.*its end is missing"):
        from_video(gif)
    assert len(from_video(gif, count=4)) == 4


def test_bad_paths_and_arguments(tmp_path):
    with pytest.raises(FileNotFoundError, match="Received: .*a.mp4"):
        from_video(tmp_path / "a.mp4")
    with pytest.raises(ValueError, match="Received: 0 in "):
        from_video(tmp_path)
    (tmp_path / "a.txt").write_text("no video")
    with pytest.raises(ValueError, match="end in one of .mp4.*a.txt"):
        from_video(tmp_path / "a.txt")
    for option in ({"start": -1}, {"count": 0}, {"size": (0, 8)}):
        with pytest.raises(ValueError, match="Received: "):
            from_video(tmp_path, **option)


@pytest.mark.parametrize("degrees", [0, 90, 180, -90])
def test_a_video_is_upright_like_in_opencv(tmp_path, degrees):
    cv2 = pytest.importorskip("cv2", "5.0")  # 4 does not turn MKV files
    path = write_avi(tmp_path / "a.MKV", squares(), degrees=degrees)
    capture = cv2.VideoCapture(str(path))
    expected = [capture.read()[1][..., ::-1] for _ in range(6)]
    capture.release()
    source = from_video(path)
    np.testing.assert_array_equal(source.frames, expected)
    is_turned = degrees in (90, -90)
    assert source.image_shape[:2] == ((20, 16) if is_turned else (16, 20))
    # It is mirrored after its rotation.
    write_avi(path, squares(), degrees=degrees, hflip=True)
    turned = np.rot90(squares(), degrees // 90, axes=(1, 2))
    np.testing.assert_array_equal(from_video(path).frames, turned[:, :, ::-1])
    write_avi(path, squares(), degrees=degrees + 30)
    with pytest.raises(ValueError, match="quarter turns.*Received: .*a.MKV"):
        from_video(path)


@pytest.mark.parametrize("suffix", ["mkv", "avi"])
def test_a_pause_in_a_video_is_a_gap(tmp_path, suffix):
    times = [0, 100, 200, 5200, 5300, 5400, 5500]
    path = tmp_path / f"a.{suffix}"
    write_avi(path, squares(7, (16, 24)), 10, times=times)
    source = from_video(path)
    assert source.segments == [(0, 3), (3, 7)]
    assert source.interval == pytest.approx(0.1)
    assert source.metadata["fps"] == pytest.approx(10)
    part = from_video(path, start=3, count=3)
    assert part.segments == [(0, 3)]
    assert part.interval == pytest.approx(0.1)
    assert from_video(path, count=1).segments == [(0, 1)]


def test_half_an_interval_is_a_gap(tmp_path):
    path = tmp_path / "a.mkv"
    for times, segments in (
        ([0, 100, 200, 210, 310, 410], [(0, 3), (3, 6)]),  # a shorter step
        ([0, 60, 160, 290, 360, 500], [(0, 6)]),  # jitter
    ):
        source = from_video(write_avi(path, squares(), 10, times=times))
        assert source.segments == segments
        assert source.interval == pytest.approx(0.1)
    # Times rounded to milliseconds keep the frame rate.
    source = from_video(write_avi(path, squares(), rate=30))
    assert source.segments == [(0, 6)] and source.interval == 1 / 30
    for durations, segments in (
        ([200, 200, 200, 200, 900], [(0, 5)]),
        ([100, 5000, 100, 100, 100], [(0, 2), (2, 5)]),
    ):
        path = tmp_path / "a.gif"
        write_animation(path, squares(5), duration=durations)
        source = from_video(path)
        assert source.segments == segments and source.interval is None


def test_transparent_pixels_and_more_than_8_bits(tmp_path):
    frames = np.full((3, 16, 20, 4), 255, "uint8")
    bright = squares(3)[..., 0] == 200
    frames[..., :3][bright] = (200, 120, 40)
    frames[..., 3] = np.where(bright, 255, 0)
    path = tmp_path / "a.gif"
    write_animation(path, frames, duration=100, disposal=2)
    expected = np.where(squares(3) == 16, 0, squares(3))
    np.testing.assert_array_equal(from_video(path).frames, expected)
    frames[..., :3] = 255
    path = write_avi(tmp_path / "a.mkv", frames, form="bgra")
    seen = from_video(path, gray=True).frames[..., 0]
    np.testing.assert_array_equal(seen, frames[..., 3])
    for form in ("gray16le", "yuv444p10le"):
        path = write_avi(tmp_path / "a.mkv", squares(), form=form)
        with pytest.raises(ValueError, match=f"8 bits.*: {form}.*a.mkv"):
            from_video(path)
