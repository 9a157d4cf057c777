"""Images as 8-bit frames, upright and without transparency."""

import itertools
import re

import numpy as np

from msrnn_keras.utils.arguments import check_size

_FORMATS = "png jpg jpeg bmp tif tiff pgm ppm webp"
IMAGES = tuple(f".{name}" for name in _FORMATS.split())
_ANIMATED = ("PNG", "TIFF", "WEBP")  # not MPO: pictures of one moment
_REDUCED, _MASK = 1, 4  # bits of the TIFF tag NewSubfileType
_NEW_SUBFILE_TYPE, _BITS_PER_SAMPLE = 254, 258


def converter(size, gray):
    """Return a function from a Pillow image to a uint8 array."""
    from PIL import Image, ImageOps

    if size is not None:
        height, width = size = check_size("size", size)

    def convert(image):
        announced = image.size
        image.load()
        if image.size != announced:
            raise ValueError(
                "Pillow misreads uncompressed TIFF files with an orientation; "
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
    """Return the images of a folder, sorted by name, as a list of frames."""
    paths = [x for x in folder.iterdir() if x.suffix.lower() in IMAGES]
    paths = sorted((x for x in paths if x.name[0] != "."), key=natural)
    frames = []
    for path, image in itertools.islice(_pages(paths), start, stop):
        _check_depth(path, image)
        try:
            frames.append(convert(image))
        except Exception as error:
            raise unreadable(path, error) from error
    return frames


def _pages(paths):
    """Yield `(path, image)` for each picture, with the image at its page."""
    from PIL import Image

    for path in paths:
        try:
            with Image.open(path) as image:
                for number in _numbers(image):
                    image.seek(number)
                    tags = image.tag_v2 if image.format == "TIFF" else {}
                    if not tags.get(_NEW_SUBFILE_TYPE, 0) & (_REDUCED | _MASK):
                        yield path, image
        except OSError as error:
            raise unreadable(path, error) from error


def _numbers(image):
    """Return the page numbers of an image."""
    if image.format not in _ANIMATED:
        return range(1)
    # Skip the still image of a PNG for viewers without animation.
    return range(int(getattr(image, "default_image", False)), image.n_frames)


def _check_depth(path, image):
    """Raise an error for an image whose values Pillow would scale or clip."""
    codec, _, _, args = image.tile[0] if image.tile else ("", 0, 0, "")
    raw, limit = (args, 255) if isinstance(args, str) else (*args, 255)[:2]
    tags = image.tag_v2 if image.format == "TIFF" else {}
    bits = tags.get(_BITS_PER_SAMPLE, (8,))
    deep = image.mode[0] in "IF" or ";16B" in raw or max(bits) > 8
    if deep or (codec.startswith("ppm") and limit != 255):
        raise ValueError(
            "Images must have 8 bits per channel, values from 0 to 255; read "
            "others into an array for `from_arrays`, with their `scaling`. "
            f"Received: {str(path)!r}"
        )
    key = image.info.get("transparency")
    if raw in ("L;2", "L;4") and isinstance(key, int):
        # Pillow scales the pixels of such a PNG but not this value.
        top = {"L;2": 3, "L;4": 15}[raw]
        image.info["transparency"] = key * 255 // top if key <= top else key


def unreadable(path, error, frames=()):
    """Return the `ValueError` for a file that cannot be read."""
    after = f" after frame {len(frames) - 1}" if frames else ""
    reason = getattr(error, "strerror", None) or error
    return ValueError(
        f"The file cannot be read{after}; it may be cut off ({reason}). "
        f"Received: {str(path)!r}"
    )


def natural(path):
    """Return a sort key that compares the numbers in a name as numbers."""
    parts = re.split(r"(\d+)", path.name)
    return [int(x) if x.isdecimal() else x for x in parts] + [path.name]
