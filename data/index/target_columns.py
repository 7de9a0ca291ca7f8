"""Reads the targets of multi-label classification and regression from a table."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...core.missing_values import is_missing
from ...core.names import some
from ...core.table_features import is_number
from .csv_file import CsvFile
from .label_checks import alike_but_for_case, twins
from .one_hot import wrong_cells, wrong_columns, zero_one_columns, zero_or_one
from .problems import counted_examples
from .table_columns import Columns

SEPARATORS = ("|", ";")
MOST_LABELS = 1000  # a column of notes or file names has more


@dataclass(frozen=True)
class TargetColumns:
    """The numeric targets of the rows of a table.

    Attributes:
        names: Names of the labels or numbers, in the order of the model's outputs.
        values: For each row, a number for each name: 1 and 0 for labels.
        columns: The columns with the targets.
        remarks: Remarks on how the table is interpreted.
    """

    names: tuple[str, ...]
    values: Sequence[tuple[float, ...]]
    columns: tuple[str, ...]
    remarks: tuple[str, ...] = ()


def read_several_labels(
    table: CsvFile, columns: Columns
) -> tuple[TargetColumns | None, list[str]]:
    """Reads any number of labels for each row.

    They are in one column of 0 and 1 per label, or in one column of names separated by `|`
    or `;`. If no columns are named and there is no column `label`, all columns of 0 and 1
    are labels.

    Returns:
        The labels or None, and the problems except missing columns.
    """
    if columns.several:
        problems = wrong_columns(table, columns.several)
        problems = problems or wrong_cells(table, columns.several)
        return (
            (None, problems)
            if problems
            else (_read_label_columns(table, columns.several), [])
        )
    if columns.label in table.header:
        return _read_label_lists(table, columns.label)
    others = [*columns.named().values(), "split", *columns.features]
    found = zero_one_columns(table, others)
    if not found or columns.label != Columns.label:
        return None, []
    read = _read_label_columns(table, found)
    remark = f"labels are the columns of 0 and 1: {some(found)}"
    return TargetColumns(read.names, read.values, read.columns, (remark,)), []


def read_numbers(
    table: CsvFile, columns: Columns
) -> tuple[TargetColumns | None, list[str]]:
    """Reads one or several numbers for each row from the named columns.

    Returns:
        The numbers or None, and the problems except missing columns.
    """
    names = columns.several or (columns.label,)
    if not columns.several and columns.label not in table.header:
        return None, []
    problems = wrong_columns(table, names)
    problems = problems or _wrong_numbers(table, names)
    if problems:
        return None, problems
    values = list(zip(*(map(float, table.column(name)) for name in names), strict=True))
    return TargetColumns(tuple(names), values, tuple(names)), []


def _read_label_columns(table: CsvFile, names: Sequence[str]) -> TargetColumns:
    cells = (table.column(name) for name in names)
    values = [tuple(map(zero_or_one, row)) for row in zip(*cells, strict=True)]
    return TargetColumns(tuple(names), values, tuple(names))


def _read_label_lists(
    table: CsvFile, column: str
) -> tuple[TargetColumns | None, list[str]]:
    lists = [_parts(cell) for cell in table.column(column)]
    names = sorted({name for each in lists for name in each})
    if len(names) > MOST_LABELS:
        return None, [_too_many_labels(column, names)]
    problems = _wrong_names(table, column, lists, names)
    if problems:
        return None, problems
    values = [tuple(float(name in given) for name in names) for given in map(set, lists)]
    return TargetColumns(tuple(names), values, (column,)), []


def _parts(cell: str) -> list[str]:
    for separator in SEPARATORS:
        cell = cell.replace(separator, SEPARATORS[0])
    parts = (part.strip() for part in cell.split(SEPARATORS[0]))
    return [part for part in parts if part]


def _too_many_labels(column: str, names: Sequence[str]) -> str:
    return (
        f"the column {column} has {len(names):,} labels, more than {MOST_LABELS:,}: "
        f"{some(names)}. Is it the column of labels?"
    )


def _wrong_names(
    table: CsvFile, column: str, lists: Sequence[Sequence[str]], names: Sequence[str]
) -> list[str]:
    rows = list(zip((line for line, _ in table.rows), lists, strict=True))
    empty = [f"line {line}" for line, parts in rows if not parts]
    missing = [f"line {line}" for line, parts in rows if any(map(is_missing, parts))]
    pairs = [" and ".join(each) for each in [*twins(names), *alike_but_for_case(names)]]
    where = f"in the column {column}"
    return [
        *counted_examples(
            f"rows have no label {where} (if that is intended, use a column "
            "of 0 and 1 for each label: data.label_columns)",
            empty,
        ),
        *counted_examples(
            f"rows have a label {where} that stands for a missing value", missing
        ),
        *counted_examples("pairs of labels look the same", pairs),
    ]


def _wrong_numbers(table: CsvFile, names: Sequence[str]) -> list[str]:
    problems = []
    for name in names:
        cells = table.column(name)
        lines = [line for line, _ in table.rows]
        wrong = [
            f"line {line} ({cell or 'empty'})"
            for line, cell in zip(lines, cells, strict=True)
            if not is_number(cell)
        ]
        problems += counted_examples(
            f"cells of the column {name} are not finite numbers (of float32)", wrong
        )
        problems += [] if wrong else indistinct(name, cells)
    return problems


def indistinct(name: str, cells: Sequence[str]) -> list[str]:
    """Returns the problem of numbers that a model can't distinguish; empty if none."""
    numbers = np.array(list(map(float, cells)))
    if len(set(numbers)) < 2:
        return [f"the column {name} has one value only: {cells[0]}"]
    spread = numbers.std()
    # float32 has 7 digits, of which enough must remain for the differences.
    if np.abs(numbers - numbers.astype(np.float32)).max() <= spread / 1000:
        return []
    return [
        f"the numbers of the column {name} differ too little relative to their size, or "
        f"are too small, for float32: {cells[0]}. Subtract the mean, or use another unit"
    ]
