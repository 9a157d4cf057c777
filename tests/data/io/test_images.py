import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageOps

from msrnn_keras.data import from_video
from tests.recordings import squares, write_animation

RAMP = np.linspace(0, 4095, 256).astype("uint16").reshape(16, 16)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "images").mkdir()
    return tmp_path / "images"


def read_gray(folder):
    return from_video(folder, gray=True).frames[0, ..., 0]


def refuse(folder, message):
    with pytest.raises(ValueError, match=message):
        from_video(folder)


def write_png(path, rows, width, depth, color_type, transparent=None):
    """Write a PNG of packed rows, which Pillow cannot write."""

    def chunk(name, content):
        check = struct.pack(">I", zlib.crc32(name + content))
        return struct.pack(">I", len(content)) + name + content + check

    header = struct.pack(">IIBB3x", width, len(rows), depth, color_type)
    chunks = [chunk(b"IHDR", header)]
    if transparent is not None:
        chunks.append(chunk(b"tRNS", struct.pack(">H", transparent)))
    data = zlib.compress(b"".join(b"\0" + row for row in rows))
    chunks += [chunk(b"IDAT", data), chunk(b"IEND", b"")]
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunks))


@pytest.mark.parametrize("channels", [1, 3])
def test_transparent_pixels_are_black(folder, channels):
    color = np.full((16, 16), 255, "uint8")  # hidden white
    alpha = np.repeat(np.arange(256, dtype="uint8")[::16], 16).reshape(16, 16)
    color[4:8] = 100
    image = Image.fromarray(np.stack([color] * channels + [alpha], axis=-1))
    image.save(folder / "0.png")
    assert (read_gray(folder)[0] == 0).all()
    expected = np.rint(color * (alpha / 255.0)).astype(int)
    np.testing.assert_allclose(read_gray(folder), expected, atol=1)
    green = from_video(folder).frames[0, ..., 1]
    np.testing.assert_allclose(green, expected, atol=1)
    # Hidden colors do not affect resized frames.
    pixels = np.full((8, 8, 4), 255, "uint8")
    pixels[..., 3] = 0
    Image.fromarray(pixels).save(folder / "0.png")
    assert not from_video(folder, size=(4, 4)).frames.any()


def test_transparent_entries_of_palettes_and_gray_values_are_black(folder):
    bright = squares(1)[0, ..., 0] == 200
    image = Image.fromarray(bright.astype("uint8")).convert("P")
    image.putpalette([255, 255, 255, 90, 90, 90])
    image.save(folder / "0.png", transparency=0)
    np.testing.assert_array_equal(read_gray(folder), np.where(bright, 90, 0))
    for depth, row, transparent, expected in (
        (1, b"\x50", 1, [0] * 8),
        (2, b"\x1b", 3, [0, 85, 170, 0]),
        (4, b"\x5f", 15, [85, 0]),
        (8, b"\x05\xff", 255, [5, 0]),
    ):
        write_png(folder / "0.png", [row], len(expected), depth, 0, transparent)
        assert read_gray(folder)[0].tolist() == expected


@pytest.mark.parametrize("suffix", ["jpg", "png", "tif", "webp"])
@pytest.mark.parametrize("orientation", [1, 4, 5, 6])
def test_images_are_upright(folder, suffix, orientation):
    pixels = np.zeros((32, 48), "uint8")
    pixels[:8, :16] = 255
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = folder / f"0.{suffix}"
    options = {"compression": "tiff_lzw"} if suffix == "tif" else {}
    Image.fromarray(pixels).save(path, exif=exif, **options)
    with Image.open(path) as image:
        expected = np.array(ImageOps.exif_transpose(image).convert("L"))
    assert expected.shape == ((32, 48) if orientation < 5 else (48, 32))
    np.testing.assert_array_equal(read_gray(folder), expected)


