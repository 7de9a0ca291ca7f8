"""Corrupts images like cameras, networks and handling do, at three strengths.

The kinds are among those of Hendrycks and Dietterich, "Benchmarking Neural Network
Robustness to Common Corruptions and Perturbations", ICLR 2019; the strengths are our own,
mild to severe for photographs.
"""

import io
import zlib
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

Pixels = npt.NDArray[np.uint8]

STRENGTHS = (1, 2, 3)


class Corruption(NamedTuple):
    """A kind of corruption.

    Attributes:
        unit: Unit of the amounts; for blur and noise, they are standard deviations in % of
            the longer side and in gray levels.
        amounts: Amount for each strength.
        apply: Function of an image, an amount and a random generator.
    """

    unit: str
    amounts: tuple[float, float, float]
    apply: Callable[[Pixels, float, np.random.Generator], Pixels]


def corrupt(image: Pixels, kind: str, strength: int) -> Pixels:
    """Returns a corrupted image; randomness depends on the content of the image alone.

    Args:
        image: `(height, width, 3)` RGB, uint8.
        kind: One of CORRUPTIONS.
        strength: 1, 2 or 3.

    Returns:
        An image of the same size and dtype.

    Example:
        >>> corrupt(np.full((4, 4, 3), 100, np.uint8), "brightness", 1).max()
        np.uint8(85)
    """
    corruption = CORRUPTIONS[kind]
    random = np.random.default_rng(zlib.crc32(np.ascontiguousarray(image).tobytes()))
    return corruption.apply(image, corruption.amounts[strength - 1], random)


def _blur(image: Pixels, amount: float, random: np.random.Generator) -> Pixels:
    radius = amount / 100 * max(image.shape[:2])
    return np.asarray(Image.fromarray(image).filter(ImageFilter.GaussianBlur(radius)))


def _add_noise(image: Pixels, amount: float, random: np.random.Generator) -> Pixels:
    noise = random.standard_normal(image.shape, np.float32) * amount
    return np.rint(np.clip(image + noise, 0, 255)).astype(np.uint8)


def _compress(image: Pixels, amount: float, random: np.random.Generator) -> Pixels:
    content = io.BytesIO()
    Image.fromarray(image).save(content, "JPEG", quality=int(amount))
    return np.asarray(Image.open(content))


def _darken(image: Pixels, amount: float, random: np.random.Generator) -> Pixels:
    return np.rint(image * np.float32(amount / 100)).astype(np.uint8)


def _rotate(image: Pixels, amount: float, random: np.random.Generator) -> Pixels:
    """Rotates to the left or right, with the image mirrored beyond its border."""
    height, width = image.shape[:2]
    angle = amount if random.random() < 0.5 else -amount
    pad = max(height, width) // 4 + 1
    padded = np.pad(image, ((pad, pad), (pad, pad), (0, 0)), "symmetric")
    turned = Image.fromarray(padded).rotate(angle, Image.Resampling.BICUBIC)
    return np.asarray(turned.crop((pad, pad, pad + width, pad + height)))


CORRUPTIONS = {
    "blur": Corruption("% of the side", (0.5, 1, 2), _blur),
    "noise": Corruption("of 255", (6, 12, 24), _add_noise),
    "jpeg": Corruption("of 100 in quality", (75, 40, 15), _compress),
    "brightness": Corruption("% of the brightness", (85, 65, 40), _darken),
    "rotation": Corruption("degrees", (10, 20, 40), _rotate),
}
