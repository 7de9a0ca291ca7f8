"""Reads what is to be predicted for each row of a table."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ...core.missing_values import is_missing
from .csv_file import CsvFile
from .image_names import summary
from .label_checks import alike_but_for_case, several_labels, twins
from .one_hot import OneHotLabels, about_labels, find_one_hot, read_one_hot
from .table_columns import Columns
from .target_columns import TargetColumns, read_numbers, read_several_labels


@dataclass(frozen=True)
class Labels:
    """What is to be predicted for the rows of a table.

    Attributes:
        cells: Text for each row: the name of its class, or all of its labels or numbers;
            empty where it has none.
        columns: The columns that it is read from, where that is not the one column of
            names.
        remarks: Lines on how the table is understood.
        targets: For other tasks than classification, the numbers.
    """

    cells: list[str]
    columns: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    targets: TargetColumns | None = None


def read_labels(table: CsvFile, columns: Columns) -> tuple[Labels, list[str]]:
    """Reads the class, the labels or the numbers of each row.

    Without a column called `label`, a table whose columns of 0 and 1 together give each
    row one class is read by these, unless another column holds names as classes have them.

    Returns:
        All of it, and what is wrong. That a column is missing is not told.
    """
    unknown = Labels([""] * len(table.rows))
    if columns.task != "classification":
        read = read_numbers if columns.task == "regression" else read_several_labels
        targets, problems = read(table, columns)
        return (unknown if targets is None else _of_targets(targets)), problems
    if columns.several:
        found, problems = read_one_hot(table, columns.several)
        return (unknown if found is None else _as_labels(found)), problems
    if columns.label in table.header:
        return Labels(table.column(columns.label)), _wrong_labels(table, columns.label)
    if columns.label != Columns.label:
        return unknown, []
    others = [*columns.named().values(), "split", *columns.features]
    found = find_one_hot(table, others)
    if found is not None:
        return _as_labels(found), []
    return unknown, about_labels(table, others)


def _of_targets(targets: TargetColumns) -> Labels:
    cells = [" ".join(map(repr, row)) for row in targets.values]
    return Labels(cells, targets.columns, targets.remarks, targets)


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
            "or rename the class)",
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
    """Similar names, with invisible characters made visible."""
    return [
        " and ".join(n if n.isascii() else ascii(n) for n in sorted(each))
        for each in groups
    ]
