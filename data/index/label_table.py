"""Reads labels from a table: a CSV file with one row per image."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ...core.counted import counted_clause
from ...core.errors import DataError
from .columns import other_columns
from .csv_file import CsvFile, column_hint, read_csv, repeated_columns
from .folders import is_image_name
from .image_names import resolve
from .labels import Labels, read_labels
from .problems import Problem, counted_examples, listed_problems
from .scan import Scan
from .split_names import choose_split_column, read_splits
from .table_columns import Columns


@dataclass(frozen=True)
class _Row:
    line: int
    image: str
    label: str
    group: str
    split: str
    others: tuple[str, ...]
    values: tuple[float, ...]
    features: tuple[str, ...]


def read_table(path: Path, root: Path | None, columns: Columns, name: str) -> Scan:
    """Reads images and their labels from a table.

    Images are named by path relative to `root`, or by file name if that is unambiguous,
    with or without the extension.

    Args:
        path: A CSV file in UTF-8 with a header; commas, semicolons or tabs as delimiters.
        root: Folder of the images; the folder of the table by default.
        columns: Names of the columns.
        name: The setting that names the table, for messages, such as `"data.train"`.

    Returns:
        The images, sorted by class and then by path.

    Raises:
        DataError: The table can't be used; all faults are listed.
    """
    root = path.parent if root is None else root
    table = read_csv(path, [*columns.named().values(), *columns.several], name)
    labels, wrong_labels = read_labels(table, columns)
    if labels.columns:
        columns = replace(columns, several=labels.columns)
    named = columns.named()
    problems = [*wrong_labels, *_wrong_columns(table, named), *_ragged_rows(table)]
    split_column, doubts = choose_split_column(table, columns.split, named.values())
    problems += doubts
    if not root.is_dir():
        problems.append(f"the folder of its images does not exist: {root}")
    splits, unknown = read_splits(table, split_column)
    problems += unknown
    used = {*named.values(), *columns.several, split_column or ""}
    others, left_out = other_columns(table, used)
    problems += _wrong_features(table, columns.features, used)
    rows = _rows(table, columns, labels, splits, others)
    found: dict[str, str] = {}
    if columns.image in table.header:
        problems += _contradictions(rows)
        if root.is_dir():
            lines_of = {row.image: row.line for row in reversed(rows)}
            found, unresolved = resolve(lines_of, root)
            problems += unresolved
    if problems:
        raise _error(path, problems, name)
    scan = _scan(root, rows, found, path, name, tuple(others))
    if labels.targets is not None:
        scan = _with_targets(scan, rows, found, labels.targets.names)
    return replace(scan, remarks=(*labels.remarks, *scan.remarks, *left_out))


def _scan(
    root: Path,
    rows: Sequence[_Row],
    found: dict[str, str],
    path: Path,
    name: str,
    others: Sequence[str],
) -> Scan:
    by_path: dict[str, _Row] = {}
    for row in rows:
        by_path.setdefault(found[row.image], row)
    twice = _contradictions([replace(row, image=found[row.image]) for row in rows])
    if twice:  # rows with different names of one file
        raise _error(path, twice, name)
    classes = sorted({row.label for row in rows})
    places = {label: place for place, label in enumerate(classes)}
    files = sorted(by_path, key=lambda file: (by_path[file].label, file))
    repeated = len(rows) - len(files)
    return Scan(
        root,
        tuple(classes),
        tuple(files),
        tuple(places[by_path[file].label] for file in files),
        {},
        tuple(by_path[file].group for file in files),
        tuple(by_path[file].split for file in files),
        (counted_clause(repeated, f"rows of {path} repeat a file and count once"),)
        * bool(repeated),
        {
            column: tuple(by_path[file].others[place] for file in files)
            for place, column in enumerate(others)
        },
    )


def _with_targets(
    scan: Scan, rows: Sequence[_Row], found: Mapping[str, str], names: tuple[str, ...]
) -> Scan:
    """Returns the same images with numeric targets instead of classes."""
    values = {found[row.image]: row.values for row in reversed(rows)}
    return replace(
        scan,
        class_names=names,
        labels=(0,) * len(scan.paths),
        targets=[values[path] for path in scan.paths],
    )


def _rows(
    table: CsvFile,
    columns: Columns,
    labels: Labels,
    splits: Sequence[str],
    others: Mapping[str, Sequence[str]],
) -> list[_Row]:
    """Combines the columns to rows; missing columns are empty strings."""
    empty = [""] * len(table.rows)
    images, groups = (
        table.column(each) if each in table.header else empty
        for each in (columns.image, columns.group)
    )
    lines = [line for line, _ in table.rows]
    rest = zip(*others.values(), strict=True) if others else [()] * len(lines)
    values = labels.targets.values if labels.targets else [()] * len(lines)
    asked = [others[name] for name in columns.features if name in others]
    features = zip(*asked, strict=True) if asked else [()] * len(lines)
    cells = zip(
        lines, images, labels.cells, groups, splits, rest, values, features, strict=True
    )
    return [_Row(*each) for each in cells]


def _wrong_columns(table: CsvFile, named: dict[str, str]) -> list[str]:
    problems = [
        f"the column {each} occurs more than once"
        for each in repeated_columns(table.header, named.values())
    ]
    missing = {k: name for k, name in named.items() if name not in table.header}
    if missing and any(map(is_image_name, table.header)):
        example = ",".join(named.values())
        return [f"its first line must be a header, such as {example}, but it is an image"]
    for setting, column in missing.items():
        hint = column_hint(table.header, column)
        problems.append(f"{setting}: {column} is not a column. {hint}")
    return problems


def _wrong_features(
    table: CsvFile, features: Sequence[str], used: Collection[str]
) -> list[str]:
    """Returns the problems with the names in `data.features`."""
    problems = [
        f"the column {each} of data.features occurs more than once"
        for each in repeated_columns(table.header, features)
    ]
    for name in features:
        if name not in table.header:
            hint = column_hint(table.header, name)
            problems.append(f"data.features: {name} is not a column. {hint}")
        elif name in used:
            problems.append(
                f"data.features: {name} is the column of images, labels, groups or splits, "
                "which a model must not see. Remove it"
            )
    return problems


def _ragged_rows(table: CsvFile) -> list[str]:
    wanted = len(table.header)
    ragged = [
        f"line {line} ({len(cells)})" for line, cells in table.rows if len(cells) != wanted
    ]
    return counted_examples("rows have a different number of cells than the header", ragged)


def _contradictions(rows: Sequence[_Row]) -> list[str]:
    first: dict[str, _Row] = {}
    found: dict[str, list[str]] = {
        "classes": [],
        "groups": [],
        "splits": [],
        "data.features": [],
    }
    for row in rows:
        other = first.setdefault(row.image, row)
        for what, a, b in (
            ("classes", other.label, row.label),
            ("groups", other.group, row.group),
            ("splits", other.split, row.split),
            ("data.features", other.features, row.features),
        ):
            if a != b:
                where = f"{row.image} (lines {other.line} and {row.line}"
                found[what].append(f"{where}: {_text(a)}, {_text(b)})")
                break
    return [
        line
        for what, examples in found.items()
        for line in counted_examples(
            f"images are named twice with different {what}", examples
        )
    ]


def _text(cells: str | tuple[str, ...]) -> str:
    return cells if isinstance(cells, str) else "|".join(cells)


def _error(path: Path, problems: Iterable[Problem], name: str) -> DataError:
    expected = f"`{name}` must be a table with an image and its label in each row."
    return listed_problems(f"{expected} {path}:", problems)
