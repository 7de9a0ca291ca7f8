"""Reads one-hot labels: a column of 0 and 1 per class, as in ISIC's GroundTruth.csv."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from ...core.names import some
from ...core.suggestion import Suggestion
from .csv_file import CsvFile, column_hint, repeated_columns
from .problems import Problem, counted_examples

SEVERAL_LABELS = Suggestion(
    "If images may have any number of labels, set", {"task": "multi_label"}, "."
)
_WORDS: Mapping[str, float] = {"true": 1.0, "false": 0.0}


@dataclass(frozen=True)
class OneHotLabels:
    """The class of each row, and the columns with the classes.

    Attributes:
        cells: Name of the class of each row.
        columns: One column per class.
        remarks: Remarks on how the columns are interpreted.
    """

    cells: list[str]
    columns: list[str]
    remarks: list[str]


def find_one_hot(table: CsvFile, others: Collection[str]) -> OneHotLabels | None:
    """Checks whether the columns of 0 and 1 of a table are one-hot labels.

    Args:
        table: The table.
        others: Columns that have another meaning.

    Returns:
        The labels if each row has exactly one 1, and no other column looks like labels;
        otherwise None.

    Example:
        >>> table = CsvFile(["image", "mel", "nv"], [(2, ["a", "1.0", "0.0"])])
        >>> find_one_hot(table, ["image"]).cells
        ['mel']
    """
    found = zero_one_columns(table, others)
    if not found or _rows_without_one_class(table, found):
        return None
    if text_columns(table, [*others, *found]):
        return None
    labels = _read(table, found)
    remark = f"classes are the columns of 0 and 1: {some(labels.columns)}"
    return OneHotLabels(labels.cells, labels.columns, [remark, *labels.remarks])


def read_one_hot(
    table: CsvFile, columns: Sequence[str]
) -> tuple[OneHotLabels | None, Sequence[Problem]]:
    """Reads one-hot labels from columns given by the settings.

    Args:
        table: The table.
        columns: `data.label_columns`.

    Returns:
        The labels or None, and the problems.
    """
    problems = wrong_columns(table, columns) or wrong_cells(table, columns)
    if problems:
        return None, problems
    rows = [f"line {line}" for line in _rows_without_one_class(table, columns)]
    if rows:
        what = "rows have no 1 or several in data.label_columns, but need one class"
        return None, [*counted_examples(what, rows), SEVERAL_LABELS]
    return _read(table, columns), []


def zero_one_columns(table: CsvFile, others: Collection[str]) -> list[str]:
    """Returns the columns that contain only 0 and 1, or true and false.

    Returns:
        Their names; empty if there are fewer than two.
    """
    names = [name for name in table.header if name and name not in others]
    free = [name for name in names if not repeated_columns(table.header, [name])]
    found = [
        name for name in free if set(map(zero_or_one, table.column(name))) <= {0.0, 1.0}
    ]
    return found if len(found) > 1 else []


def text_columns(table: CsvFile, others: Collection[str]) -> list[str]:
    """Returns the columns whose cells are recurring names, as those of classes are.

    Next to such a column, columns of 0 and 1 may be anything, such as one-hot encoded sex.

    Args:
        table: The table.
        others: Columns that have another meaning.
    """
    free = {name for name in table.header if name and name not in others}
    cells = {name: [c for c in table.column(name) if c] for name in sorted(free)}
    return [
        name
        for name, each in cells.items()
        if 1 < len(set(each)) < len(each) and not all(map(_is_number, set(each)))
    ]


def about_labels(table: CsvFile, others: Collection[str]) -> list[Problem]:
    """Returns the problem of columns of 0 and 1 that are ambiguous, with suggestions.

    Args:
        table: The table.
        others: Columns that have another meaning.
    """
    found = zero_one_columns(table, others)
    if not found:
        return []
    has = f"it has columns of 0 and 1 ({some(found)})"
    if _rows_without_one_class(table, found):
        classes = "if some of the columns are classes, name them in data.label_columns"
        return [f"{has}, and rows with no 1 or several; {classes}", SEVERAL_LABELS]
    texts = text_columns(table, [*others, *found])
    return [
        f"{has}, and others that may be the classes ({some(texts)}); name the column of "
        "classes in data.label_column, or those of 0 and 1 in data.label_columns"
    ]


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _read(table: CsvFile, columns: Sequence[str]) -> OneHotLabels:
    cells = [columns[row.index(1.0)] for row in zip(*_values(table, columns), strict=True)]
    empty = [name for name in columns if name not in cells]
    remarks = [f"classes without images are ignored: {some(empty)}"] if empty else []
    return OneHotLabels(cells, list(columns), remarks)


def wrong_columns(table: CsvFile, columns: Sequence[str]) -> list[str]:
    """Returns the problems with the names in `data.label_columns`."""
    twice = repeated_columns([*columns, *table.header], columns)
    problems = [
        f"the column {name} occurs more than once"
        for name in dict.fromkeys(twice)
        if table.header.count(name) > 1 or columns.count(name) > 1
    ]
    for name in dict.fromkeys(columns):
        if name not in table.header:
            hint = column_hint(table.header, name)
            problems.append(f"data.label_columns: {name} is not a column. {hint}")
    return problems


def wrong_cells(table: CsvFile, columns: Sequence[str]) -> list[str]:
    """Returns the problems with cells that are neither 0 nor 1."""
    return [
        line
        for name, values in zip(columns, _values(table, columns), strict=True)
        for line in counted_examples(
            f"cells of the column {name} are neither 0 nor 1",
            [
                f"line {row} ({cell or 'empty'})"
                for (row, _), value, cell in zip(
                    table.rows, values, table.column(name), strict=True
                )
                if value not in (0.0, 1.0)
            ],
        )
    ]


def _rows_without_one_class(table: CsvFile, columns: Sequence[str]) -> list[int]:
    sums = map(sum, zip(*_values(table, columns), strict=True))
    return [line for (line, _), ones in zip(table.rows, sums, strict=True) if ones != 1]


def _values(table: CsvFile, columns: Iterable[str]) -> list[list[float]]:
    return [list(map(zero_or_one, table.column(name))) for name in columns]


def zero_or_one(cell: str) -> float:
    """Converts a cell to a number, true and false to 1 and 0, and other text to -1."""
    try:
        return float(_WORDS.get(cell.casefold(), cell))
    except ValueError:
        return -1.0
