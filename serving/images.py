"""Defines the images of a request."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

# The table cells of each image, by column; None if the model takes no columns.
Cells = Mapping[str, Sequence[str]] | None


@dataclass(frozen=True)
class EncodedImages:
    """The bytes of image files, in any format that training decodes.

    Attributes:
        contents: Bytes of each file.
        first: Index of the first image in its request.
        cells: Table cells of the images.
    """

    contents: Sequence[bytes]
    first: int = 0
    cells: Cells = None

    def __len__(self) -> int:
        return len(self.contents)

    def pieces(self, size: int) -> Iterator["EncodedImages"]:
        """Yields the images in parts of at most `size` images."""
        for start in range(0, len(self), size):
            part = slice(start, start + size)
            cells = _part(self.cells, part)
            yield EncodedImages(self.contents[part], self.first + start, cells)


@dataclass(frozen=True)
class PixelImages:
    """Decoded images of the input size of the model.

    Attributes:
        pixels: `(images, size, size, 3)`, RGB from 0 to 255, uint8 or float32.
        cells: Table cells of the images.
    """

    pixels: npt.NDArray[Any]
    cells: Cells = None

    def __len__(self) -> int:
        return len(self.pixels)

    def pieces(self, size: int) -> Iterator["PixelImages"]:
        """Yields the images in parts of at most `size` images."""
        for start in range(0, len(self), size):
            part = slice(start, start + size)
            yield PixelImages(self.pixels[part], _part(self.cells, part))


def _part(cells: Cells, part: slice) -> Cells:
    return cells and {name: column[part] for name, column in cells.items()}


Images = EncodedImages | PixelImages
