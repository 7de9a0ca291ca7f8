"""Draws the augmentation of `strength`: geometry, contrast and brightness."""

import numpy as np

from .geometry import Doubles, rotated_and_scaled
from .random_numbers import Key, uniforms

# Limits at strength 1; 0.5 gives the tutorial's flips, rotation and zoom.
MAX_ROTATION_RADIANS = 0.8 * np.pi
MAX_ZOOM = 0.4
MAX_SHIFT = 0.2
MAX_BRIGHTNESS = 0.3
MAX_CONTRAST = 0.6


def draw_strength(strength: float, key: Key, size: int) -> tuple[Doubles, Doubles]:
    """Draws flips, rotation, zoom, shift, contrast and brightness.

    Args:
        strength: In [0, 1].
        key: Key of the draw.
        size: Height and width of the images in pixels.

    Returns:
        Affine maps `(rows, 6)`; and `(rows, 2)`: contrast factors and brightness offsets.
    """
    draw = uniforms(8, *key)
    signed = (2 * draw - 1) * strength
    flip = np.where(draw[:, :2] < min(strength, 0.5), -1.0, 1.0)
    geometry = rotated_and_scaled(
        angle=signed[:, 2] * MAX_ROTATION_RADIANS,
        scale=flip * (1 + signed[:, 3:4] * MAX_ZOOM),
        shift=signed[:, 4:6] * MAX_SHIFT * size,
        size=size,
    )
    contrast = 1 + signed[:, 6:7] * MAX_CONTRAST
    brightness = signed[:, 7:8] * MAX_BRIGHTNESS * 255
    return geometry, np.hstack([contrast, brightness])
