"""A model to serve that is a NumPy function."""

import io
from typing import Any

import numpy as np
from keraunos.export.portable.model import Model
from PIL import Image

SIZE = 8
CLASSES = ("red", "green", "blue")
DOCUMENT: dict[str, Any] = {
    "version": 1,
    "name": "colors",
    "classes": list(CLASSES),
    "image_size": SIZE,
    "decoding": {"bit_depth": None, "max_pixels": 1_000_000},
    "correction": None,
    "applied_in_graph": False,
    "decisions": {},
}


def shares(images: Any) -> Any:
    """`(images, 3)`: how much of each image's light is red, green and blue."""
    sums = images.astype(np.float64).sum(axis=(1, 2)) + 1e-9
    return (sums / sums.sum(axis=1, keepdims=True)).astype(np.float32)


def color_model(**document: Any) -> Model:
    return Model(DOCUMENT | document, shares)


def plain_image(red: int, green: int, blue: int, size: int = SIZE) -> bytes:
    """A PNG of one color."""
    file = io.BytesIO()
    Image.new("RGB", (size, size), (red, green, blue)).save(file, "PNG")
    return file.getvalue()
