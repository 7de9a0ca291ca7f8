"""Turns an image file into pixels, the same way everywhere."""

import io
import warnings
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

DECODER_VERSION = 1
MAX_PIXELS = 64_000_000
EXTENSIONS = frozenset(
    {".jpg", ".jpeg", ".jfif", ".png", ".gif", ".bmp", ".webp", ".tif", ".tiff"}
)
# Pillow's own limit only warns; ours is checked from the header, before decoding.
Image.MAX_IMAGE_PIXELS = None

Pixels = npt.NDArray[np.uint8]


class UndecodableError(ValueError):
    """A file is no picture that can be used; the message says why."""


@dataclass(frozen=True)
class Decoded:
    """A decoded picture and what its file says of itself.

    Attributes:
        pixels: `(size, size, 3)` RGB, uint8.
        width: In pixels, as stored in the file, before any rotation.
        height: In pixels, as stored in the file, before any rotation.
    """

    pixels: Pixels
    width: int
    height: int


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
    """

    image: Image.Image
    width: int
    height: int
    format: str
    mode: str
    orientation: int


def decode(content: bytes, size: int) -> Decoded:
    """Decodes a picture and resizes it to a square.

    The EXIF orientation is applied, transparency becomes white, 16-bit grey is scaled
    to 8 bits, and of an animation the first frame is taken. Resizing is bilinear with
    antialiasing and does not keep the aspect ratio.

    Args:
        content: The bytes of the file, of any format in `EXTENSIONS`.
        size: Height and width of the result in pixels.

    Raises:
        UndecodableError: The content is empty, truncated, of no known format, or of
            more than 64 million pixels.
    """
    opened = open_picture(content, size)
    resized = opened.image.resize((size, size), Image.Resampling.BILINEAR)
    return Decoded(np.asarray(resized), opened.width, opened.height)


def open_picture(content: bytes, size: int | None = None) -> OpenedPicture:
    """Decodes a picture as `decode` does, but does not resize it.

    Args:
        content: The bytes of the file.
        size: Height and width that are needed: JPEGs are decoded at a fraction of
            theirs that covers it. None decodes every pixel.

    Raises:
        UndecodableError: As with `decode`.
    """
    if not content:
        raise UndecodableError("the file is empty")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # remarks on odd but usable metadata
            image = Image.open(io.BytesIO(content))
            width, height = image.size
            if width * height > MAX_PIXELS:
                raise UndecodableError(
                    f"it has {width} x {height} pixels, more than {MAX_PIXELS:,}"
                )
            about = (width, height, image.format or "", image.mode)
            if size is not None:
                image.draft("RGB", (size, size))
            orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
            upright = _to_rgb(ImageOps.exif_transpose(image))
            return OpenedPicture(upright, *about, orientation)
    except UnidentifiedImageError:
        raise UndecodableError(_what_it_is(content)) from None
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        if isinstance(error, UndecodableError):
            raise
        raise UndecodableError(str(error)) from None


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I") or image.mode == "F":
        values = np.asarray(image, dtype=np.float64)
        scale = 255 / 65535 if values.max() > 255 else 1.0
        return Image.fromarray((values * scale).astype(np.uint8)).convert("RGB")
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        colours = image.convert("RGBA")
        white = Image.new("RGBA", colours.size, "white")
        return Image.alpha_composite(white, colours).convert("RGB")
    return image.convert("RGB")


def _what_it_is(content: bytes) -> str:
    start = content[:64].lstrip()
    if start.startswith((b"<!DOCTYPE", b"<html", b"<HTML", b"<?xml")):
        return "it is a web page or XML, not a picture"
    if content[4:12] in (b"ftypheic", b"ftypheix", b"ftypmif1", b"ftypavif"):
        return "it is a HEIC or AVIF picture; convert it to JPEG"
    if start.startswith(b"%PDF"):
        return "it is a PDF, not a picture"
    return f"it is of no known picture format (it starts with {content[:8]!r})"
