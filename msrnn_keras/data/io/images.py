"""Images as frames: upright, without transparency, of 8 bits a channel."""

import itertools
import re

import numpy as np

from msrnn_keras.utils.checks import check_positive

IMAGES = (
    *(".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".pgm", ".ppm"),
    ".webp",
)
_ANIMATED = ("PNG", "TIFF", "WEBP")  # MPO: further pictures of one moment
_REDUCED, _MASK = 1, 4  # bits of the TIFF tag NewSubfileType
_NEW_SUBFILE_TYPE, _BITS_PER_SAMPLE = 254, 258


def converter(size, gray):
    """Return a function from a Pillow image to a frame.

    Images are turned as their EXIF orientation says. Transparent pixels show
    nothing: images are laid over black.

    Args:
        size: Tuple `(height, width)`, pixels, or None.
        gray: Boolean, whether to give one channel (luma) rather than three.

    Returns:
        Function that returns a uint8 array `(height, width, channels)`.

    Raises:
        ValueError: If `size` is not two positive integers.

    Example:
    >>> converter((64, 64), gray=True)(image).shape
    (64, 64, 1)
    """
    from PIL import Image, ImageOps

    if size is not None:
        height, width = size
        check_positive("height", height)
        check_positive("width", width)

    def convert(image):
        announced = image.size
        image.load()
        if image.size != announced:
            raise ValueError(
                "Pillow misreads uncompressed TIFF files that are turned; "
                "save it upright"
            )
        image = ImageOps.exif_transpose(image)
        if image.has_transparency_data:
            image = image.convert("RGBA")
            black = Image.new("RGBA", image.size, (0, 0, 0, 255))
            image = Image.alpha_composite(black, image)
        image = image.convert("L" if gray else "RGB")
        if size is not None:
            image = image.resize((width, height), Image.Resampling.BILINEAR)
        frame = np.array(image)
        return frame[..., None] if gray else frame

    return convert


def read_folder(folder, convert, start, stop):
    """Read the images of a folder, in the order of their names.

    All pages of a TIFF and all frames of an animated PNG or WebP are read.
    Hidden files, whose names start with a dot, are left out.

    Args:
        folder: `pathlib.Path`.
        convert: Function, of `converter`.
        start: Integer, the first frame.
        stop: Integer, the frame after the last, or None.

    Returns:
        List of uint8 arrays `(height, width, channels)`.

    Raises:
        ValueError: If an image cannot be read, or has not 8 bits a channel.

    Example:
    >>> read_folder(path, converter(None, gray=True), 0, None)
    """
    paths = [
        path
        for path in folder.iterdir()
        if path.suffix.lower() in IMAGES and not path.name.startswith(".")
    ]
    pages = _pages(sorted(paths, key=natural))
    frames = []
    for path, image in itertools.islice(pages, start, stop):
        _check_depth(path, image)
        try:
            frames.append(convert(image))
        except Exception as error:
            raise unreadable(path, error) from error
    return frames


def _pages(paths):
    """Yield `(path, image)` for each picture, the image at its page."""
    from PIL import Image

    for path in paths:
        try:
            with Image.open(path) as image:
                for number in _numbers(image):
                    image.seek(number)
                    if _is_picture(image):
                        yield path, image
        except OSError as error:
            raise unreadable(path, error) from error


def _numbers(image):
    """Return the numbers of the pages of an image."""
    if image.format not in _ANIMATED:
        return range(1)
    # What a PNG shows where animations are not supported.
    return range(int(getattr(image, "default_image", False)), image.n_frames)


def _is_picture(image):
    """Whether a page is a picture, not a mask or a smaller copy of one."""
    if image.format != "TIFF":
        return True
    return not image.tag_v2.get(_NEW_SUBFILE_TYPE, 0) & (_REDUCED | _MASK)


def _check_depth(path, image):
    """Refuse an image whose values Pillow would scale or cut off."""
    codec, _, _, args = image.tile[0] if image.tile else ("", 0, 0, "")
    raw, limit = (args, 255) if isinstance(args, str) else (*args, 255)[:2]
    bits = (8,)
    if image.format == "TIFF":
        bits = image.tag_v2.get(_BITS_PER_SAMPLE, bits)
    deep = image.mode[0] in "IF" or ";16B" in raw or max(bits) > 8
    if deep or (codec.startswith("ppm") and limit != 255):
        raise ValueError(
            "Images must have 8 bits a channel, values from 0 to 255; read "
            "others into an array for `from_arrays`, with their `scaling`. "
            f"Received: {str(path)!r}"
        )
    key = image.info.get("transparency")
    if raw in ("L;2", "L;4") and isinstance(key, int):
        # Pillow scales the pixels of such a PNG, and not this value.
        top = {"L;2": 3, "L;4": 15}[raw]
        image.info["transparency"] = key * 255 // top if key <= top else key


def unreadable(path, error, frames=()):
    """Return the error that a file cannot be read.

    Args:
        path: `pathlib.Path` of the file.
        error: Exception that says why.
        frames: Sequence of the frames that were read.

    Returns:
        `ValueError`.

    Example:
    >>> raise unreadable(path, error) from error
    """
    after = f" after frame {len(frames) - 1}" if frames else ""
    reason = getattr(error, "strerror", None) or error
    return ValueError(
        f"The file cannot be read{after}, it may be cut off ({reason}). "
        f"Received: {str(path)!r}"
    )


def natural(path):
    """Return a key that sorts names with their numbers as numbers.

    Args:
        path: `pathlib.Path`.

    Returns:
        List.

    Example:
    >>> sorted([Path("10.png"), Path("9.png")], key=natural)
    [Path("9.png"), Path("10.png")]
    """
    parts = re.split(r"(\d+)", path.name)
    return [int(x) if x.isdecimal() else x for x in parts] + [path.name]
