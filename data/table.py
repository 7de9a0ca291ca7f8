"""Reads labels from a table: a CSV file with a row a picture."""

import csv
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..core.errors import DataError, message
from ..core.names import did_you_mean
from .picture_names import resolve, summary
from .scan import Scan

_DELIMITERS = ",;\t"


@dataclass(frozen=True)
class Columns:
    """What the columns of a table are called.

    Attributes:
        image: That of the pictures' names.
        label: That of their classes.
        group: That of their groups, such as patients, or None.
    """

    image: str
    label: str
    group: str | None


@dataclass(frozen=True)
class _Row:
    line: int
    image: str
    label: str
    group: str


def read_table(path: Path, root: Path | None, columns: Columns, name: str) -> Scan:
    """Reads which pictures there are, and of which classes, from a table.

    A picture is named by its path below `root`, or by the name of its file wherever that
    is below `root`; both with or without the extension, if only one file fits.

    Args:
        path: A CSV file in UTF-8, with commas, semicolons or tabs, and a header.
        root: Folder of the pictures; by default that of the table.
        columns: What its columns are called.
        name: The setting that named it, for messages, such as `"data.train"`.

    Returns:
        The pictures, sorted by class and then by path.

    Raises:
        DataError: The table can't be used; all that is wrong with it is named.
    """
    root = path.parent if root is None else root
    header, lines = _read(path, name)
    problems = _missing_columns(header, columns) + _ragged_rows(header, lines)
    if not root.is_dir():
        problems.append(f"the folder of its pictures does not exist: {root}")
    rows = _rows(header, lines, columns)
    problems += _wrong_labels(rows, columns) if columns.label in header else []
    found: dict[str, str] = {}
    if columns.image in header:
        problems += _contradictions(rows)
        if root.is_dir():
            lines_of = {row.image: row.line for row in reversed(rows)}
            found, unresolved = resolve(lines_of, root)
            problems += unresolved
    if problems:
        raise _error(path, problems, name)
    return _scan(root, rows, found, path, name)


def _scan(
    root: Path, rows: Sequence[_Row], found: dict[str, str], path: Path, name: str
) -> Scan:
    by_path: dict[str, _Row] = {}
    for row in rows:
        by_path.setdefault(found[row.image], row)
    twice = _contradictions(
        [_Row(row.line, found[row.image], row.label, row.group) for row in rows]
    )
    if twice:  # by different names of one file
        raise _error(path, twice, name)
    classes = sorted({row.label for row in rows})
    places = {label: place for place, label in enumerate(classes)}
    files = sorted(by_path, key=lambda file: (by_path[file].label, file))
    return Scan(
        root,
        tuple(classes),
        tuple(files),
        tuple(places[by_path[file].label] for file in files),
        {},
        tuple(by_path[file].group for file in files),
    )


def _read(path: Path, name: str) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """The header, and the other rows that are not empty with their line numbers."""
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            first = file.readline()
            file.seek(0)
            delimiter = max(_DELIMITERS, key=first.count)
            reader = csv.reader(file, delimiter=delimiter)
            header = [cell.strip() for cell in next(reader, [])]
            rows = [
                (reader.line_num, [" ".join(cell.split()) for cell in row])
                for row in reader
                if any(row)
            ]
    except (OSError, csv.Error, UnicodeDecodeError) as error:
        text = "it is not text in UTF-8" if isinstance(error, ValueError) else str(error)
        why = getattr(error, "strerror", None) or text
        raise DataError(
            message(
                f"`{name}` must be a table that can be read ({why}).",
                **{name: str(path)},
            )
        ) from None
    if not rows:
        raise DataError(
            message(
                f"`{name}` must be a table with a header and a row for each picture.",
                **{name: str(path)},
            )
        )
    return header, rows


def _rows(
    header: Sequence[str], lines: Iterable[tuple[int, list[str]]], columns: Columns
) -> list[_Row]:
    """What the columns say of each picture; empty text where one is missing."""
    wanted = (columns.image, columns.label, columns.group)
    places = [header.index(each) if each in header else None for each in wanted]
    return [
        _Row(
            line,
            *("" if p is None or p >= len(cells) else cells[p] for p in places),
        )
        for line, cells in lines
    ]


def _missing_columns(header: Sequence[str], columns: Columns) -> list[str]:
    settings = {"image": columns.image, "label": columns.label, "group": columns.group}
    problems = []
    for setting, column in settings.items():
        if column is not None and column not in header:
            guess = did_you_mean(column, header)
            known = f"It has {', '.join(header)}."
            hint = guess or known
            problems.append(f"data.{setting}_column={column} is not a column. {hint}")
    return problems


def _ragged_rows(
    header: Sequence[str], lines: Sequence[tuple[int, list[str]]]
) -> list[str]:
    ragged = [
        f"line {line} ({len(cells)})" for line, cells in lines if len(cells) != len(header)
    ]
    return summary("rows have another number of cells than the header", ragged)


def _wrong_labels(rows: Sequence[_Row], columns: Columns) -> list[str]:
    empty = [f"line {row.line}" for row in rows if not row.label]
    by_lowered: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        by_lowered[row.label.casefold()].add(row.label)
    alike = [" and ".join(sorted(each)) for each in by_lowered.values() if len(each) > 1]
    return summary(f"rows have no class (data.label_column={columns.label})", empty) + (
        summary("classes differ only in upper and lower case", alike)
    )


def _contradictions(rows: Sequence[_Row]) -> list[str]:
    first: dict[str, _Row] = {}
    labels, groups = [], []
    for row in rows:
        other = first.setdefault(row.image, row)
        where = f"{row.image} (lines {other.line} and {row.line}"
        if row.label != other.label:
            labels.append(f"{where}: {other.label}, {row.label})")
        elif row.group != other.group:
            groups.append(f"{where}: {other.group}, {row.group})")
    return summary("pictures are named twice with different classes", labels) + (
        summary("pictures are named twice with different groups", groups)
    )


def _error(path: Path, problems: Iterable[str], name: str) -> DataError:
    lines = [
        f"`{name}` must be a table that names a picture and its class in each row. {path}:",
        *(f"  {each}" for each in problems),
    ]
    return DataError("\n".join(lines))
