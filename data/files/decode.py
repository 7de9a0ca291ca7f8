"""Decodes image files to pixels.

Of several frames, the first is used. Transparency becomes white. Of 16 bits, or the number
in `PixelRules.bit_depth`, the upper 8 are kept; 32-bit images are rejected, because their
value for white is unknown. CMYK becomes RGB without color management; color profiles are
ignored. The EXIF orientation is applied.
"""

import contextlib
import io
import threading
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, UnidentifiedImageError, features

from .deep_images import as_8_bits, bits_used, is_deep, needs_shift
from .formats import describe_content
from .pixel_rules import DEFAULT_RULES, PixelRules, TooLargeError, UndecodableError

UPRIGHT = 1

# Only these, because some of Pillow's decoders start programs.
_FORMATS = (
    *("JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF", "PPM", "JPEG2000"),
    *(("AVIF",) if features.check("avif") else ()),
)
_TRANSPOSITIONS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# Pillow warns about odd but usable metadata.
warnings.filterwarnings("ignore", module=r"PIL\.")

Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class OpenedImage:
    """An upright RGB image with the properties of its file.

    Attributes:
        image: The image.
        width: Width in pixels as stored in the file, before any rotation.
        height: Height in pixels as stored in the file, before any rotation.
        format: Actual format, such as `"JPEG"`, whatever the extension.
        mode: Pillow's color mode of the file, such as `"RGB"`, `"P"`, `"CMYK"`.
        orientation: EXIF orientation, 1 to 8; 1 is upright.
        is_animated: Whether the file has further frames.
        has_odd_end: Whether the file is a JPEG with extra bytes at its end, or truncated.
        bits: Number of bits used of 16 per channel, at least 8; 0 for 8-bit images.
    """

    image: Image.Image
    width: int
    height: int
    format: str
    mode: str
    orientation: int
    is_animated: bool
    has_odd_end: bool
    bits: int


def decode(content: bytes, size: int, rules: PixelRules = DEFAULT_RULES) -> Pixels:
    """Decodes an image and resizes it to a square.

    Resizing is bilinear with antialiasing and does not keep the aspect ratio.

    Args:
        content: Bytes of the file, in any format of `EXTENSIONS`.
        size: Height and width of the result in pixels.
        rules: Rules for reading pixels.

    Returns:
        `(size, size, 3)` RGB, uint8.

    Raises:
        UndecodableError: The content is empty, truncated, in an unknown format, or has
            too many pixels.
    """
    return decode_with_bits(content, size, rules)[0]


def decode_with_bits(
    content: bytes, size: int, rules: PixelRules = DEFAULT_RULES
) -> tuple[Pixels, int]:
    """Decodes an image as `decode` does.

    Returns:
        The pixels, and the number of bits used of 16 per channel; 0 for 8-bit images.

    Raises:
        UndecodableError: See `decode`.
    """
    stored = _load(content, size, rules)
    resized = stored.rgb.resize((size, size), Image.Resampling.BILINEAR, stored.box)
    return np.asarray(_turn(resized, stored.turn)), stored.bits


def open_image(
    content: bytes, size: int | None = None, rules: PixelRules = DEFAULT_RULES
) -> OpenedImage:
    """Decodes an image as `decode` does, but does not resize it.

    Args:
        content: Bytes of the file.
        size: Height and width needed: JPEGs are decoded at a half, a quarter or an eighth
            of their size if that suffices. None decodes every pixel.
        rules: Rules for reading pixels.

    Raises:
        UndecodableError: See `decode`.
    """
    stored = _load(content, size, rules)
    image = stored.image
    return OpenedImage(
        _turn(stored.rgb, stored.turn),
        stored.width,
        stored.height,
        image.format or "",
        stored.mode,
        stored.orientation,
        _is_animated(image),
        image.format == "JPEG" and not content.rstrip(b"\0").endswith(b"\xff\xd9"),
        stored.bits,
    )


