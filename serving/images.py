"""The images of a request."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

# Of a table, by column, a text for each image; None where the model takes no columns.
Cells = Mapping[str, Sequence[str]] | None


@dataclass(frozen=True)
class EncodedImages:
    """The bytes of image files, in any format that is decoded in training.

    Attributes:
        contents: Of each file.
        first: Which image of its request the first of these is.
        cells: Beside the images.
    """

    contents: Sequence[bytes]
    first: int = 0
    cells: Cells = None

    def __len__(self) -> int:
        return len(self.contents)

    def pieces(self, size: int) -> Iterator["EncodedImages"]:
        """The same images in parts of at most that many."""
        for start in range(0, len(self), size):
            part = slice(start, start + size)
            cells = _part(self.cells, part)
            yield EncodedImages(self.contents[part], self.first + start, cells)


@dataclass(frozen=True)
class PixelImages:
    """Images of the size that the model takes.

    Attributes:
        pixels: `(images, size, size, 3)`, RGB from 0 to 255, uint8 or float32.
        cells: Beside the images.
    """

    pixels: npt.NDArray[Any]
    cells: Cells = None

    def __len__(self) -> int:
        return len(self.pixels)

    def pieces(self, size: int) -> Iterator["PixelImages"]:
        """The same images in parts of at most that many."""
        for start in range(0, len(self), size):
            part = slice(start, start + size)
            yield PixelImages(self.pixels[part], _part(self.cells, part))


def _part(cells: Cells, part: slice) -> Cells:
    return cells and {name: column[part] for name, column in cells.items()}


Images = EncodedImages | PixelImages
