"""Reads images and further columns from a table."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ...core.errors import DataError
from ...core.missing_values import is_missing
from ...core.table_features import MISSING, NumberColumn, TableFeatures, is_number
from ..index.csv_file import CsvFile, column_hint, read_csv, repeated_columns
from ..index.feature_columns import unknown_cells
from ..index.image_names import resolve
from ..index.problems import counted_examples, listed_problems


class TableRow(NamedTuple):
    """An image with its cells of the requested columns.

    Attributes:
        path: Path of the image.
        line: Line number in the table.
        cells: Cells of the columns; empty if missing.
    """

    path: str
    line: int
    cells: tuple[str, ...]


@dataclass(frozen=True)
class ImageTable:
    """A table of images.

    Attributes:
        path: Path of the table.
        columns: The requested columns.
        rows: One row per image, in order.
    """

    path: Path
    columns: tuple[str, ...]
    rows: tuple[TableRow, ...]

    def require(self, features: TableFeatures) -> list[str]:
        """Checks that the cells are valid inputs of a model.

        Args:
            features: The columns that the model takes.

        Returns:
            Remarks on values that its training images lack.

        Raises:
            DataError: A column of numbers contains text.
        """
        problems: list[str] = []
        remarks: list[str] = []
        for column in features.columns:
            place = self.columns.index(column.name)
            cells = np.array([row.cells[place] for row in self.rows], object)
            remarks += unknown_cells(column, cells, "images")
            if isinstance(column, NumberColumn):
                problems += self._text_among_numbers(column.name, place)
        if problems:
            raise _error(self.path, problems)
        return remarks

    def _text_among_numbers(self, name: str, place: int) -> list[str]:
        cells = [(row.line, row.cells[place]) for row in self.rows]
        text = [f"line {n} ({c})" for n, c in cells if c != MISSING and not is_number(c)]
        return counted_examples(
            f"cells of the column {name} are text, but the model takes numbers", text
        )


def read_image_table(
    path: Path, root: Path | None, image_column: str, columns: Sequence[str]
) -> ImageTable:
    """Reads a table with one row per image.

    Args:
        path: A CSV file with a header.
        root: Folder of the images; the folder of the table by default.
        image_column: Column of image names, like `data.image_column`.
        columns: Further columns to read.

    Raises:
        DataError: The table can't be read, lacks a column, or names missing images.
    """
    root = path.parent if root is None else root
    table = read_csv(path, [image_column, *columns], "path")
    problems = _wrong_columns(table, [image_column, *columns])
    if not root.is_dir():
        problems.append(f"the folder of its images does not exist: {root}")
    if problems:
        raise _error(path, problems)
    images = table.column(image_column)
    lines = {image: line for (line, _), image in zip(table.rows, images, strict=True)}
    found, unresolved = resolve(lines, root)
    if unresolved:
        raise _error(path, unresolved)
    others = [[_cell(cell) for cell in table.column(name)] for name in columns]
    rows = (
        zip(table.rows, images, zip(*others, strict=True), strict=True)
        if others
        else ((row, image, ()) for row, image in zip(table.rows, images, strict=True))
    )
    return ImageTable(
        path,
        tuple(columns),
        tuple(TableRow(found[image], line, cells) for (line, _), image, cells in rows),
    )


def _cell(cell: str) -> str:
    return MISSING if is_missing(cell) else cell


def _wrong_columns(table: CsvFile, wanted: Sequence[str]) -> list[str]:
    problems = [
        f"the column {name} occurs more than once"
        for name in repeated_columns(table.header, wanted)
    ]
    for name in dict.fromkeys(wanted):
        if name not in table.header:
            hint = column_hint(table.header, name)
            problems.append(f"it has no column {name}. {hint}")
    return problems


def _error(path: Path, problems: Sequence[str]) -> DataError:
    return listed_problems(
        "A table of images must have an image in each row, and the columns that the model "
        f"takes. {path}:",
        problems,
    )
