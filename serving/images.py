"""Images that a request asks about."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt


@dataclass(frozen=True)
class EncodedImages:
    """The bytes of image files, in any format that is decoded in training.

    Attributes:
        contents: Of each file.
        first: Which image of its request the first of these is.
    """

    contents: Sequence[bytes]
    first: int = 0

    def __len__(self) -> int:
        return len(self.contents)

    def pieces(self, size: int) -> Iterator["EncodedImages"]:
        """The same images in parts of at most that many."""
        for start in range(0, len(self), size):
            part = self.contents[start : start + size]
            yield EncodedImages(part, self.first + start)


@dataclass(frozen=True)
class PixelImages:
    """Images of the size that the model takes.

    Attributes:
        pixels: `(images, size, size, 3)`, RGB from 0 to 255, uint8 or float32.
    """

    pixels: npt.NDArray[Any]

    def __len__(self) -> int:
        return len(self.pixels)

    def pieces(self, size: int) -> Iterator["PixelImages"]:
        """The same images in parts of at most that many."""
        for start in range(0, len(self), size):
            yield PixelImages(self.pixels[start : start + size])


Images = EncodedImages | PixelImages
