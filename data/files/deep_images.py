"""Images of 16 bits per channel, of which often only 10, 12 or 14 are used."""

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFile

from .pixel_rules import FULL_BITS, UndecodableError

_OTHER_BYTE = {"B": "L", "L": "B", "N": "B" if sys.byteorder == "little" else "L"}


def is_deep(image: Image.Image) -> bool:
    """Whether an image that was opened, and not loaded yet, has 16 bits per channel."""
    return (
        image.mode.startswith("I;16")
        or (image.mode == "I" and image.format == "PPM")
        or any(";16" in _raw_mode(tile.args) for tile in _tiles(image))
    )


def bits_used(image: Image.Image) -> int:
    """How many bits the largest value of an image of 16 bits needs, 8 at least.

    Args:
        image: Loaded. Of colors Pillow keeps the upper 8 bits.
    """
    values = np.asarray(image)
    if values.ndim == 2:
        return max(int(values.max(initial=0)).bit_length(), 8)
    return 8 + int(values[..., :3].max(initial=0)).bit_length()


def as_8_bits(
    image: Image.Image, bit_depth: int, reopen: Callable[[], Image.Image]
) -> Image.Image:
    """The upper 8 of the bits that are used.

    Args:
        image: Loaded, of 16 bits per channel.
        bit_depth: How many bits are used.
        reopen: Opens the same image again.

    Raises:
        UndecodableError: It uses more bits, or has transparency, too.
    """
    used = bits_used(image)
    if used > bit_depth:
        raise UndecodableError(f"it uses {used} bits, more than data.bit_depth={bit_depth}")
    if image.mode in ("RGBA", "LA"):
        raise UndecodableError(
            f"it has transparency, which data.bit_depth={bit_depth} can't take; save it "
            "without"
        )
    values = np.asarray(image).astype(np.uint16)
    if values.ndim == 3:
        values = values * np.uint16(256) + _lower_bytes(reopen())
    return Image.fromarray((values >> (bit_depth - 8)).astype(np.uint8))


def _lower_bytes(image: Image.Image) -> npt.NDArray[np.uint16]:
    """What Pillow leaves away of colors: read as if the bytes were the other way round."""
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
    """Whether fewer than all bits are used."""
    return bit_depth is not None and bit_depth < FULL_BITS
