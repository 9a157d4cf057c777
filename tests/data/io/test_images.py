"""Images of a folder are read as they are shown."""

import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageOps

from msrnn_keras.data import from_video
from tests.recordings import squares, write_images

pytestmark = pytest.mark.backend_free

RAMP = np.linspace(0, 4095, 256).astype("uint16").reshape(16, 16)
COLOR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}  # of channels, in PNG


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "images").mkdir()
    return tmp_path / "images"


def write_png(path, rows, width, depth, color_type, transparent=None):
    """A PNG of packed rows, as Pillow does not write it."""

    def chunk(name, content):
        check = struct.pack(">I", zlib.crc32(name + content))
        return struct.pack(">I", len(content)) + name + content + check

    header = struct.pack(">IIBB3x", width, len(rows), depth, color_type)
    key = b""
    if transparent is not None:
        key = chunk(b"tRNS", struct.pack(">H", transparent))
    data = zlib.compress(b"".join(b"\0" + row for row in rows))
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + key
        + chunk(b"IDAT", data)
        + chunk(b"IEND", b"")
    )


def write_png16(path, pixels):
    rows = [row.astype(">u2").tobytes() for row in pixels]
    write_png(path, rows, pixels.shape[1], 16, COLOR_TYPES[pixels.shape[2]])


def over_black(color, alpha):
    """What is seen of a color over black, by its definition."""
    return np.rint(color * (alpha / 255.0)).astype(int)


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_transparent_pixels_are_black(folder, mode):
    color = np.full((16, 16), 255, "uint8")  # hidden white
    alpha = np.repeat(np.arange(256, dtype="uint8")[::16], 16).reshape(16, 16)
    color[4:8] = 100
    channels = [color] * (3 if mode == "RGBA" else 1) + [alpha]
    image = Image.fromarray(np.stack(channels, axis=-1))
    assert image.mode == mode
    image.save(folder / "0.png")
    frame = from_video(folder, gray=True).frames[0, ..., 0]
    assert (frame[0] == 0).all()
    np.testing.assert_allclose(frame, over_black(color, alpha), atol=1)
    np.testing.assert_allclose(
        from_video(folder).frames[0, ..., 1], over_black(color, alpha), atol=1
    )


def test_hidden_colors_do_not_bleed_into_resized_frames(folder):
    pixels = np.full((8, 8, 4), 255, "uint8")
    pixels[..., 3] = 0
    Image.fromarray(pixels).save(folder / "0.png")
    assert not from_video(folder, size=(4, 4)).frames.any()


