"""Draws heat maps over images.

The image below a map is gray, so that all color belongs to the map, and visible where the
map is weak. The colormap is viridis, whose brightness increases with the value.
"""

from collections.abc import Sequence
from typing import Any

import matplotlib
import numpy as np
import numpy.typing as npt
from PIL import Image

Pixels = npt.NDArray[np.uint8]

TILE = 160
_GAP = 4
_WEAKEST, _STRONGEST = 0.15, 0.7  # opacity
_DIMMED = 0.8


def tile(image: Pixels) -> Pixels:
    """Resizes an image to 160 pixels on its longer side."""
    height, width = image.shape[:2]
    scale = TILE / max(height, width)
    size = (max(round(width * scale), 1), max(round(height * scale), 1))
    return np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BICUBIC))


def overlay(image: Pixels, cam: npt.NDArray[np.floating[Any]]) -> Pixels:
    """Draws a map in colors from purple to yellow over a gray image.

    Args:
        image: `(height, width, 3)` RGB, uint8.
        cam: `(rows, columns)`; negative values count as 0, and the largest value is yellow.
    """
    strength = _stretched(cam, (image.shape[1], image.shape[0]))
    colors = 255 * matplotlib.colormaps["viridis"](strength)[..., :3]
    grey = _DIMMED * np.asarray(Image.fromarray(image).convert("L"))[..., None]
    opacity = _WEAKEST + (_STRONGEST - _WEAKEST) * strength[..., None]
    return np.rint(opacity * colors + (1 - opacity) * grey).astype(np.uint8)


def side_by_side(tiles: Sequence[Pixels]) -> Pixels:
    """Arranges tiles of one height in a row, with white gaps."""
    gap = np.full((tiles[0].shape[0], _GAP, 3), 255, np.uint8)
    parts = [part for each in tiles for part in (gap, each)]
    return np.concatenate(parts[1:], axis=1)


def has_support(cam: npt.NDArray[np.floating[Any]]) -> bool:
    """Returns whether any cell of a map is evidence for its class."""
    return bool(cam.max() > 0)


def _stretched(
    cam: npt.NDArray[np.floating[Any]], size: tuple[int, int]
) -> npt.NDArray[np.float32]:
    """Resizes and scales a map to `(height, width)` in [0, 1]."""
    positive = np.maximum(cam, 0)
    scaled = (positive / max(positive.max(), 1e-30)).astype(np.float32)
    large = Image.fromarray(scaled).resize(size, Image.Resampling.BICUBIC)
    return np.clip(np.asarray(large), 0, 1)
