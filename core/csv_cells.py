"""Cells of CSV tables that a spreadsheet opens without computing anything."""

import csv
import io
from collections.abc import Iterable, Sequence

PROBABILITY_PREFIX = "probability:"  # of the columns of predictions
ERROR_COLUMN = "error"  # why an image has no prediction

_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # how formulas of spreadsheets begin


def csv_bytes(rows: Iterable[Sequence[object]]) -> bytes:
    r"""Returns rows in the format of `write_csv`.

    Example:
        >>> csv_bytes([["file", "prediction"], ["=1.png", "nevus"]])
        b"file,prediction\r\n'=1.png,nevus\r\n"
    """
    text = io.StringIO(newline="")
    csv.writer(text).writerows([without_formula(cell) for cell in row] for row in rows)
    return text.getvalue().encode("utf-8", "surrogateescape")


def text_of_cell(cell: str) -> str:
    """Returns the original text of a cell written by `write_csv`.

    Example:
        >>> text_of_cell("'=1"), text_of_cell("nevus")
        ('=1', 'nevus')
    """
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(_FORMULA) else cell


def without_formula(cell: object) -> object:
    """Puts an apostrophe in front of words that look like a formula."""
    if not isinstance(cell, str) or not cell.startswith(_FORMULA):
        return cell
    try:
        float(cell)
    except ValueError:
        return f"'{cell}"
    return cell
