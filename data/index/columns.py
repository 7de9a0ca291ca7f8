"""Further columns of label tables, such as sex, age, site or camera."""

from collections.abc import Collection, Iterable

import numpy as np
import numpy.typing as npt

from ...core.missing_values import is_missing
from .csv_file import CsvFile, repeated_columns
from .problems import counted_examples
from .scan import Scan

MOST_VALUES = 1000
Texts = npt.NDArray[np.object_]


def other_columns(
    table: CsvFile, used: Collection[str]
) -> tuple[dict[str, list[str]], list[str]]:
    """Returns the columns of a table that nothing else uses.

    Missing values (empty, `NA`, `nan` and the like) become empty strings, and equal cells
    share memory.

    Args:
        table: The table.
        used: Columns of images, labels, groups and splits.

    Returns:
        The cells of each column, and a remark on columns with duplicate names.
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
    return cells, counted_examples("columns occur more than once and are ignored", repeated)


def join_columns(scans: Iterable[Scan], features: Collection[str] = ()) -> dict[str, Texts]:
    """Concatenates the columns of all tables, without those that would fill memory.

    These are columns with more than 1,000 distinct texts, or with more than 1,000 numbers
    that are all distinct.

    Args:
        scans: The tables.
        features: Columns that are always kept.

    Returns:
        `(images,)` strings by column, empty if the table lacks the column or the value.
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
