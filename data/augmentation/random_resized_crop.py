"""Crops of random area, aspect ratio and position, resized to the whole image."""

import numpy as np

from .geometry import Doubles, linear_about_center, sides
from .random_numbers import Key, Stream

NARROWEST = 3 / 4  # ratio of width to height, the usual limit


def draw_crop(smallest: float, key: Key, size: int) -> Doubles:
    """Draws a crop of each image.

    "Going deeper with convolutions" (Szegedy et al., 2015): the area is uniform between the
    smallest and the whole. A crop is a zoom and a shift, so it needs no resampling of its
    own.

    Args:
        smallest: Smallest fraction of the area, in (0, 1].
        key: Key of the draw.
        size: Height and width of the images in pixels.

    Returns:
        Affine maps `(rows, 6)`.
    """
    draw = key.uniforms(4, Stream.RANDOM_RESIZED_CROP)
    width, height = sides(smallest + (1 - smallest) * draw[:, 0], draw[:, 1], NARROWEST)
    room = np.stack([1 - width, 1 - height], axis=1) * size
    shift = (draw[:, 2:] - 0.5) * room
    nothing = np.zeros_like(width)
    return linear_about_center((width, nothing), (nothing, height), shift, size)
