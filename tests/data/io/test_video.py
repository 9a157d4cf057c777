import fractions

import numpy as np
import pytest
from PIL import Image

from msrnn_keras.data import Clips, from_video
from tests.recordings import squares, write_avi, write_images

pytestmark = pytest.mark.backend_free

NAMES = [f"frame{index}.png" for index in (1, 2, 10, 11, 100, 101)]


@pytest.fixture
def avi(tmp_path):
    pytest.importorskip("av")
    return write_avi(tmp_path / "a.avi", squares())


@pytest.fixture
def gif(tmp_path):
    images = [Image.fromarray(frame) for frame in squares()]
    options = {"save_all": True, "append_images": images[1:]}
    images[0].save(tmp_path / "a.gif", duration=200, **options)
    return tmp_path / "a.gif"


@pytest.fixture
def folder(tmp_path):
    return write_images(tmp_path / "images", squares(), NAMES)


def test_an_avi_is_read_exactly(avi):
    source = from_video(avi)
    np.testing.assert_array_equal(source.frames, squares())
    assert source.interval == 0.04 and source.metadata == {"fps": 25}
    np.testing.assert_allclose(source.pixels(0, 6), squares() / 255, 1e-6)


def test_an_mp4_is_read(tmp_path):
    pytest.importorskip("av")
    imageio = pytest.importorskip("imageio.v3")
    frames = squares(size=(32, 48))
    path = str(tmp_path / "a.MP4")
    options = {"plugin": "pyav", "codec": "libx264", "fps": 10}
    imageio.imwrite(path, frames, extension=".mp4", **options)
    source = from_video(path)
    assert source.frames.shape == frames.shape and source.interval == 0.1
    error = source.frames.astype(int) - frames  # colors are not exact
    assert np.abs(error).mean() < 8
    assert np.corrcoef(source.frames.ravel(), frames.ravel())[0, 1] > 0.98


def test_a_gif_needs_no_extra(gif):
    source = from_video(gif)
    np.testing.assert_array_equal(source.frames, squares())
    assert source.interval == 0.2


def test_a_gif_of_uneven_times_has_no_interval(tmp_path):
    images = [Image.fromarray(frame) for frame in squares(3)]
    options = {"save_all": True, "append_images": images[1:]}
    images[0].save(tmp_path / "a.gif", duration=[200, 200, 900], **options)
    assert from_video(tmp_path / "a.gif").interval is None


def test_images_are_in_the_order_of_their_numbers(folder):
    (folder / "notes.txt").write_text("not an image")
    source = from_video(folder)
    np.testing.assert_array_equal(source.frames, squares())
    assert source.interval is None


@pytest.mark.parametrize("name", ["avi", "gif", "folder"])
def test_only_the_frames_asked_for(request, name):
    path = request.getfixturevalue(name)
    source = from_video(path, start=2, count=3)
    np.testing.assert_array_equal(source.frames, squares()[2:5])
    np.testing.assert_array_equal(
        from_video(path, start=4).frames, squares()[4:]
    )
    for options in ({"start": 6}, {"start": 4, "count": 3}):
        with pytest.raises(ValueError, match="Received: .* in "):
            from_video(path, **options)


@pytest.mark.parametrize("name", ["avi", "gif", "folder"])
def test_grey_is_luma_and_size_is_height_and_width(request, name):
    path = request.getfixturevalue(name)
    gray = from_video(path, gray=True)
    assert gray.image_shape == (16, 20, 1)
    luma = squares() @ np.array([0.299, 0.587, 0.114])
    np.testing.assert_allclose(gray.frames[..., 0], luma, atol=1)
    small = from_video(path, size=(8, 10))
    assert small.image_shape == (8, 10, 3)
    np.testing.assert_allclose(
        small.frames[0, 3:5, 1:3], squares()[0, 7:11:2, 3:7:2], atol=1
    )
    mean = squares().mean(axis=(1, 2))
    np.testing.assert_allclose(small.frames.mean(axis=(1, 2)), mean, atol=3)


def test_images_of_several_sizes_are_resized_or_refused(folder):
    Image.new("L", (30, 30), 255).save(folder / "frame102.png")
    with pytest.raises(ValueError, match="Received: .*16, 20.*30, 30"):
        from_video(folder)
    source = from_video(folder, size=(8, 8))
    assert source.frames.shape == (7, 8, 8, 3)
    assert (source.frames[-1] == 255).all()


@pytest.mark.parametrize("name", ["avi", "gif"])
@pytest.mark.parametrize("part", [0.0, 0.02, 0.5, 0.95])
def test_a_file_cut_off_is_refused(request, name, part):
    path = request.getfixturevalue(name)
    content = path.read_bytes()
    path.write_bytes(content[: int(part * len(content))])
    with pytest.raises(ValueError, match=f"cannot be read.*Received: .*{name}"):
        from_video(path)


def test_a_gif_cut_off_between_two_images_is_refused(gif):
    content = gif.read_bytes()
    last_image = content.rindex(b"\x21\xf9\x04")
    gif.write_bytes(content[:last_image])
    with pytest.raises(ValueError, match="after frame 4.*its end is missing"):
        from_video(gif)
    assert len(from_video(gif, count=4)) == 4


def test_what_is_no_video_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="Received: .*a.mp4"):
        from_video(tmp_path / "a.mp4")
    with pytest.raises(ValueError, match="Received: 0 in "):
        from_video(tmp_path)
    (tmp_path / "a.txt").write_text("no video")
    with pytest.raises(ValueError, match="end in one of .mp4.*a.txt"):
        from_video(tmp_path / "a.txt")
    options = ({"start": -1}, {"count": 0}, {"size": (0, 8)})
    for option in options:
        with pytest.raises(ValueError, match="Received: "):
            from_video(tmp_path, **option)


