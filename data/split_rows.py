"""The images of one split, as the index lists them."""

import copy
from typing import Self

import numpy as np
import numpy.typing as npt

from .copies.groups import content_numbers
from .files.read_file import content_as_inspected
from .index.image_index import ImageIndex

Integers = npt.NDArray[np.int64]


class SplitRows:
    """The rows of the index that form one split.

    Args:
        index: The table of all files.
        split: TRAIN, VALIDATION or TEST.

    Attributes:
        task: The task.
        class_names: The classes, labels or numbers, in the order of the model's outputs.
        labels: `(images,)` int32, the class of each image; None in other tasks.
        target_values: `(images, names)` float32 in other tasks: 1 and 0 for labels, or the
            numbers; None in classification.
    """

    def __init__(self, index: ImageIndex, split: int) -> None:
        self.task = index.task
        self.class_names = index.class_names
        self._index = index
        self._take(np.flatnonzero(index.splits == split))

    @property
    def num_examples(self) -> int:
        """Images per epoch."""
        return len(self._rows)

    @property
    def names(self) -> list[str]:
        """Path of each image."""
        return [str(path) for path in self._index.paths[self._rows]]

    @property
    def digests(self) -> list[str]:
        """Hexadecimal SHA-256 of each file; zeros if it was not read."""
        digests = self._index.digests[self._rows].tolist()
        return [digest.ljust(32, b"\0").hex() for digest in digests]

    @property
    def content_numbers(self) -> npt.NDArray[np.uint64]:
        """`(images,)`: a number from the content of each image; equal for copies."""
        return content_numbers(self._index.digests[self._rows])

    def content(self, place: int) -> bytes:
        """Reads the bytes of the file of an image.

        Raises:
            DataError: The file has changed.
        """
        row = self._rows[place]
        path, digest = str(self._index.paths[row]), bytes(self._index.digests[row])
        return content_as_inspected(path, digest)

    def target_texts(self, places: Integers) -> list[str]:
        """Returns the targets of the images at these positions, in words."""
        return [self._index.describe_target(row) for row in self._rows[places].tolist()]

    @property
    def contradictory(self) -> npt.NDArray[np.bool_]:
        """`(images,)` bool: whether a copy has another class."""
        return self._index.contradictory[self._rows]

    @property
    def columns(self) -> dict[str, npt.NDArray[np.object_]]:
        """Further columns of the label table: `(images,)` text by name, if any."""
        return {name: cells[self._rows] for name, cells in self._index.columns.items()}

    @property
    def groups(self) -> npt.NDArray[np.intp] | None:
        """`(images,)`: group numbers; None without a group column."""
        return self._index.groups[self._rows] if self._index.is_grouped else None

    @property
    def undivided(self) -> npt.NDArray[np.intp]:
        """`(images,)`: numbers shared by copies and by images of a group."""
        return self._index.groups[self._rows]

    def only(self, places: Integers) -> Self:
        """Returns the same version of the images at these places, in this order."""
        return self.with_rows(self._rows[places])

    def with_rows(self, rows: Integers) -> Self:
        """Returns the same version of the images in other rows of the index."""
        other = copy.copy(self)
        other._take(rows)
        return other

    def _take(self, rows: Integers) -> None:
        """Sets the rows of the table that form this split."""
        self._rows = rows
        labels, targets = self._index.labels[rows], self._index.targets
        self.labels = labels if targets is None else None
        self.target_values = None if targets is None else targets[rows]