@pytest.mark.parametrize("orientation", [1, 3, 6])
def test_an_uncompressed_tiff_is_upright_or_refused(folder, orientation):
    pixels = np.arange(24, dtype="uint8").reshape(4, 6)
    image = Image.fromarray(pixels)
    image.save(folder / "0.tif", tiffinfo={274: orientation})
    turned = np.rot90(pixels, {1: 0, 3: 2, 6: 3}[orientation])
    try:
        frame = read_gray(folder)
    except ValueError as error:
        assert orientation == 6 and "save it upright" in str(error)
    else:
        np.testing.assert_array_equal(frame, turned)


def test_images_of_16_bits_are_refused(folder):
    tifffile = pytest.importorskip("tifffile")
    for channels, color_type in ((1, 0), (4, 6)):
        pixels = np.repeat(RAMP[..., None], channels, axis=-1)
        rows = [row.astype(">u2").tobytes() for row in pixels]
        write_png(folder / "0.png", rows, 16, 16, color_type)
        refuse(folder, "8 bits.*Received: .*0.png")
    (folder / "0.png").unlink()
    for axis, planar in ((-1, "contig"), (0, "separate")):
        options = {"photometric": "rgb", "planarconfig": planar}
        tifffile.imwrite(
            folder / "0.tif", np.stack([RAMP] * 3, axis), **options
        )
        refuse(folder, "8 bits.*Received: .*0.tif")


@pytest.mark.parametrize("top", [100, 65535])
@pytest.mark.parametrize("kind", ["P2", "P3", "P5", "P6"])
def test_netpbm_of_another_maximum_is_refused(folder, top, kind):
    count = 3 if kind in ("P3", "P6") else 1
    values = np.array([50] * count + [100] * count)
    content = " ".join(map(str, values)).encode()
    if kind in ("P5", "P6"):
        content = values.astype("u1" if top < 256 else ">u2").tobytes()
    path = folder / "0.pgm"
    path.write_bytes(f"{kind}\n2 1\n{top}\n".encode() + content)
    refuse(folder, "0 to 255.*Received: .*0.pgm")
    if top == 100:
        path.write_bytes(f"{kind}\n2 1\n255\n".encode() + content)
        assert read_gray(folder)[0].tolist() == [50, 100]


@pytest.mark.parametrize("suffix", ["tif", "png", "webp"])
def test_all_pages_are_frames(folder, suffix):
    options = {"lossless": True} if suffix == "webp" else {}
    write_animation(folder / f"2.{suffix}", squares()[:4], **options)
    write_animation(folder / f"10.{suffix}", squares()[4:], **options)
    np.testing.assert_array_equal(from_video(folder).frames, squares())
    part = from_video(folder, start=3, count=2)
    np.testing.assert_array_equal(part.frames, squares()[3:5])


def test_still_images_and_thumbnails_are_skipped(folder):
    still = np.full((1, 16, 20, 3), 255, "uint8")
    frames = np.concatenate([still, squares(3)])
    path = write_animation(folder / "0.png", frames, default_image=True)
    np.testing.assert_array_equal(from_video(folder).frames, squares(3))
    path.unlink()
    tifffile = pytest.importorskip("tifffile")
    with tifffile.TiffWriter(folder / "0.tif") as file:
        for frame in squares(2):
            file.write(frame, photometric="rgb")
            small = np.ascontiguousarray(frame[::2, ::2])
            file.write(small, photometric="rgb", subfiletype=1)
    frames = from_video(folder, size=(16, 20)).frames
    np.testing.assert_array_equal(frames, squares(2))


def test_second_pictures_and_hidden_files_are_skipped(folder):
    write_animation(folder / "0.jpg", squares(2), format="MPO")
    (folder / "._0.png").write_bytes(b"\0\5\x16\7")
    (folder / ".hidden.jpg").write_bytes((folder / "0.jpg").read_bytes())
    (folder / "Thumbs.db").write_bytes(b"thumbnails")
    assert len(from_video(folder).frames) == 1


def test_cut_off_images_are_refused(folder):
    Image.fromarray(RAMP.astype("uint8")).save(folder / "0.png")
    path = write_animation(folder / "1.png", squares())
    content = path.read_bytes()
    for cut in (content[: content.rindex(b"fcTL") - 4], b"\x89PNG cut off"):
        path.write_bytes(cut)
        refuse(folder, "cannot be read.*Received: .*1.png")
