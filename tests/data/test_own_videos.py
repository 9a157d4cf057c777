import numpy as np
import pytest
from PIL import Image

from msrnn_keras.data import from_video
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
    error = source.frames.astype(int) - frames  # colours are not exact
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
    grey = from_video(path, grey=True)
    assert grey.image_shape == (16, 20, 1)
    luma = squares() @ np.array([0.299, 0.587, 0.114])
    np.testing.assert_allclose(grey.frames[..., 0], luma, atol=1)
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


def test_other_images_are_refused(folder):
    Image.fromarray(np.zeros((16, 20), "uint16")).save(folder / "frame99.png")
    with pytest.raises(ValueError, match="8 bits.*Received: .*frame99"):
        from_video(folder)
    (folder / "frame99.png").write_bytes(b"\x89PNG cut off")
    with pytest.raises(ValueError, match="cannot be read.*frame99"):
        from_video(folder)


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
