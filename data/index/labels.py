"""Reads the targets of the rows of a table."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ...core.missing_values import is_missing
from .csv_file import CsvFile
from .label_checks import alike_but_for_case, several_labels, twins
from .one_hot import SEVERAL_LABELS, OneHotLabels, about_labels, find_one_hot, read_one_hot
from .problems import Problem, counted_examples
from .table_columns import Columns
from .target_columns import TargetColumns, read_numbers, read_several_labels


@dataclass(frozen=True)
class Labels:
    """The targets of the rows of a table.

    Attributes:
        cells: A string for each row: the name of its class, or all labels or numbers; empty
            if missing.
        columns: The columns with the targets, unless it is a single column of names.
        remarks: Remarks on how the table is interpreted.
        targets: Numbers, in other tasks than classification.
    """

    cells: list[str]
    columns: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    targets: TargetColumns | None = None


def read_labels(table: CsvFile, columns: Columns) -> tuple[Labels, Sequence[Problem]]:
    """Reads the class, labels or numbers of each row.

    A table without a column `label` may be one-hot encoded: columns of 0 and 1 give each
    row one class. They are used unless another column looks like class names.

    Returns:
        The targets, and the problems except missing columns.
    """
    unknown = Labels([""] * len(table.rows))
    if columns.task != "classification":
        read = read_numbers if columns.task == "regression" else read_several_labels
        targets, problems = read(table, columns)
        return (unknown if targets is None else _labels_of_targets(targets)), problems
    if columns.several:
        found, wrong = read_one_hot(table, columns.several)
        return (unknown if found is None else _labels_of_one_hot(found)), wrong
    if columns.label in table.header:
        return Labels(table.column(columns.label)), _wrong_labels(table, columns.label)
    if columns.label != Columns.label:
        return unknown, []
    others = [*columns.named().values(), "split", *columns.features]
    found = find_one_hot(table, others)
    if found is not None:
        return _labels_of_one_hot(found), []
    return unknown, about_labels(table, others)


def _labels_of_targets(targets: TargetColumns) -> Labels:
    cells = [" ".join(map(repr, row)) for row in targets.values]
    return Labels(cells, targets.columns, targets.remarks, targets)


def _labels_of_one_hot(found: OneHotLabels) -> Labels:
    return Labels(found.cells, tuple(found.columns), tuple(found.remarks))


def _wrong_labels(table: CsvFile, column: str) -> list[Problem]:
    cells = [
        (row, cell) for (row, _), cell in zip(table.rows, table.column(column), strict=True)
    ]
    empty = [f"line {line}" for line, cell in cells if not cell]
    missing = [f"line {line}: {cell}" for line, cell in cells if is_missing(cell)]
    labels = [cell for _, cell in cells if cell]
    several = several_labels(labels)
    return [
        *counted_examples(f"rows have no class in the column {column}", empty),
        *counted_examples(
            f"rows have a class in the column {column} that stands for a missing value "
            "(remove them, or rename the class)",
            missing,
        ),
        *counted_examples(
            f"labels in the column {column} seem to contain several classes (if they are "
            "single classes, write them with _)",
            several,
        ),
        *([SEVERAL_LABELS] if several else []),
        *counted_examples(
            "pairs of classes look the same or are the same number", _pairs(twins(labels))
        ),
        *counted_examples(
            "pairs of classes differ only in upper and lower case",
            _pairs(alike_but_for_case(labels)),
        ),
    ]


def _pairs(groups: Iterable[Sequence[str]]) -> list[str]:
    """Formats groups of similar names, with invisible characters made visible."""
    return [
        " and ".join(n if n.isascii() else ascii(n) for n in sorted(each))
        for each in groups
    ]