def test_transparent_entries_of_a_palette_are_black(folder):
    image = Image.fromarray(squares(1, (16, 20))[0, ..., 0] // 200)
    image = image.convert("P")
    image.putpalette([255, 255, 255, 90, 90, 90])
    image.save(folder / "0.png", transparency=0)
    frame = from_video(folder, gray=True).frames[0, ..., 0]
    expected = np.where(squares(1)[0, ..., 0] == 200, 90, 0)
    np.testing.assert_array_equal(frame, expected)


@pytest.mark.parametrize(
    ("depth", "row", "transparent", "expected"),
    [
        (1, b"\x50", 1, [0] * 8),
        (2, b"\x1b", 3, [0, 85, 170, 0]),
        (4, b"\x5f", 15, [85, 0]),
        (8, b"\x05\xff", 255, [5, 0]),
    ],
)
def test_one_transparent_gray(folder, depth, row, transparent, expected):
    write_png(folder / "0.png", [row], len(expected), depth, 0, transparent)
    frames = from_video(folder, gray=True).frames
    assert frames[0, 0, :, 0].tolist() == expected


@pytest.mark.parametrize("ending", ["jpg", "png", "tif", "webp"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_images_are_upright(folder, ending, orientation):
    pixels = np.zeros((32, 48), "uint8")
    pixels[:8, :16] = 255
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = folder / f"0.{ending}"
    options = {"compression": "tiff_lzw"} if ending == "tif" else {}
    Image.fromarray(pixels).save(path, exif=exif, **options)
    with Image.open(path) as image:
        expected = np.array(ImageOps.exif_transpose(image).convert("L"))
    assert expected.shape == ((32, 48) if orientation < 5 else (48, 32))
    frames = from_video(folder, gray=True).frames
    np.testing.assert_array_equal(frames[0, ..., 0], expected)


@pytest.mark.parametrize("orientation", [1, 3, 6])
def test_an_uncompressed_tiff_is_upright_or_refused(folder, orientation):
    pixels = np.arange(24, dtype="uint8").reshape(4, 6)
    image = Image.fromarray(pixels)
    image.save(folder / "0.tif", tiffinfo={274: orientation})
    turned = np.rot90(pixels, {1: 0, 3: 2, 6: 3}[orientation])
    try:
        frame = from_video(folder, gray=True).frames[0, ..., 0]
    except ValueError as error:
        assert orientation == 6 and "save it upright" in str(error)
    else:
        np.testing.assert_array_equal(frame, turned)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_png_of_16_bits_is_refused(folder, channels):
    pixels = np.repeat(RAMP[..., None], channels, axis=-1)
    write_png16(folder / "0.png", pixels)
    with pytest.raises(ValueError, match="8 bits.*Received: .*0.png"):
        from_video(folder)


@pytest.mark.parametrize("planar", ["contig", "separate"])
@pytest.mark.parametrize("channels", [1, 3])
def test_tiff_of_16_bits_is_refused(folder, planar, channels):
    tifffile = pytest.importorskip("tifffile")
    pixels = np.repeat(RAMP[..., None], channels, axis=-1)
    options = {}
    if channels == 3:
        options = {"photometric": "rgb", "planarconfig": planar}
        pixels = np.moveaxis(pixels, 2, 0) if planar == "separate" else pixels
    tifffile.imwrite(folder / "0.tif", pixels.squeeze(), **options)
    with pytest.raises(ValueError, match="8 bits.*Received: .*0.tif"):
        from_video(folder)


@pytest.mark.parametrize("top", [100, 254, 4095, 65535])
@pytest.mark.parametrize("kind", ["P2", "P3", "P5", "P6"])
def test_netpbm_of_another_scale_is_refused(folder, top, kind):
    count = 3 if kind in ("P3", "P6") else 1
    values = np.array([50] * count + [100] * count)
    content = " ".join(map(str, values)).encode()
    if kind in ("P5", "P6"):
        content = values.astype("u1" if top < 256 else ">u2").tobytes()
    header = f"{kind}\n2 1\n"
    path = folder / "0.pgm"
    path.write_bytes(f"{header}{top}\n".encode() + content)
    with pytest.raises(ValueError, match="0 to 255.*Received: .*0.pgm"):
        from_video(folder)
    if top == 100:
        path.write_bytes(f"{header}255\n".encode() + content)
        frames = from_video(folder, gray=True).frames
        assert frames.ravel().tolist() == [50, 100]


@pytest.mark.parametrize("ending", ["tif", "png", "webp"])
def test_all_pages_are_frames(folder, ending):
    images = [Image.fromarray(frame) for frame in squares()]
    for name, part in (("2", images[:4]), ("10", images[4:])):
        options = {"lossless": True} if ending == "webp" else {}
        part[0].save(
            folder / f"{name}.{ending}",
            save_all=True,
            append_images=part[1:],
            **options,
        )
    np.testing.assert_array_equal(from_video(folder).frames, squares())
    part = from_video(folder, start=3, count=2)
    np.testing.assert_array_equal(part.frames, squares()[3:5])


def test_the_picture_in_place_of_an_animation_is_left_out(folder):
    images = [Image.fromarray(frame) for frame in squares(3)]
    still = Image.new("RGB", (20, 16), "white")
    options = {"save_all": True, "append_images": images}
    still.save(folder / "0.png", default_image=True, **options)
    np.testing.assert_array_equal(from_video(folder).frames, squares(3))


def test_smaller_copies_within_a_tiff_are_left_out(folder):
    tifffile = pytest.importorskip("tifffile")
    with tifffile.TiffWriter(folder / "0.tif") as file:
        for frame in squares(2):
            file.write(frame, photometric="rgb")
            small = np.ascontiguousarray(frame[::2, ::2])
            file.write(small, photometric="rgb", subfiletype=1)
    frames = from_video(folder, size=(16, 20)).frames
    np.testing.assert_array_equal(frames, squares(2))


def test_a_second_picture_of_a_photograph_is_left_out(folder):
    images = [Image.fromarray(frame) for frame in squares(2)]
    options = {"save_all": True, "append_images": images[1:]}
    images[0].save(folder / "0.jpg", format="MPO", **options)
    assert len(from_video(folder).frames) == 1


def test_hidden_files_are_left_out(tmp_path):
    names = [f"{number}.png" for number in range(6)]
    folder = write_images(tmp_path / "images", squares(), names)
    (folder / "._0.png").write_bytes(b"\0\5\x16\7")
    (folder / ".hidden.png").write_bytes((folder / "0.png").read_bytes())
    (folder / "Thumbs.db").write_bytes(b"thumbnails")
    np.testing.assert_array_equal(from_video(folder).frames, squares())


def test_an_animation_that_is_cut_off_is_refused(folder):
    images = [Image.fromarray(frame) for frame in squares()]
    path = folder / "0.png"
    images[0].save(path, save_all=True, append_images=images[1:])
    content = path.read_bytes()
    path.write_bytes(content[: content.rindex(b"fcTL") - 4])
    with pytest.raises(ValueError, match="cannot be read.*Received: .*0.png"):
        from_video(folder)


def test_other_images_are_refused(tmp_path):
    folder = write_images(tmp_path / "images", squares(1), ["frame1.png"])
    Image.fromarray(np.zeros((16, 20), "uint16")).save(folder / "frame99.png")
    with pytest.raises(ValueError, match="8 bits.*Received: .*frame99"):
        from_video(folder)
    (folder / "frame99.png").write_bytes(b"\x89PNG cut off")
    with pytest.raises(ValueError, match="cannot be read.*frame99"):
        from_video(folder)
