"""Images that a request asks about."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt


class Images(Protocol):
    """Images of one request, as files or as pixels."""

    def __len__(self) -> int:
        """How many there are."""

    def pieces(self, size: int) -> "Iterator[Images]":
        """The same images in parts of at most that many."""


@dataclass(frozen=True)
class EncodedImages:
    """The bytes of image files, in any format that is decoded in training.

    Attributes:
        contents: Of each file.
    """

    contents: Sequence[bytes]

    def __len__(self) -> int:
        return len(self.contents)

    def pieces(self, size: int) -> Iterator["EncodedImages"]:
        """The same images in parts of at most that many."""
        for start in range(0, len(self), size):
            yield EncodedImages(self.contents[start : start + size])


@dataclass(frozen=True)
class PixelImages:
    """Images of the size that the model takes.

    Attributes:
        pixels: `(images, size, size, 3)`, RGB from 0 to 255, uint8 or float32.
    """

    pixels: npt.NDArray[Any]

    def __post_init__(self) -> None:
        if self.pixels.dtype not in (np.uint8, np.float32):
            raise TypeError(self.pixels.dtype)

    def __len__(self) -> int:
        return len(self.pixels)

    def pieces(self, size: int) -> Iterator["PixelImages"]:
        """The same images in parts of at most that many."""
        for start in range(0, len(self), size):
            yield PixelImages(self.pixels[start : start + size])
