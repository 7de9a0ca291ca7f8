"""Reads images of a split in chunks, and records those that can't be read."""

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
    """A split that returns the images of single examples."""

    def images(self, places: Rows) -> npt.NDArray[np.uint8]:
        """Returns the images at these positions, `(places, height, width, 3)` RGB."""


class Chunk(NamedTuple):
    """A chunk of images.

    Attributes:
        rows: Rows in the split.
        images: `(rows, height, width, 3)` RGB, uint8.
    """

    rows: Rows
    images: npt.NDArray[np.uint8]


class ReadableImages:
    """The readable images of a split; moved or changed ones are skipped and recorded.

    Args:
        split: A split with `images(places)`.
        rows_at_once: Maximum number of images in memory.

    Attributes:
        problems: By row, why images could not be read so far.
    """

    def __init__(self, split: Any, rows_at_once: int = 64) -> None:
        self.problems: dict[int, str] = {}
        self._split = split
        self._rows_at_once = rows_at_once

    @property
    def reason_for_none(self) -> str:
        """Why the split returns no single images; empty if it does."""
        if isinstance(self._split, LoadsImages):
            return ""
        return "the test data does not provide single images, unlike ImageData"

    def chunks(self, rows: Rows) -> Iterator[Chunk]:
        """Yields the readable images of these rows, in order."""
        for start in range(0, len(rows), self._rows_at_once):
            some_rows = rows[start : start + self._rows_at_once]
            yield from self._chunk(some_rows)

    def gaps(self, names: Any) -> list[str]:
        """Returns a gap for unreadable images, if there are any.

        Args:
            names: Names of the images of the split.
        """
        if not self.problems:
            return []
        files = some((str(names[row]) for row in self.problems), 50)
        return [
            f"not measured: {len(self.problems):,} images, because they were moved or "
            f"changed, or can't be read: {files}; restore them and measure again"
        ]

    def tables(self, names: Any) -> list[Table]:
        """Returns a table of unreadable images with reasons, if there are any."""
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
            for row in rows:  # to find the unreadable ones
                yield from self._chunk(row[None])
