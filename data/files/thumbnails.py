"""Creates small JPEGs to embed in HTML pages."""

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
    """Returns a file as a small JPEG in Base64; empty if it can't be read."""
    try:
        image = open_image(content_of(path), 2 * SIZE).image
    except (OSError, UndecodableError):
        return ""
    return _encode(image, SIZE)


def thumbnail(pixels: npt.NDArray[np.uint8]) -> str:
    """Returns `(height, width, 3)` RGB as a small JPEG in Base64; it is never enlarged.

    The result may be up to five times wider than high, for images side by side.
    """
    return _encode(Image.fromarray(pixels), 5 * SIZE)


def _encode(image: Image.Image, widest: int) -> str:
    image.thumbnail((widest, SIZE), Image.Resampling.LANCZOS)
    content = io.BytesIO()
    image.save(content, "JPEG", quality=82)
    return base64.b64encode(content.getvalue()).decode("ascii")
