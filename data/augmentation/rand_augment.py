"""Draws the operations of RandAugment."""

import numpy as np

from ...configs import RandAugmentConfig
from .geometry import Doubles, composed, linear_about_center
from .random_numbers import Key, Stream
from .tonal_operations import ENHANCEMENTS, TONAL

GEOMETRIC = ("rotate", "shear_x", "shear_y", "translate_x", "translate_y")
OPERATIONS = (*TONAL, *GEOMETRIC)  # the 14 of the paper; the first is the identity
STRONGEST = 10  # the magnitude at which the following limits apply
MAX_ROTATION_RADIANS = np.pi / 6
MAX_SHEAR = 0.3
MAX_TRANSLATION = 0.45  # fraction of the image
MAX_ENHANCEMENT = 0.9  # factors for color, contrast, brightness, sharpness: 0.1 to 1.9
MAX_LOST_BITS = 4


def draw_rand_augment(
    config: RandAugmentConfig, key: Key, size: int
) -> tuple[Doubles, Doubles]:
    """Draws operations for each image.

    "RandAugment: Practical automated data augmentation with a reduced search space"
    (Cubuk, Zoph, Shlens and Le, 2019): `num_ops` of the paper's 14 operations are drawn
    with replacement for each image. All have the same magnitude; those with a direction use
    the opposite one half of the time. Geometric operations are composed into one map, which
    is applied first; the others follow in the order of their draws.

    Args:
        config: Magnitude and number of operations.
        key: Key of the draw.
        size: Height and width of the images in pixels.

    Returns:
        Affine maps `(rows, 6)`; and `(rows, num_ops, 2)` for `tonal_operations.apply`.
    """
    draw = key.uniforms(2 * config.num_ops, Stream.RAND_AUGMENT)
    chosen = (draw[:, ::2] * len(OPERATIONS)).astype(np.intp)
    level = config.magnitude / STRONGEST
    signed = np.where(draw[:, 1::2] < 0.5, -level, level)
    geometry = _geometry(chosen[:, 0], signed[:, 0], size)
    for step in range(1, config.num_ops):
        geometry = composed(geometry, _geometry(chosen[:, step], signed[:, step], size))
    return geometry, _tone(chosen, signed, level)


def _geometry(chosen: np.ndarray, signed: Doubles, size: int) -> Doubles:
    """Returns the maps of one step; the identity for operations that are not geometric."""

    def amount(name: str, most: float) -> Doubles:
        return np.where(chosen == OPERATIONS.index(name), signed * most, 0.0)

    angle = amount("rotate", MAX_ROTATION_RADIANS)
    cosine, sine = np.cos(angle), np.sin(angle)
    across = cosine, amount("shear_x", MAX_SHEAR) - sine
    down = sine + amount("shear_y", MAX_SHEAR), cosine
    far = MAX_TRANSLATION * size
    shift = [amount("translate_x", far), amount("translate_y", far)]
    return linear_about_center(across, down, np.stack(shift, axis=1), size)


def _tone(chosen: np.ndarray, signed: Doubles, level: float) -> Doubles:
    """Returns the tonal operation of each step, and its parameter."""
    parameters = {
        "posterize": 2.0 ** round(MAX_LOST_BITS * level),
        "solarize": 256 * (1 - level),
    }
    by_operation = np.array([parameters.get(name, 0.0) for name in OPERATIONS])
    enhances = np.isin(chosen, [TONAL.index(name) for name in ENHANCEMENTS])
    parameter = np.where(enhances, 1 + MAX_ENHANCEMENT * signed, by_operation[chosen])
    return np.stack([np.where(chosen < len(TONAL), chosen, 0), parameter], axis=2)
