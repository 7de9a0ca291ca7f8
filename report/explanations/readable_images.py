"""Reads images of a split a few at a time, and lists those that can no longer be read."""

from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from ...core.errors import DataError
from ...core.names import some
from ...evaluation.finding import Table

Rows = npt.NDArray[np.int64]


@runtime_checkable
class LoadsImages(Protocol):
    """Data that hand out the images of single examples."""

    def images(self, places: Rows) -> npt.NDArray[np.uint8]:
        """The images at these places, `(places, height, width, 3)` RGB."""


class Chunk(NamedTuple):
    """Some images.

    Attributes:
        rows: Of the split.
        images: `(rows, height, width, 3)` RGB, uint8.
    """

    rows: Rows
    images: npt.NDArray[np.uint8]


class ReadableImages:
    """Images of a split; those that were moved or changed are passed over and noted.

    Args:
        split: With `images(places)`.
        rows_at_once: How many are in memory at a time.

    Attributes:
        problems: Why, by row, images could not be read so far.
    """

    def __init__(self, split: Any, rows_at_once: int = 64) -> None:
        self.problems: dict[int, str] = {}
        self._split = split
        self._rows_at_once = rows_at_once

    @property
    def reason_for_none(self) -> str:
        """Why no image at all can be had; empty if they can be asked for."""
        if isinstance(self._split, LoadsImages):
            return ""
        return "the test data gives no access to single images, unlike ImageData"

    def chunks(self, rows: Rows) -> Iterator[Chunk]:
        """The images of these rows, in order, those that can be read."""
        for start in range(0, len(rows), self._rows_at_once):
            some_rows = rows[start : start + self._rows_at_once]
            yield from self._chunk(some_rows)

    def gaps(self, names: Any) -> list[str]:
        """What is missing, if anything.

        Args:
            names: Of the images of the split.
        """
        if not self.problems:
            return []
        files = some((str(names[row]) for row in self.problems), 50)
        return [
            f"not measured: {len(self.problems):,} images, because they were moved or "
            f"changed, or can't be read: {files}; restore them and measure again"
        ]

    def tables(self, names: Any) -> list[Table]:
        """The unreadable images with reasons, if there are any."""
        if not self.problems:
            return []
        rows = [(str(names[row]), problem) for row, problem in self.problems.items()]
        return [Table("Images that could not be read", ("file", "reason"), rows)]

    def _chunk(self, rows: Rows) -> Iterator[Chunk]:
        try:
            yield Chunk(rows, np.asarray(self._split.images(rows)))
        except (DataError, OSError) as error:
            if len(rows) == 1:
                self.problems[int(rows[0])] = str(error)
                return
            for row in rows:  # to find the ones, and have the others
                yield from self._chunk(row[None])