def write_video(path, frames, times=None, form="bgr0", **display):
    """A video without loss, its times in ms; `display` is its rotation."""
    av = pytest.importorskip("av")
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=10)
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = form
        stream.thread_count = 1  # Threads may outlive the frame they read.
        if display:
            stream.set_display_rotation(**display)
        for number, frame in enumerate(frames):
            given = "rgba" if frame.shape[-1] == 4 else "rgb24"
            image = av.VideoFrame.from_ndarray(frame, format=given)
            image = image.reformat(format=form)
            time = 100 * number if times is None else times[number]
            image.pts, image.time_base = time, fractions.Fraction(1, 1000)
            container.mux(stream.encode(image))
        container.mux(stream.encode())
    return path


@pytest.mark.parametrize("degrees", [0, 90, 180, -90])
def test_a_video_is_upright_as_in_opencv(tmp_path, degrees):
    cv2 = pytest.importorskip("cv2")
    path = write_video(tmp_path / "a.mkv", squares(), degrees=degrees)
    capture = cv2.VideoCapture(str(path))
    expected = [capture.read()[1][..., ::-1] for _ in range(6)]
    capture.release()
    source = from_video(path)
    np.testing.assert_array_equal(source.frames, expected)
    assert source.image_shape[:2] == (
        (20, 16) if degrees in (90, -90) else (16, 20)
    )


@pytest.mark.parametrize("degrees", [0, 90, 180, -90])
def test_a_video_is_mirrored_after_it_is_turned(tmp_path, degrees):
    path = tmp_path / "a.mkv"
    write_video(path, squares(), degrees=degrees, hflip=True)
    turned = np.rot90(squares(), degrees // 90, axes=(1, 2))
    np.testing.assert_array_equal(from_video(path).frames, turned[:, :, ::-1])


def test_a_video_at_a_slant_is_refused(tmp_path):
    path = write_video(tmp_path / "a.mkv", squares(), degrees=30)
    with pytest.raises(ValueError, match="quarter turns.*Received: .*a.mkv"):
        from_video(path)


@pytest.mark.parametrize("form", ["mkv", "avi"])
def test_a_pause_in_a_video_is_a_gap(tmp_path, form):
    times = [0, 100, 200, 5200, 5300, 5400, 5500]
    path = write_video(tmp_path / f"a.{form}", squares(7, (16, 24)), times)
    source = from_video(path)
    assert source.segments == [(0, 3), (3, 7)]
    assert source.interval == pytest.approx(0.1)
    assert source.metadata["fps"] == pytest.approx(10)
    clips = Clips(source, context=2, horizon=1)
    assert clips.starts.tolist() == [0, 3, 4]
    part = from_video(path, start=3, count=3)
    assert part.segments == [(0, 3)]
    assert part.interval == pytest.approx(0.1)
    assert from_video(path, count=1).segments == [(0, 1)]


def test_a_shorter_step_is_a_gap_too(tmp_path):
    path = tmp_path / "a.mkv"
    write_video(path, squares(), [0, 100, 200, 210, 310, 410])
    assert from_video(path).segments == [(0, 3), (3, 6)]


def test_jitter_is_no_gap(tmp_path):
    times = [0, 60, 160, 290, 360, 500]
    path = write_video(tmp_path / "a.mkv", squares(), times)
    source = from_video(path)
    assert source.segments == [(0, 6)]
    assert source.interval == pytest.approx(0.1)


def test_times_rounded_to_milliseconds_keep_the_frame_rate(tmp_path):
    path = write_avi(tmp_path / "a.mkv", squares(), rate=30)
    source = from_video(path)
    assert source.segments == [(0, 6)] and source.interval == 1 / 30


def test_a_pause_in_a_gif_is_a_gap(tmp_path):
    images = [Image.fromarray(frame) for frame in squares(5)]
    images[0].save(
        tmp_path / "a.gif",
        save_all=True,
        append_images=images[1:],
        duration=[100, 5000, 100, 100, 100],
    )
    source = from_video(tmp_path / "a.gif")
    assert source.segments == [(0, 2), (2, 5)] and source.interval is None


def test_transparent_pixels_of_a_gif_are_black(tmp_path):
    images = []
    for frame in squares(3):
        image = np.full((16, 20, 4), 255, "uint8")
        image[..., :3][frame[..., 0] == 200] = (200, 120, 40)
        image[..., 3] = np.where(frame[..., 0] == 200, 255, 0)
        images.append(Image.fromarray(image))
    path = tmp_path / "a.gif"
    options = {"append_images": images[1:], "duration": 100, "disposal": 2}
    images[0].save(path, save_all=True, **options)
    expected = np.where(squares(3) == 16, 0, squares(3))
    np.testing.assert_array_equal(from_video(path).frames, expected)


def test_transparent_pixels_of_a_video_are_black(tmp_path):
    frames = np.full((3, 16, 20, 4), 255, "uint8")
    frames[..., 3] = np.where(squares(3)[..., 0] == 200, 255, 0)
    path = write_video(tmp_path / "a.mkv", frames, form="bgra")
    seen = from_video(path, gray=True).frames[..., 0]
    np.testing.assert_array_equal(seen, frames[..., 3])


@pytest.mark.parametrize("form", ["gray16le", "gbrp12le", "yuv444p10le"])
def test_a_video_of_more_than_8_bits_is_refused(tmp_path, form):
    path = write_video(tmp_path / "a.mkv", squares(), form=form)
    with pytest.raises(ValueError, match=f"8 bits.*Received: {form}.*a.mkv"):
        from_video(path)
