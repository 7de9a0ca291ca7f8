"""Columns of label tables that are kept beside the images: sex, age, site, camera."""

from collections.abc import Collection, Iterable

import numpy as np
import numpy.typing as npt

from ...core.missing_values import is_missing
from .csv_file import CsvFile, repeated_columns
from .image_names import summary
from .scan import Scan

MOST_VALUES = 1000
Texts = npt.NDArray[np.object_]


def other_columns(
    table: CsvFile, used: Collection[str]
) -> tuple[dict[str, list[str]], list[str]]:
    """The columns of a table that nothing else uses.

    Cells without a value (empty, `NA`, `nan` and the like) are empty text, and equal cells
    share their memory.

    Args:
        table: The table.
        used: Columns of images, labels, groups and splits.

    Returns:
        Cells by column, a cell a row, and a line on columns that can't be told apart.
    """
    free = [name for name in table.header if name and name not in used]
    repeated = repeated_columns(table.header, free)
    known = {"": ""}

    def shared(cell: str) -> str:
        return known.setdefault("" if is_missing(cell) else cell, cell)

    cells = {
        name: [shared(cell) for cell in table.column(name)]
        for name in free
        if name not in repeated
    }
    return cells, summary("columns occur more than once and are left out", repeated)


def join_columns(scans: Iterable[Scan], features: Collection[str] = ()) -> dict[str, Texts]:
    """The columns of all tables below each other, without those that would fill memory.

    Those are columns with more than 1,000 different texts, or with more than 1,000
    numbers of which none comes twice.

    Args:
        scans: Of the tables.
        features: Columns that are kept, however many values they have.

    Returns:
        `(images,)` text by column, empty where a table lacks the column or the value.
    """
    every = list(scans)
    names = dict.fromkeys(name for scan in every for name in scan.columns)
    joined = {name: _joined(every, name) for name in names}
    return {
        name: cells for name, cells in joined.items() if name in features or _is_kept(cells)
    }


def _joined(scans: Iterable[Scan], name: str) -> Texts:
    cells = [
        cell for scan in scans for cell in scan.columns.get(name, ("",) * len(scan.paths))
    ]
    return np.array(cells, object)


def _is_kept(cells: Texts) -> bool:
    different = set(cells)
    if len(different) <= MOST_VALUES:
        return True
    return len(different) < len(cells) and all(map(_is_number, different - {""}))


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
