"""Decodes images with 16 bits per channel, of which often only 10, 12 or 14 are used."""

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFile

from .pixel_rules import FULL_BITS, UndecodableError

_OTHER_BYTE = {"B": "L", "L": "B", "N": "B" if sys.byteorder == "little" else "L"}


def is_deep(image: Image.Image) -> bool:
    """Returns whether an opened image that is not loaded yet has 16 bits per channel."""
    return (
        image.mode.startswith("I;16")
        or (image.mode == "I" and image.format == "PPM")
        or any(";16" in _raw_mode(tile.args) for tile in _tiles(image))
    )


def bits_used(image: Image.Image) -> int:
    """Returns the bits needed for the largest value of a 16-bit image, at least 8.

    Args:
        image: A loaded image; of colors, Pillow keeps the upper 8 bits.
    """
    values = np.asarray(image)
    if values.ndim == 2:
        return max(int(values.max(initial=0)).bit_length(), 8)
    return 8 + int(values[..., :3].max(initial=0)).bit_length()


def as_8_bits(
    image: Image.Image, bit_depth: int, reopen: Callable[[], Image.Image]
) -> Image.Image:
    """Returns the image with the upper 8 of the used bits.

    Args:
        image: A loaded image with 16 bits per channel.
        bit_depth: Number of bits used.
        reopen: Opens the same image again.

    Raises:
        UndecodableError: The image uses more bits, or has transparency.
    """
    used = bits_used(image)
    if used > bit_depth:
        raise UndecodableError(f"it uses {used} bits, more than data.bit_depth={bit_depth}")
    if image.mode in ("RGBA", "LA"):
        raise UndecodableError(
            f"it has transparency, which data.bit_depth={bit_depth} does not support; save "
            "it without"
        )
    values = np.asarray(image).astype(np.uint16)
    if values.ndim == 3:
        values = values * np.uint16(256) + _lower_bytes(reopen())
    return Image.fromarray((values >> (bit_depth - 8)).astype(np.uint8))


def _lower_bytes(image: Image.Image) -> npt.NDArray[np.uint16]:
    """Returns the lower bytes of colors, which Pillow drops, by swapping the byte order."""
    if isinstance(image, ImageFile.ImageFile):
        image.tile = [tile._replace(args=_swapped(tile.args)) for tile in image.tile]
    return np.asarray(image).astype(np.uint16)


def _tiles(image: Image.Image) -> list[Any]:
    return image.tile if isinstance(image, ImageFile.ImageFile) else []


def _raw_mode(args: Any) -> str:
    first = args[0] if isinstance(args, tuple) and args else args
    return first if isinstance(first, str) else ""


def _swapped(args: Any) -> Any:
    mode = _raw_mode(args)
    other = mode[:-1] + _OTHER_BYTE[mode[-1]]
    return (other, *args[1:]) if isinstance(args, tuple) else other


def needs_shift(bit_depth: int | None) -> bool:
    """Returns whether fewer than 16 bits are used."""
    return bit_depth is not None and bit_depth < FULL_BITS
