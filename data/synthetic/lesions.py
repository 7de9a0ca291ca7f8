"""Draws images of lesions, to try Keraunos without a data set.

The nine classes have the names and imbalance of the well-known ISIC tutorial set. They
differ in structure (border, texture, vessels, dots), not in color: skin and pigment have
the same range for all classes, so that neither a constant prediction nor the mean color
classifies them well. They are not a model of disease.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

SIZE = 96

Field = npt.NDArray[np.float64]
Random = np.random.Generator


@dataclass(frozen=True)
class _Kind:
    """The appearance of the lesions of a class.

    Attributes:
        train: Number of training images.
        test: Number of test images.
        pattern: Draws the texture inside, in [0, 1].
        ragged: Deviation of the border from a circle.
        softness: Width of the border, as a fraction of the image.
    """

    train: int
    test: int
    pattern: Callable[["_Plane", Random], Field]
    ragged: float
    softness: float


class _Plane:
    """Coordinates of the pixels, with a random center: x, y, radius and angle."""

    def __init__(self, random: Random) -> None:
        steps = np.linspace(-1, 1, SIZE)
        off = random.uniform(-0.1, 0.1, 2)
        self.x, self.y = np.meshgrid(steps - off[0], steps - off[1])
        self.radius = np.hypot(self.x, self.y)
        self.angle = np.arctan2(self.y, self.x)


def draw_lesion(class_name: str, seed: int, number: int) -> npt.NDArray[np.uint8]:
    """Draws one image: `(96, 96, 3)` RGB, uint8.

    Example:
        >>> draw_lesion("nevus", seed=0, number=3).shape
        (96, 96, 3)
    """
    kind = KINDS[class_name]
    label = list(KINDS).index(class_name)
    random = np.random.Generator(np.random.PCG64([seed, label, number]))
    plane = _Plane(random)
    inside = _blob(plane, random, kind)[..., None]
    texture = kind.pattern(plane, random)[..., None]
    dark, light = _pigments(random)
    lesion = dark * texture + light * (1 - texture)
    image = _skin(plane, random) * (1 - inside) + lesion * inside
    image = _hairs(image, random) * _light(plane, random)
    noise = random.normal(0, 4, image.shape)
    return np.clip(image + noise, 0, 255).astype(np.uint8)


def _blob(plane: _Plane, random: Random, kind: _Kind) -> Field:
    border = np.full_like(plane.radius, random.uniform(0.58, 0.76))
    for waves in range(2, 7):
        swing = kind.ragged * random.uniform(0.3, 1.0) / np.sqrt(waves)
        border *= 1 + swing * np.cos(waves * plane.angle + random.uniform(0, 6.3))
    return _smooth_step((border - plane.radius) / kind.softness)


def _pigments(random: Random) -> tuple[Field, Field]:
    """Draws two colors of a lesion, from the same range for every class."""
    hue = random.uniform(0, 1)
    brown, red = np.array([120.0, 78, 58]), np.array([165.0, 85, 85])
    base = brown * hue + red * (1 - hue)
    depth = random.uniform(0.3, 0.45)
    return base * depth, np.clip(base * random.uniform(1.25, 1.5), 0, 235)


def _skin(plane: _Plane, random: Random) -> Field:
    tone = np.array([225.0, 180, 155]) * random.uniform(0.7, 1.1)
    tone += random.normal(0, 5, 3)
    return tone + 5 * _clouds(plane, random, 3.0)[..., None]


def _light(plane: _Plane, random: Random) -> Field:
    towards = random.uniform(0, 2 * np.pi)
    slope = plane.x * np.cos(towards) + plane.y * np.sin(towards)
    return (1 + random.uniform(0, 0.2) * slope)[..., None]


def _hairs(image: Field, random: Random) -> Field:
    steps = np.linspace(-1, 1, SIZE)
    x, y = np.meshgrid(steps, steps)
    for _ in range(random.integers(0, 3)):
        turn = random.uniform(0, np.pi)
        along, across = (
            x * np.cos(turn) + y * np.sin(turn),
            y * np.cos(turn) - x * np.sin(turn),
        )
        bend = random.uniform(-0.3, 0.3) * along**2 + random.uniform(-0.8, 0.8)
        hair = np.exp(-(((across - bend) / 0.015) ** 2))[..., None]
        image = image * (1 - 0.4 * hair)
    return image


def _clouds(plane: _Plane, random: Random, frequency: float) -> Field:
    """Draws a smooth random field, roughly in [-1, 1]."""
    field = np.zeros_like(plane.x)
    for _ in range(6):
        turn, phase = random.uniform(0, 6.3, 2)
        wave = plane.x * np.cos(turn) + plane.y * np.sin(turn)
        field += np.sin(frequency * random.uniform(0.6, 1.6) * wave * np.pi + phase)
    return field / 3.5


def _dots(
    plane: _Plane, random: Random, count: int, size: tuple[float, float], reach: float
) -> Field:
    """Draws round dots scattered over the lesion: 1 in a dot, 0 outside."""
    field = np.zeros_like(plane.x)
    for _ in range(count):
        distance, turn = reach * np.sqrt(random.uniform()), random.uniform(0, 6.3)
        x, y = distance * np.cos(turn), distance * np.sin(turn)
        radius = random.uniform(*size)
        field = np.maximum(
            field, _smooth_step((radius - np.hypot(plane.x - x, plane.y - y)) / 0.03)
        )
    return field


def _smooth_step(values: Field) -> Field:
    return 1 / (1 + np.exp(-np.clip(4 * values, -30, 30)))


def _scales(plane: _Plane, random: Random) -> Field:
    return 0.8 - 0.8 * _dots(plane, random, 45, (0.03, 0.06), 0.75)


def _vessels(plane: _Plane, random: Random) -> Field:
    field = np.full_like(plane.x, 0.15)
    for _ in range(random.integers(3, 5)):
        turn, bend = random.uniform(0, np.pi), random.uniform(-0.8, 0.8)
        along = plane.x * np.cos(turn) + plane.y * np.sin(turn)
        across = plane.y * np.cos(turn) - plane.x * np.sin(turn)
        branch = across - bend * along**2 - random.uniform(-0.4, 0.4)
        field = np.maximum(field, np.exp(-((branch / 0.07) ** 2)))
    return field


def _scar(plane: _Plane, random: Random) -> Field:
    hole = random.uniform(0.2, 0.32)
    return 0.9 * _smooth_step((plane.radius - hole) / 0.06)


def _blotches(plane: _Plane, random: Random) -> Field:
    return _smooth_step(2.5 * _clouds(plane, random, 1.6))


def _even_coverage(plane: _Plane, random: Random) -> Field:
    return np.clip(0.55 + 0.06 * _clouds(plane, random, 1.0), 0, 1)


def _milia(plane: _Plane, random: Random) -> Field:
    return 0.15 + 0.85 * _dots(plane, random, 40, (0.04, 0.055), 0.7)


def _ridges(plane: _Plane, random: Random) -> Field:
    warp = 1.2 * _clouds(plane, random, 1.2)
    turn = random.uniform(0, np.pi)
    wave = plane.x * np.cos(turn) + plane.y * np.sin(turn)
    return 0.5 + 0.5 * np.sin(random.uniform(16, 22) * wave + 3 * warp)


def _rays(plane: _Plane, random: Random) -> Field:
    count = int(random.integers(9, 15))
    strokes = 0.5 + 0.5 * np.sin(count * plane.angle + random.uniform(0, 6.3))
    core = _smooth_step((0.22 - plane.radius) / 0.05)
    return np.clip(strokes * (1 - core), 0, 1)


def _lakes(plane: _Plane, random: Random) -> Field:
    return 0.1 + 0.9 * _dots(plane, random, 7, (0.16, 0.22), 0.5)


KINDS = {
    "actinic keratosis": _Kind(38, 16, _scales, 0.10, 0.25),
    "basal cell carcinoma": _Kind(126, 16, _vessels, 0.08, 0.12),
    "dermatofibroma": _Kind(32, 16, _scar, 0.04, 0.15),
    "melanoma": _Kind(146, 16, _blotches, 0.28, 0.06),
    "nevus": _Kind(119, 16, _even_coverage, 0.03, 0.08),
    "pigmented benign keratosis": _Kind(154, 16, _milia, 0.10, 0.06),
    "seborrheic keratosis": _Kind(26, 3, _ridges, 0.10, 0.04),
    "squamous cell carcinoma": _Kind(60, 16, _rays, 0.12, 0.10),
    "vascular lesion": _Kind(46, 3, _lakes, 0.12, 0.08),
}
