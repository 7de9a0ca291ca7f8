"""How the pixels of image files are read, and why some are not."""

from dataclasses import dataclass

import PIL

DECODER_VERSION = 3
DECODER = f"{DECODER_VERSION}, Pillow {PIL.__version__}"  # of which pixels are kept
MAX_MEGAPIXELS = 64.0
FULL_BITS = 16


class UndecodableError(ValueError):
    """A file is not an image that can be used; the message says why."""


class TooLargeError(UndecodableError):
    """An image has more pixels than are allowed.

    Attributes:
        width: In pixels.
        height: In pixels.
    """

    def __init__(self, width: int, height: int, max_pixels: int) -> None:
        super().__init__(too_large(width, height, max_pixels))
        self.width = width
        self.height = height


@dataclass(frozen=True)
class PixelRules:
    """What decides how the pixels of a file are read.

    Attributes:
        bit_depth: How many of 16 bits per channel are used; None for all of them.
        max_pixels: Images of more pixels are refused, by their headers alone.

    Example:
        >>> PixelRules.of(12, 64.0).max_pixels
        64000000
    """

    bit_depth: int | None = None
    max_pixels: int = int(MAX_MEGAPIXELS * 1e6)

    @classmethod
    def of(cls, bit_depth: int | None, max_megapixels: float) -> "PixelRules":
        """The rules that settings give."""
        return cls(bit_depth, int(max_megapixels * 1e6))

    @property
    def decoder(self) -> str:
        """Everything that pixels depend on besides the file."""
        if self.bit_depth in (None, FULL_BITS):
            return DECODER
        return f"{DECODER}, {self.bit_depth} bits"


DEFAULT_RULES = PixelRules()


def too_large(width: int, height: int, max_pixels: int) -> str:
    """The reason for an image with too many pixels."""
    return (
        f"it has {width} x {height} pixels, more than {max_pixels:,} "
        "(data.max_megapixels is the limit)"
    )
