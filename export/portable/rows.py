"""Checks the table cells of images in the columns that a model takes."""

import os
from collections.abc import Mapping, Sequence
from typing import Any

from ...core.missing_values import is_missing
from ...core.table_features import MISSING, NumberColumn, TableFeatures, is_number
from .fields import ModelFileError

# A file and its table cells by column.
ImageRow = tuple[str | os.PathLike[str], Mapping[str, Any]]


class CellsError(ValueError):
    """Raised for unusable table cells of an image, with the reason."""


def checked_cells(features: TableFeatures | None, row: Mapping[str, Any]) -> dict[str, str]:
    """Returns the cells of an image as text, in the order of the columns.

    Args:
        features: The columns that a model takes, or None.
        row: Text, numbers or None by column; other columns are ignored.

    Raises:
        CellsError: A column is missing, a cell of a number column is not a number, or a
            value is not a valid cell.

    Example:
        >>> age = TableFeatures((NumberColumn("age", 40.0, 10.0),))
        >>> checked_cells(age, {"age": 55}), checked_cells(age, {"age": "NA"})
        ({'age': '55'}, {'age': ''})
    """
    columns = () if features is None else features.columns
    missing = [each.name for each in columns if each.name not in row]
    if missing:
        raise CellsError(f"it needs the columns {', '.join(missing)}")
    cells = {each.name: _text_of(each.name, row[each.name]) for each in columns}
    for each in columns:
        cell = cells[each.name]
        if isinstance(each, NumberColumn) and cell != MISSING and not is_number(cell):
            raise CellsError(f"the column {each.name} must be a number; it is {cell!r}")
    return cells


def needs_cells(features: TableFeatures) -> ModelFileError:
    """Returns the error for images without a table."""
    return ModelFileError(
        f"The model takes table columns in addition to images: "
        f"{', '.join(features.names)}. Pass a table, TABLE.csv, instead of images."
    )


def columns_from(rows: Sequence[Mapping[str, str]]) -> dict[str, list[str]]:
    """Converts cells by row to cells by column; all rows must have the same columns."""
    return {name: [row[name] for row in rows] for name in rows[0]}


def _text_of(name: str, cell: Any) -> str:
    if cell is None or cell != cell:  # NaN
        return MISSING
    if isinstance(cell, bool) or not isinstance(cell, str | int | float):
        raise CellsError(f"the column {name} must be a number, a text or null")
    text = " ".join(str(cell).split())
    return MISSING if is_missing(text) else text