class _Stored(NamedTuple):
    """An image as it is stored, before the orientation is applied.

    Attributes:
        image: The image opened by Pillow.
        rgb: Its pixels.
        box: The part of `rgb` that is the image: a scaled JPEG may end within a pixel.
        width: See `OpenedImage`.
        height: See `OpenedImage`.
        mode: See `OpenedImage`.
        orientation: See `OpenedImage`.
        turn: The orientation still to apply; Pillow applies that of TIFFs itself.
        bits: See `OpenedImage`.
    """

    image: Image.Image
    rgb: Image.Image
    box: tuple[float, float, float, float]
    width: int
    height: int
    mode: str
    orientation: int
    turn: int
    bits: int


class _PillowPixelLimit:
    """Pillow's process-wide limit on the number of pixels.

    It is lifted while any thread decodes images here, because `PixelRules` has its own
    limit, which is checked on the header before pixels are decoded.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users = 0
        self._before: int | None = None

    @contextlib.contextmanager
    def lifted(self) -> Iterator[None]:
        with self._lock:
            if not self._users:
                self._before = Image.MAX_IMAGE_PIXELS
                Image.MAX_IMAGE_PIXELS = None
            self._users += 1
        try:
            yield
        finally:
            with self._lock:
                self._users -= 1
                if not self._users:
                    Image.MAX_IMAGE_PIXELS = self._before


_pillows_limit = _PillowPixelLimit()


def _load(content: bytes, size: int | None, rules: PixelRules) -> _Stored:
    if not content:
        raise UndecodableError("the file is empty")
    try:
        with _pillows_limit.lifted():
            return _read(content, size, rules)
    except UndecodableError:
        raise
    except UnidentifiedImageError:
        raise UndecodableError(describe_content(content)) from None
    except Exception as error:  # decoders raise anything on damaged files
        raise UndecodableError(f"it is damaged ({error or type(error).__name__})") from None


def _read(content: bytes, size: int | None, rules: PixelRules) -> _Stored:
    image = _open(content)
    width, height = image.size
    if width * height > rules.max_pixels:
        raise TooLargeError(width, height, rules.max_pixels)
    mode, deep = image.mode, is_deep(image)
    drafted = image.draft("RGB", (size, size)) if size is not None else None
    orientation = _orientation(image)
    image.load()
    bits = bits_used(image) if deep else 0
    if bits and rules.bit_depth is not None and needs_shift(rules.bit_depth):
        rgb = as_8_bits(image, rules.bit_depth, lambda: _open(content)).convert("RGB")
    else:
        rgb = _to_rgb(image)
    box = drafted[1] if drafted else (0, 0, *rgb.size)
    return _Stored(
        image, rgb, box, width, height, mode, orientation, _orientation(image), bits
    )


def _open(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content), formats=_FORMATS)


def _turn(image: Image.Image, orientation: int) -> Image.Image:
    if orientation == UPRIGHT:
        return image
    return image.transpose(_TRANSPOSITIONS[orientation])


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I;16") or (image.mode == "I" and image.format == "PPM"):
        upper = np.asarray(image, np.uint16) >> 8
        return Image.fromarray(upper.astype(np.uint8)).convert("RGB")
    if image.mode in ("I", "F"):
        raise UndecodableError("it has 32 bits per pixel; save it with 8 or 16")
    if image.has_transparency_data:
        colors = image.convert("RGBA")
        white = Image.new("RGBA", colors.size, "white")
        return Image.alpha_composite(white, colors).convert("RGB")
    return image.convert("RGB") if image.mode != "RGB" else image


def _orientation(image: Image.Image) -> int:
    found: Any = _none_if_broken(lambda: image.getexif().get(ExifTags.Base.Orientation))
    return found if found in _TRANSPOSITIONS else UPRIGHT


def _is_animated(image: Image.Image) -> bool:
    """Returns whether an image has several frames; the previews in a JPEG don't count."""
    opened: Any = image  # some formats lack the attribute
    return image.format in ("GIF", "PNG", "WEBP", "TIFF", "AVIF") and bool(
        _none_if_broken(lambda: opened.is_animated)
    )


def _none_if_broken(read: Callable[[], Any]) -> Any:
    """Returns the metadata, or None if they are broken, which does not affect the image."""
    try:
        return read()
    except Exception:
        return None
