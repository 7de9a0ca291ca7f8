"""Reads the class of each row of a table: from a column of names, or of 0 and 1 each."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .csv_file import CsvFile
from .image_names import summary
from .label_checks import alike_but_for_case, is_missing, several_labels, twins
from .one_hot import (
    OneHotLabels,
    about_several_labels,
    find_one_hot,
    read_one_hot,
    zero_one_columns,
)
from .table_columns import Columns

DEFAULT_COLUMN = "label"


@dataclass(frozen=True)
class Labels:
    """The classes of the rows of a table.

    Attributes:
        cells: The name of a class for each row; empty text where it has none.
        columns: The columns of 0 and 1 that they are read from; none if they are names.
        remarks: Lines on how the table is understood.
    """

    cells: list[str]
    columns: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()


def read_labels(table: CsvFile, columns: Columns) -> tuple[Labels, list[str]]:
    """Reads the class of each row.

    Without a column called `label`, a table whose columns of 0 and 1 together give each
    row one class is read by these.

    Returns:
        The classes, and what is wrong with them. That a column is missing is not told.
    """
    unknown = Labels([""] * len(table.rows))
    if columns.one_hot:
        found, problems = read_one_hot(table, columns.one_hot)
        return (unknown if found is None else _as_labels(found)), problems
    if columns.label in table.header:
        return Labels(table.column(columns.label)), _wrong_labels(table, columns.label)
    if columns.label != DEFAULT_COLUMN:
        return unknown, []
    others = [*columns.named().values(), "split"]
    found = find_one_hot(table, others)
    if found is not None:
        return _as_labels(found), []
    several = zero_one_columns(table, others)
    return unknown, [about_several_labels(several)] if several else []


def _as_labels(found: OneHotLabels) -> Labels:
    return Labels(found.cells, tuple(found.columns), tuple(found.remarks))


def _wrong_labels(table: CsvFile, column: str) -> list[str]:
    setting = f"data.label_column={column}"
    cells = [
        (row, cell) for (row, _), cell in zip(table.rows, table.column(column), strict=True)
    ]
    empty = [f"line {line}" for line, cell in cells if not cell]
    missing = [f"line {line}: {cell}" for line, cell in cells if is_missing(cell)]
    labels = [cell for _, cell in cells if cell]
    several = several_labels(labels)
    return [
        *summary(f"rows have no class ({setting})", empty),
        *summary(
            f"rows have a class that stands for a missing value ({setting}; remove them, "
            "or call the class otherwise)",
            missing,
        ),
        *summary(
            f"labels seem to hold several classes ({setting}; each image must have one, as "
            "several are not supported yet; if they are single classes, write them with _)",
            several,
        ),
        *summary("classes look the same or are the same number", _pairs(twins(labels))),
        *summary(
            "classes differ only in upper and lower case",
            _pairs(alike_but_for_case(labels)),
        ),
    ]


def _pairs(groups: Iterable[Sequence[str]]) -> list[str]:
    """Names that are alike, so that what can't be seen of them is."""
    return [
        " and ".join(n if n.isascii() else ascii(n) for n in sorted(each))
        for each in groups
    ]
