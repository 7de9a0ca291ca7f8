"""Rules for reading the pixels of image files, and errors about images."""

from dataclasses import dataclass

import PIL

DECODER_VERSION = 3
DECODER = f"{DECODER_VERSION}, Pillow {PIL.__version__}"  # part of cache keys
MAX_MEGAPIXELS = 64.0
FULL_BITS = 16


class UndecodableError(ValueError):
    """A file can't be used as an image; the message says why."""


class TooLargeError(UndecodableError):
    """An image has more pixels than allowed.

    Attributes:
        width: Width in pixels.
        height: Height in pixels.
    """

    def __init__(self, width: int, height: int, max_pixels: int) -> None:
        super().__init__(too_large(width, height, max_pixels))
        self.width = width
        self.height = height


@dataclass(frozen=True)
class PixelRules:
    """Rules for reading the pixels of image files.

    Attributes:
        bit_depth: Number of bits used of 16 per channel; None for all.
        max_pixels: Images with more pixels are rejected before decoding.

    Example:
        >>> PixelRules.of(12, 64.0).max_pixels
        64000000
    """

    bit_depth: int | None = None
    max_pixels: int = int(MAX_MEGAPIXELS * 1e6)

    @classmethod
    def of(cls, bit_depth: int | None, max_megapixels: float) -> "PixelRules":
        """Creates the rules from settings."""
        return cls(bit_depth, int(max_megapixels * 1e6))

    @property
    def decoder(self) -> str:
        """Everything except the file that affects pixels, for cache keys."""
        if self.bit_depth in (None, FULL_BITS):
            return DECODER
        return f"{DECODER}, {self.bit_depth} bits"


DEFAULT_RULES = PixelRules()


def too_large(width: int, height: int, max_pixels: int) -> str:
    """Describes the problem of an image with too many pixels."""
    return (
        f"it has {width} x {height} pixels, more than {max_pixels:,} "
        "(data.max_megapixels is the limit)"
    )
