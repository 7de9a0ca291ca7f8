"""Small JPEGs for pages that hold their images."""

import base64
import io

import numpy as np
import numpy.typing as npt
from PIL import Image

from .decode import open_image
from .pixel_rules import UndecodableError
from .read_file import content_of

SIZE = 160


def thumbnail_of_file(path: str) -> str:
    """A small JPEG in Base64; empty if the file can no longer be shown."""
    try:
        image = open_image(content_of(path), 2 * SIZE).image
    except (OSError, UndecodableError):
        return ""
    return _encode(image, SIZE)


def thumbnail(pixels: npt.NDArray[np.uint8]) -> str:
    """A small JPEG in Base64 of `(height, width, 3)` RGB; it is never made larger.

    It may be wider than high, as several images beside each other are.
    """
    return _encode(Image.fromarray(pixels), 5 * SIZE)


def _encode(image: Image.Image, widest: int) -> str:
    image.thumbnail((widest, SIZE), Image.Resampling.LANCZOS)
    content = io.BytesIO()
    image.save(content, "JPEG", quality=82)
    return base64.b64encode(content.getvalue()).decode("ascii")
