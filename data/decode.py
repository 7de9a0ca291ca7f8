"""Turns an image file into pixels, the same way everywhere.

The rules: of several frames the first is taken. Transparency becomes white. Of 16 bits the
upper 8 are kept; 32-bit pictures are refused, since nothing says what their white is. CMYK
becomes RGB without colour management; colour profiles are ignored. The EXIF orientation
is applied.
"""

import io
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, UnidentifiedImageError

DECODER_VERSION = 2
MAX_PIXELS = 64_000_000
EXTENSIONS = frozenset(
    {".jpg", ".jpeg", ".jfif", ".png", ".gif", ".bmp", ".webp", ".tif", ".tiff"}
)
UPRIGHT = 1

# No others: some of Pillow's decoders start programs.
_FORMATS = ("JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF")
_TRANSPOSITIONS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# Pillow's own limit only warns; ours is checked from the header, before decoding.
Image.MAX_IMAGE_PIXELS = None
# It also warns of odd but usable metadata.
warnings.filterwarnings("ignore", module=r"PIL\.")

Pixels = npt.NDArray[np.uint8]


class UndecodableError(ValueError):
    """A file is no picture that can be used; the message says why."""


@dataclass(frozen=True)
class OpenedPicture:
    """An upright RGB picture and what its file says of itself.

    Attributes:
        image: The picture.
        width: In pixels, as stored in the file, before any rotation.
        height: In pixels, as stored in the file, before any rotation.
        format: Its true format, such as `"JPEG"`, whatever the file is called.
        mode: Pillow's name for how colours are stored, such as `"RGB"`, `"P"`, `"CMYK"`.
        orientation: That of EXIF, 1 to 8; 1 is upright.
        is_animated: Whether further frames follow the one that was taken.
        has_odd_end: Whether it is a JPEG that does not end where its file does.
    """

    image: Image.Image
    width: int
    height: int
    format: str
    mode: str
    orientation: int
    is_animated: bool
    has_odd_end: bool


def decode(content: bytes, size: int) -> Pixels:
    """Decodes a picture and resizes it to a square.

    Resizing is bilinear with antialiasing and does not keep the aspect ratio.

    Args:
        content: The bytes of the file, of any format in `EXTENSIONS`.
        size: Height and width of the result in pixels.

    Returns:
        `(size, size, 3)` RGB.

    Raises:
        UndecodableError: The content is empty, truncated, of no known format, or of
            more than 64 million pixels.
    """
    image = open_picture(content, size).image
    return np.asarray(image.resize((size, size), Image.Resampling.BILINEAR))


def open_picture(content: bytes, size: int | None = None) -> OpenedPicture:
    """Decodes a picture as `decode` does, but does not resize it.

    Args:
        content: The bytes of the file.
        size: Height and width that are needed: JPEGs are decoded at a half, a quarter or
            an eighth of theirs if that covers it. None decodes every pixel.

    Raises:
        UndecodableError: As with `decode`.
    """
    if not content:
        raise UndecodableError("the file is empty")
    try:
        return _open(content, size)
    except UndecodableError:
        raise
    except UnidentifiedImageError:
        raise UndecodableError(_what_it_is(content)) from None
    except Exception as error:  # whatever a decoder makes of bytes that are no picture
        raise UndecodableError(str(error) or type(error).__name__) from None


def _open(content: bytes, size: int | None) -> OpenedPicture:
    image = Image.open(io.BytesIO(content), formats=_FORMATS)
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise UndecodableError(
            f"it has {width} x {height} pixels, more than {MAX_PIXELS:,}"
        )
    about = (width, height, image.format or "", image.mode)
    if size is not None:
        image.draft("RGB", (size, size))
    rgb = _to_rgb(image)
    orientation = _orientation(image)
    if orientation != UPRIGHT:
        rgb = rgb.transpose(_TRANSPOSITIONS[orientation])
    odd_end = image.format == "JPEG" and not content.rstrip(b"\0").endswith(b"\xff\xd9")
    return OpenedPicture(rgb, *about, orientation, _is_animated(image), odd_end)


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I;16"):
        upper = np.asarray(image, np.uint16) >> 8
        return Image.fromarray(upper.astype(np.uint8)).convert("RGB")
    if image.mode in ("I", "F"):
        raise UndecodableError("it has 32 bits a pixel; save it with 8 or 16")
    if image.has_transparency_data:
        colours = image.convert("RGBA")
        white = Image.new("RGBA", colours.size, "white")
        return Image.alpha_composite(white, colours).convert("RGB")
    return image.convert("RGB")


def _orientation(image: Image.Image) -> int:
    found: Any = _or_nothing(lambda: image.getexif().get(ExifTags.Base.Orientation))
    return found if found in _TRANSPOSITIONS else UPRIGHT


def _is_animated(image: Image.Image) -> bool:
    """Second pictures in a JPEG are previews, and don't count."""
    return image.format in ("GIF", "PNG", "WEBP", "TIFF") and bool(
        _or_nothing(lambda: getattr(image, "is_animated", False))
    )


def _or_nothing(read: Callable[[], Any]) -> Any:
    """What metadata say, or None if they are broken: the picture is none the worse."""
    try:
        return read()
    except Exception:
        return None


def _what_it_is(content: bytes) -> str:
    start = content[:64].lstrip()
    if start.startswith(
        (b"<!DOCTYPE", b"<!doctype", b"<html", b"<HTML", b"<?xml", b"<svg")
    ):
        return "it is a web page or XML, not a picture"
    if content[4:12] in (b"ftypheic", b"ftypheix", b"ftypmif1", b"ftypavif"):
        return "it is a HEIC or AVIF picture; convert it to JPEG"
    if start.startswith(b"%PDF"):
        return "it is a PDF, not a picture"
    if start.startswith((b"PK\x03\x04", b"\x1f\x8b", b"Rar!", b"7z\xbc\xaf")):
        return "it is an archive, not a picture"
    return f"it is of no known picture format (it starts with {content[:8]!r})"
